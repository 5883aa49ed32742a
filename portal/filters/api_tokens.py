"""Filters of the lists of tokens."""

from __future__ import annotations

import django_filters

from portal.choices import ApiTokenState
from portal.models import ApiToken
from portal.shell.filters import SearchFilter, ShellFilterSet


class ApiTokenFilters(ShellFilterSet):
    """Search by name or prefix; by state."""

    q = SearchFilter(fields=("name", "prefix"))
    state = django_filters.ChoiceFilter(
        choices=ApiTokenState.choices, empty_label="Any", label="State"
    )

    class Meta:
        model = ApiToken
        fields = ()


class AllApiTokenFilters(ApiTokenFilters):
    """By owner too."""

    q = SearchFilter(fields=("name", "prefix", "owner__username", "owner__full_name"))
