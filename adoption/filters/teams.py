"""Filters of the list of teams."""

from __future__ import annotations

from adoption.models import Team
from portal.shell.filters import SearchFilter, ShellFilterSet


class TeamFilters(ShellFilterSet):
    """Search by name."""

    q = SearchFilter(fields=("name",))

    class Meta:
        model = Team
        fields = ()
