"""Filters of the list of price plans."""

from __future__ import annotations

from billing.models import PricePlan
from portal.shell.filters import SearchFilter, ShellFilterSet


class PlanFilters(ShellFilterSet):
    """By words."""

    q = SearchFilter(fields=("provider", "key", "name", "source"))

    class Meta:
        model = PricePlan
        fields = ()
