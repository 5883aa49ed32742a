"""Filters of the list of budgets."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from billing.choices import BudgetPeriod
from billing.models import Budget
from portal.shell.filters import SearchFilter, ShellFilterSet

LIVE, ENDED = "live", "ended"


class BudgetFilters(ShellFilterSet):
    """Search, period, and whether it is still live."""

    q = SearchFilter(fields=("use_case__title", "programme__name", "owner__full_name"))
    period = django_filters.ChoiceFilter(
        choices=BudgetPeriod.choices, empty_label="Any", label="Period"
    )
    state = django_filters.ChoiceFilter(
        choices=[(LIVE, "Live"), (ENDED, "Ended")],
        empty_label="Any",
        label="State",
        method="filter_state",
    )

    class Meta:
        model = Budget
        fields = ()

    def filter_state(self, rows: QuerySet[Budget], _name: str, state: str) -> QuerySet[Budget]:
        """Whether costs are still measured against it."""
        return rows.filter(ended_at__isnull=state == LIVE)
