"""The rows of the roll-ups that a person may read; sums are in `costs.py`."""

from __future__ import annotations

import datetime as dt
from typing import TypeVar

from django.db.models import QuerySet

from billing.models import DailyCost, MonthlyCost
from billing.policies import may_see_costs
from portal.policies import AnyUser

CostT = TypeVar("CostT", DailyCost, MonthlyCost)


def daily_costs_visible_to(user: AnyUser) -> QuerySet[DailyCost]:
    """The roll-up, for those who may see costs."""
    return DailyCost.objects.all() if may_see_costs(user) else DailyCost.objects.none()


def monthly_costs_visible_to(user: AnyUser) -> QuerySet[MonthlyCost]:
    """The same by month, for sums over whole months."""
    return MonthlyCost.objects.all() if may_see_costs(user) else MonthlyCost.objects.none()


def within(
    costs: QuerySet[CostT], *, start: dt.date | None, end: dt.date | None
) -> QuerySet[CostT]:
    """Only days (UTC) from `start` up to, not including, `end`; None leaves that side open.

    Of monthly costs, only months whose first day is in it.
    """
    if start is not None:
        costs = costs.filter(day__gte=start)
    return costs if end is None else costs.filter(day__lt=end)
