"""What filters can offer: the values that monthly costs hold."""

from __future__ import annotations

import datetime as dt

from django.core.cache import cache
from django.db.models import Max

from billing.choices import CostBasis
from billing.models import MonthlyCost
from billing.selectors.references import spelled
from billing.selectors.sums import newest_write
from portal.shell.periods import Month

_CACHE_SECONDS = 3600


def values_in_use() -> dict[str, list[str]]:
    """Providers, services, models, …, sorted; kept until a cost is written."""
    newest = newest_write()
    key = f"billing:values-in-use:{newest}"
    found: dict[str, list[str]] | None = cache.get(key)
    if found is None:
        names = ("provider", "service_name", "currency", "cost_basis", "model", "cost_center")
        rows = MonthlyCost.objects.order_by().values_list(*names).distinct()
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        found = {name: sorted(set(column)) for name, column in zip(names, columns, strict=True)}
        cache.set(key, found, _CACHE_SECONDS)
    return found


def choices_for(column: str) -> list[tuple[str, str]]:
    """Choices of a filter on a column of `values_in_use`. One query."""
    return choices_of(column, values_in_use()[column])


def choices_of(column: str, values: list[str]) -> list[tuple[str, str]]:
    """Choices of a filter on a column with these values."""
    if column == "cost_basis":
        return [(value, str(CostBasis(value).label)) for value in values]
    return [(spelled(value), value or "None stated") for value in values]


def newest_month(*, until: dt.datetime | None = None) -> Month | None:
    """The newest month (UTC) with costs; None before the first import.

    Args:
        until: none after the month of this moment, which pages ask about as of a moment.
    """
    day = MonthlyCost.objects.aggregate(newest=Max("day"))["newest"]
    if day is None or until is None:
        return None if day is None else Month.of(day)
    return min(Month.of(day), Month.of(until.astimezone(dt.UTC).date()))
