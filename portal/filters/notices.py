"""Filters of the list of notices."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from portal.models import Notice
from portal.shell.filters import SearchFilter, ShellFilterSet


class NoticeFilters(ShellFilterSet):
    """Search, and whether it has been read."""

    q = SearchFilter(fields=("title", "text"))
    state = django_filters.ChoiceFilter(
        choices=[("unread", "Not read"), ("read", "Read")],
        empty_label="Any",
        label="State",
        method="filter_state",
    )

    class Meta:
        model = Notice
        fields = ()

    def filter_state(self, rows: QuerySet[Notice], _name: str, state: str) -> QuerySet[Notice]:
        """Read or not."""
        return rows.filter(read_at__isnull=state == "unread")
