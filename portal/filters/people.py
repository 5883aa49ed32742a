"""Filters of people and of the roles they hold."""

from __future__ import annotations

import django_filters

from portal.choices import AccountKind, GrantSource, Role
from portal.models import RoleGrant, User
from portal.shell.filters import SearchFilter, ShellFilterSet


class PersonFilters(ShellFilterSet):
    """Of the list of people."""

    q = SearchFilter(fields=("username", "full_name", "email"))
    state = django_filters.ChoiceFilter(
        choices=[("active", "Active"), ("deactivated", "Deactivated")],
        empty_label="Any",
        label="State",
    )
    kind = django_filters.ChoiceFilter(
        choices=AccountKind.choices, empty_label="Any", label="Signs in with"
    )
    role = django_filters.ChoiceFilter(
        choices=Role.choices, empty_label="Any", label="Role", field_name="role_grants__role"
    )

    class Meta:
        model = User
        fields = ()


class GrantFilters(ShellFilterSet):
    """Of the list of roles held."""

    q = SearchFilter(fields=("user__username", "user__full_name"))
    role = django_filters.ChoiceFilter(choices=Role.choices, empty_label="Any", label="Role")
    source = django_filters.ChoiceFilter(
        choices=GrantSource.choices, empty_label="Any", label="By way of"
    )

    class Meta:
        model = RoleGrant
        fields = ()
