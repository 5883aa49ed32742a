"""Filters of dashboards."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from adoption.choices import DashboardStatus
from adoption.models import Dashboard
from portal.shell.filters import SearchFilter, ShellFilterSet


class DashboardFilters(ShellFilterSet):
    """Words of title, purpose, goal or owner; and how far it is trusted."""

    q = SearchFilter(
        fields=("title", "purpose", "milestone__title", "owner__full_name"),
        label="Title, goal or owner",
    )
    status = django_filters.ChoiceFilter(
        choices=DashboardStatus.choices, empty_label="Any", label="Status", method="filter_status"
    )

    class Meta:
        model = Dashboard
        fields = ()

    def filter_status(
        self, rows: QuerySet[Dashboard], _name: str, value: str
    ) -> QuerySet[Dashboard]:
        """As shown: what is in review or due by now is found as that."""
        return rows.filter(shown_status=value)  # type: ignore[misc]  # by `dashboard_rows`
