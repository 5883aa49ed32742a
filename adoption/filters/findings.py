"""Filters of findings."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet

from adoption.models import GamingFinding
from portal.shell.filters import SearchFilter, ShellFilterSet


class FindingFilters(ShellFilterSet):
    """By whether somebody answered, and by words."""

    state = django_filters.ChoiceFilter(
        choices=[("open", "Open"), ("acknowledged", "Acknowledged")],
        empty_label="Any",
        label="State",
        method="with_state",
    )
    q = SearchFilter(fields=("scope_name", "said"), label="Service or words")

    class Meta:
        model = GamingFinding
        fields = ()

    def with_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Open ones have no answer."""
        return rows.filter(acknowledged_at__isnull=value == "open")
