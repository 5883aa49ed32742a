"""Filters of the list of forecasts."""

from __future__ import annotations

from billing.filters.moments import AsOfFilterSet, HappenedFilter
from billing.models import Forecast
from portal.shell.filters import MonthFilter, SearchFilter


class ForecastFilters(AsOfFilterSet):
    """By use case and month; as of a moment."""

    q = SearchFilter(fields=("use_case__title", "currency"))
    month = MonthFilter(field_name="month", label="Month")
    as_of = HappenedFilter(field_name="frozen_at")

    class Meta:
        model = Forecast
        fields = ()
