"""Refreshing the daily roll-up for touched days, and the monthly one for their months."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Any

from django.db import connection

from portal.imports.staging import StagingTable
from portal.shell.money import NANO_PER_UNIT
from portal.shell.periods import Month

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
# What the daily costs of a month are summed by, beside its use case, which may be none: then 0.
_KEY = (
    *("provider", "service_name", "model", "cost_center", "charge_category"),
    *("currency", "cost_basis", "unallocated_reason"),
)
_TOUCHED_COST = {"first_day": "date", "use_case": "bigint", **dict.fromkeys(_KEY, "text")}


def _key_of(table: str) -> str:
    return ", ".join([f"COALESCE({table}.use_case_id, 0)", *(f"{table}.{name}" for name in _KEY)])


# Asked before the days are written anew, and after: what is gone from a day is less in its month.
_NOTE_TOUCHED = f"""
INSERT INTO touched_cost ({", ".join(_TOUCHED_COST)})
SELECT DISTINCT m.first_day, {_key_of("d")}
FROM touched_month m
JOIN billing_dailycost d
  ON d.connection_id = %s AND d.day >= m.first_day AND d.day < m.next_month
WHERE d.day IN (SELECT day FROM touched_day)
"""  # noqa: S608  (names of our own)
_FORGET_MONTHS = """
DELETE FROM billing_monthlycost
WHERE connection_id = %s AND day IN (SELECT first_day FROM touched_month)
"""
# Whole units and the rest apart: in some currencies a month's nano-units pass 64 bits.
_REFRESH_MONTHS = f"""
INSERT INTO billing_monthlycost (
    day, newest_day, use_case_id, connection_id, provider, service_name, model,
    cost_center, charge_category, currency,
    cost_basis, unallocated_reason, billed_whole, billed_part, effective_whole, effective_part,
    effective_unknown, charges, uninvoiced, restated, closed, changed_at)
SELECT m.first_day, MAX(d.day), d.use_case_id, d.connection_id, d.provider, d.service_name,
       d.model, d.cost_center, d.charge_category, d.currency, d.cost_basis, d.unallocated_reason,
       CAST(SUM(d.billed_nano / {NANO_PER_UNIT}) AS bigint),
       CAST(SUM(d.billed_nano %% {NANO_PER_UNIT}) AS bigint),
       CAST(SUM(d.effective_nano / {NANO_PER_UNIT}) AS bigint),
       CAST(SUM(d.effective_nano %% {NANO_PER_UNIT}) AS bigint),
       SUM(d.effective_unknown), SUM(d.charges), SUM(d.uninvoiced), SUM(d.restated),
       SUM(d.closed),
       MAX(d.changed_at)
FROM touched_month m
JOIN billing_dailycost d
  ON d.connection_id = %s AND d.day >= m.first_day AND d.day < m.next_month
WHERE {{condition}}
GROUP BY m.first_day, d.use_case_id, d.connection_id, d.provider, d.service_name,
         d.model, d.cost_center, d.charge_category, d.currency, d.cost_basis, d.unallocated_reason
"""  # noqa: S608  (a number of this code base; the value is bound)
# Most imports touch a few costs of a month that has thousands: the others stay as they are.
# `IS TRUE`: PostgreSQL would else join, expecting a single row, and compare all with all.
_IS_TOUCHED = f"""
(({{day}}, {{key}}) IN (SELECT {", ".join(_TOUCHED_COST)} FROM touched_cost)) IS TRUE
"""  # noqa: S608  (names of our own)
_FORGET_TOUCHED = (
    _FORGET_MONTHS + "AND" + _IS_TOUCHED.format(day="day", key=_key_of("billing_monthlycost"))
)
_REFRESH_TOUCHED = _REFRESH_MONTHS.format(
    condition=_IS_TOUCHED.format(day="m.first_day", key=_key_of("d"))
)
_REFRESH_WHOLE = _REFRESH_MONTHS.format(condition="1 = 1")


# In order, so that two imports of one connection wait for each other and never both.
_COUNT_WRITES = """
INSERT INTO billing_monthlywrite (connection_id, day, writes)
SELECT CAST(%s AS bigint), first_day, 1 FROM touched_month WHERE 1 = 1 ORDER BY first_day
ON CONFLICT (connection_id, day) DO UPDATE SET writes = billing_monthlywrite.writes + 1
"""


def _stage(table: StagingTable, rows: Iterable[Sequence[Any]]) -> StagingTable:
    table.create()
    table.load(rows)
    table.analyze()
    return table


def _staged_months(months: Collection[Month]) -> StagingTable:
    table = StagingTable(
        "touched_month", {"first_day": "date", "next_month": "date"}, primary_key=["first_day"]
    )
    return _stage(table, [(month.start, month.end) for month in sorted(months)])


def refresh_daily_costs(*, connection_id: int, days: Collection[date]) -> None:
    """Rewrite the daily costs of one connection for `days` (UTC) from its live allocations, and
    what they are part of in the monthly ones.

    Call it in the transaction that changed them, so that no page ever sees one without the other,
    and after the slices and restatements of that change have been written.
    """
    if not days:
        return
    touched_days = StagingTable("touched_day", {"day": "date"}, primary_key=["day"])
    costs = StagingTable("touched_cost", _TOUCHED_COST)
    staged = [
        _stage(touched_days, [(day,) for day in sorted(days)]),
        _staged_months({Month.of(day) for day in days}),
        _stage(costs, []),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_TOUCHED, [connection_id])
        cursor.execute(
            "DELETE FROM billing_dailycost WHERE connection_id = %s "
            "AND day IN (SELECT day FROM touched_day)",
            [connection_id],
        )
        cursor.execute(_REFRESH, [connection_id, connection_id])
        cursor.execute(_NOTE_TOUCHED, [connection_id])
        costs.analyze()
        cursor.execute(_FORGET_TOUCHED, [connection_id])
        cursor.execute(_REFRESH_TOUCHED, [connection_id])
        cursor.execute(_COUNT_WRITES, [connection_id])
    for table in staged:
        table.drop()


def refresh_monthly_costs(*, connection_id: int, months: Collection[Month]) -> None:
    """Rewrite the monthly costs of one connection for `months` (UTC) from its daily costs.

    `refresh_daily_costs` does it for what it touches; in the same transaction, so that a month
    never tells another sum than its days.
    """
    staged = _staged_months(months)
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_MONTHS, [connection_id])
        cursor.execute(_REFRESH_WHOLE, [connection_id])
        cursor.execute(_COUNT_WRITES, [connection_id])
    staged.drop()
