"""The daily roll-up, written anew for touched days; months follow (`monthly_rollups`)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from django.db import connection

from billing.services.monthly_rollups import MonthsInStep
from portal.imports.staging import StagingTable

# Led by the slices of those days: their day is that of their charges and allocations, there are few
# of them, and from there every step is by a key. By the allocation's day it would read everything.
# So are restatements: there is one for every day that was read again, for ever.
# Lines are added up by keys first: what they say is then looked up once for all that are alike.
# What another source counts is in no sum; the page of overlaps shows it.
_REFRESH = """
INSERT INTO billing_dailycost (
    day, use_case_id, connection_id, provider, service_name, model, cost_center,
    charge_category, currency, cost_basis, unallocated_reason, billed_nano, effective_nano,
    effective_unknown, charges, uninvoiced, restated, closed, changed_at)
SELECT g.day, g.use_case_id, s.connection_id, d.provider, d.service_name, d.model,
       d.cost_center, d.charge_category, g.currency, g.cost_basis, g.unallocated_reason,
       CAST(SUM(g.billed) AS bigint),
       CAST(COALESCE(SUM(g.effective), 0) AS bigint),
       SUM(g.effective_unknown),
       SUM(g.charges),
       SUM(CASE WHEN d.invoice_id = '' THEN g.charges ELSE 0 END),
       SUM(CASE WHEN p.moved_at IS NOT NULL
                  OR (r.newest IS NOT NULL AND (p.id IS NULL OR r.newest > p.closed_at))
           THEN g.charges ELSE 0 END),
       SUM(CASE WHEN p.id IS NULL THEN 0 ELSE g.charges END),
       MAX(s.changed_at)
FROM (
    SELECT c.slice_id, c.dimension_id, a.day, a.use_case_id, c.currency, c.cost_basis,
           a.unallocated_reason, SUM(a.billed_nano) AS billed, SUM(a.effective_nano) AS effective,
           SUM(CASE WHEN a.effective_nano IS NULL THEN 1 ELSE 0 END) AS effective_unknown,
           COUNT(*) AS charges
    FROM billing_chargeslice t
    JOIN billing_charge c ON c.slice_id = t.id
    JOIN billing_allocation a ON a.charge_id = c.id
    WHERE t.day IN (SELECT day FROM touched_day) AND t.connection_id = %s
      AND c.superseded_at IS NULL AND a.unallocated_reason <> 'not_counted'
    GROUP BY c.slice_id, c.dimension_id, a.day, a.use_case_id, c.currency, c.cost_basis,
             a.unallocated_reason
) g
JOIN billing_chargeslice s ON s.id = g.slice_id
JOIN billing_chargedimension d ON d.id = g.dimension_id
LEFT JOIN (
    SELECT slice_id, MAX(restated_at) AS newest FROM billing_restatement
    WHERE slice_id IN (SELECT t.id FROM billing_chargeslice t
                       WHERE t.day IN (SELECT day FROM touched_day) AND t.connection_id = %s)
    GROUP BY slice_id
) r ON r.slice_id = s.id
LEFT JOIN billing_closedpart p ON p.slice_id = s.id AND p.invoice_issuer = d.invoice_issuer
    AND p.provider = d.provider AND p.invoice_id = d.invoice_id
GROUP BY g.day, g.use_case_id, s.connection_id, d.provider, d.service_name, d.model,
         d.cost_center, d.charge_category, g.currency, g.cost_basis, g.unallocated_reason
"""
_FORGET = """
DELETE FROM billing_dailycost
WHERE connection_id = %s AND day IN (SELECT day FROM touched_day)
"""


def refresh_daily_costs(*, connection_id: int, days: Collection[date]) -> None:
    """Rewrite the daily costs of one connection for `days` (UTC) from its live allocations, and
    what they are part of in the monthly ones.

    Call it in the transaction that changed them, so that no page ever sees one without the other,
    and after the slices and restatements of that change have been written.
    """
    if not days:
        return
    touched = StagingTable("touched_day", {"day": "date"}, primary_key=["day"])
    touched.create()
    touched.load((day,) for day in sorted(days))
    touched.analyze()
    with connection.cursor() as cursor:
        months = MonthsInStep(cursor, connection_id=connection_id, days=days)
        cursor.execute(_FORGET, [connection_id])
        cursor.execute(_REFRESH, [connection_id, connection_id])
        months.follow()
    touched.drop()
