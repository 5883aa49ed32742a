"""Making dashboards: the working copy, its tiles, and how often the approved one is used."""

from __future__ import annotations

import datetime as dt
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F

from adoption.choices import AccessAction, TileKind
from adoption.metrics.dashboard_rules import MOST_TILES
from adoption.models import Dashboard, DashboardAccess, MetricVersion, Milestone
from adoption.selectors.served_values import code_of, is_filled
from adoption.services.refusals import RefusedError, check_version
from adoption.services.slugs import save_with_slug
from portal.audit.record import record_event
from portal.choices import AuditOperation, Role
from portal.models import User
from portal.policies import holds

logger = structlog.get_logger(__name__)
EMPLOYEE = "employee"
# A person is counted under the first role that they hold.
ROLES_IN_ORDER = (
    Role.AUDITOR, Role.APPROVER, Role.FINANCE, Role.PROGRAMME_LEAD, Role.ADMINISTRATOR,
)  # fmt: skip


@transaction.atomic
def create_dashboard(
    *, title: str, purpose: str, milestone: Milestone | None, actor: User, at: dt.datetime
) -> Dashboard:
    """A draft without tiles, owned by whoever makes it.

    Raises:
        ValidationError: a field is wrong.
        RefusedError: no goal is named.
    """
    _check_goal(milestone)
    row = Dashboard(
        title=title.strip(),
        purpose=purpose.strip(),
        owner=actor,
        milestone=milestone,
        editors_since_approval=[actor.pk],
        status_since=at,
        created_at=at,
    )
    return save_with_slug(row, title, fallback="dashboard")


def _check_goal(milestone: Milestone | None) -> None:
    if milestone is None:
        raise RefusedError(
            "Choose the milestone that it helps to reach: what serves no goal decides nothing.",
            field="milestone",
        )


def lock_dashboard(pk: int | str) -> Dashboard:
    """Everybody who writes takes this lock; read what hangs on it afterwards."""
    return Dashboard.objects.select_for_update(of=("self",)).get(pk=pk)


def _edit(pk: int, expected_version: int, actor: User) -> Dashboard:
    row = lock_dashboard(pk)
    check_version("dashboard", expected=expected_version, current=row.version)
    row.editors_since_approval = sorted({*row.editors_since_approval, actor.pk})
    row.version += 1
    return row


@transaction.atomic
def update_dashboard(
    *,
    dashboard_id: int,
    expected_version: int,
    title: str,
    purpose: str,
    milestone: Milestone | None,
    actor: User,
    at: dt.datetime,
) -> Dashboard:
    """Other words or another goal, in the working copy. What is approved stays as it is.

    Raises:
        StaleVersionError: it is no longer at `expected_version`.
        ValidationError, RefusedError: a field is wrong.
    """
    _check_goal(milestone)
    row = _edit(dashboard_id, expected_version, actor)
    row.title, row.purpose, row.milestone = title.strip(), purpose.strip(), milestone
    row.full_clean()
    row.save(update_fields=["title", "purpose", "milestone", "editors_since_approval", "version"])
    return row


@transaction.atomic
def add_tile(
    *,
    dashboard_id: int,
    expected_version: int,
    version_id: int,
    scope_kind: str,
    scope_id: int,
    kind: str,
    title: str = "",
    actor: User,
    at: dt.datetime,
) -> Dashboard:
    """Put a tile at the end of the working copy.

    Raises:
        StaleVersionError: it is no longer at `expected_version`.
        RefusedError: there is no such version in the catalogue, it has no value in that scope, the
            same tile is there already, or there are too many.
    """
    row = _edit(dashboard_id, expected_version, actor)
    version = MetricVersion.objects.filter(pk=version_id).first()
    if version is None or code_of(version.key, version.version) is None:
        raise RefusedError("The catalogue does not have this version.", field="version")
    if kind not in TileKind.values:
        raise RefusedError("A tile shows a number, a trend, a distribution or a table.")
    if not is_filled((version.pk, scope_kind, scope_id)):
        raise RefusedError(f"{version} has no value there.", field="scope")
    tile: dict[str, Any] = {
        "kind": kind,
        "metric_version": version.pk,
        "scope_kind": scope_kind,
        "scope_id": scope_id,
        "title": title.strip()[:120],
    }
    if any({**each, "title": ""} == {**tile, "title": ""} for each in row.tiles):
        raise RefusedError("That tile is there already.")
    if len(row.tiles) >= MOST_TILES:
        raise RefusedError(f"Nobody reads more than {MOST_TILES} tiles: remove one first.")
    row.tiles = [*row.tiles, tile]
    row.save(update_fields=["tiles", "editors_since_approval", "version"])
    return row


@transaction.atomic
def move_tile(
    *, dashboard_id: int, expected_version: int, place: int, by: int, actor: User, at: dt.datetime
) -> Dashboard:
    """Move a tile of the working copy `by` places; beyond either end it stays there.

    Raises:
        StaleVersionError: it is no longer at `expected_version`.
        RefusedError: there is no tile at that place (from 0).
    """
    row = _edit(dashboard_id, expected_version, actor)
    tiles = list(row.tiles)
    tile = _take(tiles, place)
    tiles.insert(max(0, place + by), tile)
    row.tiles = tiles
    row.save(update_fields=["tiles", "editors_since_approval", "version"])
    return row


@transaction.atomic
def remove_tile(
    *, dashboard_id: int, expected_version: int, place: int, actor: User, at: dt.datetime
) -> Dashboard:
    """Take a tile out of the working copy.

    Raises:
        StaleVersionError: it is no longer at `expected_version`.
        RefusedError: there is no tile at that place (from 0).
    """
    row = _edit(dashboard_id, expected_version, actor)
    tiles = list(row.tiles)
    _take(tiles, place)
    row.tiles = tiles
    row.save(update_fields=["tiles", "editors_since_approval", "version"])
    return row


def _take(tiles: list[Any], place: int) -> Any:
    if not 0 <= place < len(tiles):
        raise RefusedError("There is no such tile any more.")
    return tiles.pop(place)


@transaction.atomic
def record_access(
    *, dashboard: Dashboard, number: int, action: AccessAction, user: User, at: dt.datetime
) -> None:
    """Count that somebody of a role looked at an approved version; an export is in the audit too.

    The day is that of UTC: it is a count, and says nothing about anybody's working hours.
    """
    role = next((each.value for each in ROLES_IN_ORDER if holds(user, each)), EMPLOYEE)
    row, _ = DashboardAccess.objects.get_or_create(
        dashboard=dashboard, number=number, day=at.date(), role=role, action=action
    )
    DashboardAccess.objects.filter(pk=row.pk).update(count=F("count") + 1)
    if action == AccessAction.EXPORTED:
        record_event(
            operation=AuditOperation.NOTED,
            table="dashboard export",
            key=str(dashboard.pk),
            facts={"dashboard": dashboard.slug, "version": number},
        )
