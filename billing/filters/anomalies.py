"""Filters of the list of anomalies."""

from __future__ import annotations

import django_filters
from django import forms
from django.db.models import QuerySet

from billing.filters.moments import AsOfFilterSet, MomentFilter
from billing.models import Anomaly
from billing.vocabularies import ANOMALY_STANDINGS
from portal.shell.filters import MonthFilter, SearchFilter


class AnomalyFilters(AsOfFilterSet):
    """Search, month, and what became of it; as of a moment."""

    q = SearchFilter(fields=("day__use_case__title", "answer"))
    month = MonthFilter(field_name="day__day", label="Month")
    state = django_filters.ChoiceFilter(
        field_name="standing",
        choices=[(each.key, each.label) for each in ANOMALY_STANDINGS.statuses],
        empty_label="Any",
        label="State",
    )
    silent = django_filters.BooleanFilter(
        field_name="deliveries", label="Without deliveries",
        method="filter_silent",
        widget=forms.Select(choices=[("", "Any"), ("true", "Yes"), ("false", "No")]),
    )  # fmt: skip

    as_of = MomentFilter()

    class Meta:
        model = Anomaly
        fields = ()

    def filter_silent(self, rows: QuerySet[Anomaly], _name: str, value: bool) -> QuerySet[Anomaly]:
        """Spend while nothing was claimed for the use case."""
        return rows.filter(deliveries=0) if value else rows.filter(deliveries__gt=0)
