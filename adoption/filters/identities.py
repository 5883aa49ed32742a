"""Filters of identities."""

from __future__ import annotations

from typing import Any

import django_filters

from adoption.choices import IdentityState
from adoption.models import Identity
from adoption.selectors.identities import identity_kinds
from portal.shell.filters import SearchFilter, ShellFilterSet


class IdentityFilters(ShellFilterSet):
    """By state, kind, name and value."""

    state = django_filters.ChoiceFilter(
        choices=IdentityState.choices, empty_label="Any", label="State"
    )
    kind = django_filters.ChoiceFilter(choices=(), empty_label="Any", label="Kind")
    q = SearchFilter(fields=("value", "display_name", "user__full_name"), label="Name or address")

    class Meta:
        model = Identity
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        user = self.request.user if self.request is not None else None
        self.filters["kind"].extra["choices"] = identity_kinds(user) if user is not None else []
