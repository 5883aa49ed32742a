"""Filters of the list of connections."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from portal.choices import ImportKind
from portal.models import Connection
from portal.shell.filters import SearchFilter, ShellFilterSet


class ConnectionFilters(ShellFilterSet):
    """Search by name; by kind; active or not."""

    q = SearchFilter(fields=("name", "slug", "source"))
    kind = django_filters.ChoiceFilter(choices=ImportKind.choices, empty_label="Any", label="Kind")
    active = django_filters.ChoiceFilter(
        choices=(("yes", "Active"), ("no", "Switched off")),
        empty_label="Any",
        label="Activity",
        method="filter_active",
    )

    class Meta:
        model = Connection
        fields = ()

    def filter_active(
        self, rows: QuerySet[Connection], _name: str, value: str
    ) -> QuerySet[Connection]:
        return rows.filter(is_active=value == "yes")
