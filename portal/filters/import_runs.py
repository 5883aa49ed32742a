"""Filters of the list of runs."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import django_filters

from portal.choices import RunStatus, RunTrigger
from portal.models import Connection, ImportRun
from portal.shell.filters import MonthFilter, ShellFilterSet


class ImportRunFilters(ShellFilterSet):
    """By connection, status, cause and month of the request (UTC)."""

    connection = django_filters.ModelChoiceFilter(
        queryset=Connection.objects.order_by("name", "pk"), empty_label="Any", label="Connection"
    )
    status = django_filters.ChoiceFilter(
        choices=RunStatus.choices, empty_label="Any", label="Status"
    )
    trigger = django_filters.ChoiceFilter(
        choices=RunTrigger.choices, empty_label="Any", label="Cause"
    )
    month = MonthFilter(field_name="requested_at", zone=ZoneInfo("UTC"), label="Requested in")

    class Meta:
        model = ImportRun
        fields = ()
