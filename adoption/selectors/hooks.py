"""Reading stored hooks and the secrets that prove them, filtered by who may see them."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Max, Q, QuerySet

from adoption.choices import HookState
from adoption.deploys.providers import PROVIDERS
from adoption.models import HookSecret, StoredHook
from adoption.policies import may_see_hooks
from portal.models import Connection
from portal.policies import AnyUser

STUCK = (HookState.STORED, HookState.FAILED, HookState.REFUSED)


def hooks_visible_to(user: AnyUser) -> QuerySet[StoredHook]:
    """Every stored hook, newest first, without its body; none for those who may not see them."""
    rows = StoredHook.objects.select_related("connection").defer("body").order_by("-pk")
    return rows if may_see_hooks(user) else rows.none()


def hook_connections(user: AnyUser) -> QuerySet[Connection]:
    """Connections that take hooks, by name."""
    rows = Connection.objects.filter(source__in=PROVIDERS).order_by("name", "pk")
    return rows if may_see_hooks(user) else rows.none()


def hook_connection_rows(user: AnyUser) -> list[dict[str, Any]]:
    """The same with how many hooks came, when the last did, and how many a person should see."""
    rows = hook_connections(user).annotate(
        hooks=Count("stored_hooks"),
        stuck=Count("stored_hooks", filter=Q(stored_hooks__state__in=STUCK)),
        last_hook=Max("stored_hooks__received_at"),
    )
    found = rows.values("slug", "name", "source", "hooks", "stuck", "last_hook")
    return [dict(row) for row in found]


def secrets_of(user: AnyUser, connection: Connection) -> QuerySet[HookSecret]:
    """Secrets of a connection, newest first: when they were made and their last four characters."""
    rows = HookSecret.objects.select_related("made_by").defer("ciphertext").order_by("-pk")
    return rows.filter(connection=connection) if may_see_hooks(user) else rows.none()


def hook_names(user: AnyUser) -> list[tuple[str, str]]:
    """Short name and name of each connection that takes hooks, for a filter."""
    return list(hook_connections(user).values_list("slug", "name"))
