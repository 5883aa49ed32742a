"""Reading stored hooks and the secrets that prove them, filtered by who may see them."""

from __future__ import annotations

from django.db.models import Count, F, Max, Q, QuerySet

from adoption.choices import HookState
from adoption.deploys.providers import PROVIDERS
from adoption.models import HookSecret, StoredHook
from adoption.policies import may_see_hooks
from portal.models import Connection
from portal.policies import AnyUser


def hooks_visible_to(user: AnyUser) -> QuerySet[StoredHook]:
    """Every stored hook, newest first, without its body; none for those who may not see them."""
    rows = StoredHook.objects.select_related("connection").defer("body").order_by("-pk")
    return rows if may_see_hooks(user) else rows.none()


def hook_connections(user: AnyUser) -> QuerySet[Connection]:
    """Connections that take hooks, with how many came, when the last did, and what is stuck."""
    rows = Connection.objects.filter(source__in=PROVIDERS)
    if not may_see_hooks(user):
        return rows.none()
    return rows.annotate(
        hooks=Count("stored_hooks"),
        stuck=Count("stored_hooks", filter=Q(stored_hooks__state__in=STUCK)),
        last_hook=Max("stored_hooks__received_at"),
    ).order_by("name", "pk")


STUCK = (HookState.STORED, HookState.FAILED, HookState.REFUSED)


def secrets_of(user: AnyUser, connection: Connection) -> QuerySet[HookSecret]:
    """Secrets of a connection, newest first: when they were made and their last four characters."""
    rows = HookSecret.objects.select_related("made_by").defer("ciphertext").order_by("-pk")
    return rows.filter(connection=connection) if may_see_hooks(user) else rows.none()


def hook_names(user: AnyUser) -> list[tuple[str, str]]:
    """Short name and name of each connection that takes hooks, for a filter."""
    return list(hook_connections(user).annotate(key=F("slug")).values_list("key", "name"))
