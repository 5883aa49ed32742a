"""Filters of the quarantine."""

from __future__ import annotations

import django_filters

from portal.choices import RejectedRowState
from portal.models import Connection, RejectedRow
from portal.shell.filters import SearchFilter, ShellFilterSet


class RejectedRowFilters(ShellFilterSet):
    """By connection, state, reason code and run; search in file, field and value."""

    q = SearchFilter(fields=("file_name", "field", "value"))
    connection = django_filters.ModelChoiceFilter(
        queryset=Connection.objects.order_by("name", "pk"), empty_label="Any", label="Connection"
    )
    state = django_filters.ChoiceFilter(
        choices=RejectedRowState.choices, empty_label="Any", label="State"
    )
    code = django_filters.AllValuesFilter(empty_label="Any", label="Reason")
    run = django_filters.NumberFilter(field_name="run_id", label="Run")

    class Meta:
        model = RejectedRow
        fields = ()
