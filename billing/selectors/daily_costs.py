"""Reading the rows of the daily roll-up one by one; sums are in `costs.py`."""

from __future__ import annotations

import datetime as dt

from django.db.models import QuerySet

from billing.models import DailyCost
from billing.policies import may_see_costs
from portal.policies import AnyUser


def daily_costs_visible_to(user: AnyUser) -> QuerySet[DailyCost]:
    """The roll-up, for those who may see costs."""
    return DailyCost.objects.all() if may_see_costs(user) else DailyCost.objects.none()


def within(
    costs: QuerySet[DailyCost], *, start: dt.date | None, end: dt.date | None
) -> QuerySet[DailyCost]:
    """Only days (UTC) from `start` up to, not including, `end`; None leaves that side open."""
    if start is not None:
        costs = costs.filter(day__gte=start)
    return costs if end is None else costs.filter(day__lt=end)
