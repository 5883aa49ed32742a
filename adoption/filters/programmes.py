"""Filters of the list of programmes."""

from __future__ import annotations

from adoption.models import Programme
from portal.shell.filters import SearchFilter, ShellFilterSet


class ProgrammeFilters(ShellFilterSet):
    """Search by name or owner."""

    q = SearchFilter(fields=("name", "owner__full_name"))

    class Meta:
        model = Programme
        fields = ()
