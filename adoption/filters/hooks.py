"""Filters of stored hooks."""

from __future__ import annotations

from typing import Any

import django_filters

from adoption.choices import HookState
from adoption.models import StoredHook
from adoption.selectors.hooks import hook_names
from portal.shell.filters import SearchFilter, ShellFilterSet


class HookFilters(ShellFilterSet):
    """By state, connection, event and the sender's id."""

    state = django_filters.ChoiceFilter(choices=HookState.choices, empty_label="Any", label="State")
    connection = django_filters.ChoiceFilter(
        field_name="connection__slug", choices=(), empty_label="Any", label="Connection"
    )
    q = SearchFilter(fields=("event", "delivery_id", "reason"), label="Event, id or reason")

    class Meta:
        model = StoredHook
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        user = self.request.user if self.request is not None else None
        self.filters["connection"].extra["choices"] = hook_names(user) if user is not None else []
