"""How fresh the costs are."""

from __future__ import annotations

import datetime as dt

from django.db.models import Max

from portal.choices import ImportKind, RunStatus
from portal.models import ImportRun

# Their connections bring no cost line, so they say nothing about how fresh costs are.
_NO_COSTS = ("invoices", "exchange_rates")


def last_applied_runs(*, until: dt.datetime | None = None) -> dict[int, dt.datetime]:
    """By connection id, when its last applied cost import was finished. One query.

    Args:
        until: only imports finished by then, for what was known at an earlier moment.
    """
    runs = ImportRun.objects.filter(
        status=RunStatus.APPLIED, is_dry_run=False, connection__kind=ImportKind.COSTS
    )
    if until is not None:
        runs = runs.filter(finished_at__lte=until)
    rows = (
        runs.exclude(connection__source__in=_NO_COSTS)
        .order_by()
        .values("connection_id")
        .annotate(newest=Max("finished_at"))
        .values_list("connection_id", "newest")
    )
    return {pk: newest for pk, newest in rows if newest is not None}


def newest_cost_moment() -> dt.datetime | None:
    """When costs were imported last, over all connections; None before the first import."""
    return max(last_applied_runs().values(), default=None)
