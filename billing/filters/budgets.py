"""Filters of the list of budgets."""

from __future__ import annotations

import datetime as dt
from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from billing.choices import BudgetPeriod
from billing.filters.moments import AsOfFilterSet, MomentFilter
from billing.models import Budget
from portal.shell.filters import SearchFilter

LIVE, ENDED = "live", "ended"


class _MadeByFilter(MomentFilter):
    """The budgets that there were at a moment."""

    def filter(self, qs: QuerySet[Any], value: dt.datetime | None) -> QuerySet[Any]:
        return qs if value is None else qs.filter(created_at__lte=value)


class BudgetFilters(AsOfFilterSet):
    """Search, period, and whether it is still live; as of a moment."""

    q = SearchFilter(fields=("use_case__title", "programme__name", "owner__full_name"))
    period = django_filters.ChoiceFilter(
        choices=BudgetPeriod.choices, empty_label="Any", label="Period", method="filter_period"
    )
    state = django_filters.ChoiceFilter(
        choices=[(LIVE, "Live"), (ENDED, "Ended")],
        empty_label="Any",
        label="State",
        method="filter_state",
    )
    as_of = _MadeByFilter()

    class Meta:
        model = Budget
        fields = ()

    def filter_period(self, rows: QuerySet[Budget], _name: str, period: str) -> QuerySet[Budget]:
        """The period of now. That of a moment is known only once each is read as it was; the page
        asks `has_period` then."""
        return rows if self.at is not None else rows.filter(period=period)

    def has_period(self, budget: Budget) -> bool:
        """Whether a budget, as it is or was, has the period that is asked for."""
        asked = self.form.cleaned_data.get("period") if self.is_readable else ""
        return not asked or budget.period == asked

    def filter_state(self, rows: QuerySet[Budget], _name: str, state: str) -> QuerySet[Budget]:
        """Whether costs are, or were, still measured against it."""
        ended = Q(ended_at__isnull=False)
        if self.at is not None:
            ended &= Q(ended_at__lte=self.at)
        return rows.filter(ended if state == ENDED else ~ended)
