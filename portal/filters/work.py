"""Filters of the list of background work."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import django_filters

from portal.choices import WorkStatus
from portal.models import WorkItem
from portal.selectors.work import kinds_visible_to
from portal.shell.filters import MonthFilter, SearchFilter, ShellFilterSet


class WorkFilters(ShellFilterSet):
    """By status, kind, key and month of the request (UTC)."""

    status = django_filters.ChoiceFilter(
        choices=WorkStatus.choices, empty_label="Any", label="Status"
    )
    kind = django_filters.ChoiceFilter(choices=(), empty_label="Any", label="What")
    month = MonthFilter(field_name="requested_at", zone=ZoneInfo("UTC"), label="Requested in")
    q = SearchFilter(fields=("key", "problem"), label="Key or problem")

    class Meta:
        model = WorkItem
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kinds = kinds_visible_to(self.request.user) if self.request is not None else []
        self.filters["kind"].extra["choices"] = [
            (kind.key, kind.label) for kind in sorted(kinds, key=lambda kind: kind.label)
        ]
