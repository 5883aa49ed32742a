"""Filters of the list of restatements."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from billing.filters.moments import AsOfFilterSet, HappenedFilter
from billing.models import Restatement
from portal.choices import ImportKind
from portal.models import Connection
from portal.shell.filters import MonthFilter, SearchFilter


def _connections(_request: object) -> QuerySet[Connection]:
    return Connection.objects.filter(kind=ImportKind.COSTS).order_by("name", "pk")


class RestatementFilters(AsOfFilterSet):
    """By the month whose money moved, and by source; as of a moment."""

    q = SearchFilter(fields=("reason", "slice__billing_account_id"))
    month = MonthFilter(field_name="day", label="Month of the cost")
    source = django_filters.ModelChoiceFilter(
        field_name="slice__connection",
        queryset=_connections,
        to_field_name="slug",
        empty_label="Any",
        label="Source",
    )
    as_of = HappenedFilter(field_name="restated_at")

    class Meta:
        model = Restatement
        fields = ()
