"""Filters of the list of circuit breakers."""

from __future__ import annotations

from billing.models import CircuitBreaker
from portal.shell.filters import SearchFilter, ShellFilterSet


class BreakerFilters(ShellFilterSet):
    """Search by name, use case and value."""

    q = SearchFilter(fields=("name", "use_case__title", "value"))

    class Meta:
        model = CircuitBreaker
        fields = ()
