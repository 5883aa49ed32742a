"""Filters of the list of forecasts."""

from __future__ import annotations

from billing.models import Forecast
from portal.shell.filters import MonthFilter, SearchFilter, ShellFilterSet


class ForecastFilters(ShellFilterSet):
    """By use case and month."""

    q = SearchFilter(fields=("use_case__title", "currency"))
    month = MonthFilter(field_name="month", label="Month")

    class Meta:
        model = Forecast
        fields = ()
