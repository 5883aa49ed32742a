"""Reading dashboards: which there are, what their tiles are, how far they are trusted now."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Case, CharField, Exists, F, OuterRef, QuerySet, Value, When
from django.db.models.functions import Cast

from adoption.board_guards import DASHBOARD_KIND
from adoption.choices import DashboardStatus, TileKind
from adoption.metrics.dashboard_rules import NO_STANDING, Tile
from adoption.metrics.registry import metrics
from adoption.metrics.wording import metric_or_none
from adoption.models import (
    Dashboard,
    DashboardAccess,
    DashboardVersion,
    MetricVersion,
    Milestone,
)
from adoption.policies import may_see_registry
from adoption.selectors.served_values import (
    code_of,
    filled_scopes,
    scope_names,
    standing_for,
    standings_of,
)
from adoption.selectors.use_cases import ENDED_STAGES
from portal.choices import ApprovalStatus
from portal.models import ApprovalRequest
from portal.policies import AnyUser

FEW = 5  # a count below it is told as "fewer than five"
TileRecord = Mapping[str, Any]


def dashboards_visible_to(user: AnyUser) -> QuerySet[Dashboard]:
    """Every dashboard, drafts too: inside the house a draft is no secret, only unapproved."""
    rows = Dashboard.objects.select_related(
        "owner", "milestone__use_case", "approved_version", "approval"
    )
    return rows if may_see_registry(user) else rows.none()


def dashboard_rows(user: AnyUser, *, now: dt.datetime) -> QuerySet[Dashboard]:
    """The same with `shown_status`: what is in review, and what is due by now, says so."""
    waiting = ApprovalRequest.objects.filter(
        kind=DASHBOARD_KIND,
        subject=Cast(OuterRef("pk"), CharField()),
        status=ApprovalStatus.PENDING,
        expires_at__gt=now,
    )
    return dashboards_visible_to(user).annotate(
        is_asked=Exists(waiting),
        shown_status=Case(
            When(status=DashboardStatus.APPROVED, expires_at__lte=now, then=Value("review_due")),
            When(status=DashboardStatus.DRAFT, is_asked=True, then=Value("in_review")),
            default=F("status"),
            output_field=CharField(),
        ),
        approved_number=F("approved_version__number"),
    )


def dashboard_for_page(user: AnyUser, slug: str, *, now: dt.datetime) -> Dashboard | None:
    return dashboard_rows(user, now=now).filter(slug=slug).first()


def is_served(dashboard: Dashboard, now: dt.datetime) -> bool:
    """Whether its approved version is one that others may rely on at that moment."""
    return (
        dashboard.status == DashboardStatus.APPROVED
        and dashboard.expires_at is not None
        and dashboard.expires_at > now
    )


def goal_of(milestone: Milestone | None) -> dict[str, Any] | None:
    """What a dashboard serves, as its document says it. Other kinds of goals are added here."""
    if milestone is None:
        return None
    return {
        "kind": "milestone",
        "id": milestone.pk,
        "text": milestone.title,
        "use_case": milestone.use_case.slug,
    }


def document_of(version: DashboardVersion) -> dict[str, Any]:
    """What was submitted."""
    found: dict[str, Any] = json.loads(version.document)
    return found


def working_tiles(dashboard: Dashboard) -> list[Tile]:
    """The tiles of the working copy, in order; in a constant number of queries."""
    keys = {record["metric_version"] for record in dashboard.tiles}
    versions = MetricVersion.objects.in_bulk(keys)
    return _tiles([(record, versions[record["metric_version"]]) for record in dashboard.tiles])


def submitted_tiles(version: DashboardVersion) -> list[Tile]:
    """The tiles of a submitted version, in order, with their standings of today."""
    records = document_of(version)["tiles"]
    rows = MetricVersion.objects.filter(key__in={record["metric"] for record in records})
    versions = {(row.key, row.version): row for row in rows}
    return _tiles(
        [
            (
                {
                    "kind": record["kind"],
                    "title": record["title"],
                    "scope_kind": record["scope"]["kind"],
                    "scope_id": record["scope"]["id"],
                },
                versions[record["metric"], record["version"]],
            )
            for record in records
        ]
    )


def _tiles(records: Sequence[tuple[TileRecord, MetricVersion]]) -> list[Tile]:
    asked = [(version.pk, one["scope_kind"], one["scope_id"]) for one, version in records]
    standings = standings_of(asked, statuses=None)
    names = scope_names((kind, scope) for _, kind, scope in asked)
    found = []
    for record, version in records:
        scope = (record["scope_kind"], record["scope_id"])
        standing = standing_for(standings, (version.pk, *scope))
        found.append(
            Tile(
                kind=TileKind(record["kind"]),
                title=record["title"],
                metric_version=version.pk,
                metric=version.key,
                version=version.version,
                definition_sha256=version.definition_sha256,
                scope_kind=scope[0],
                scope_id=scope[1],
                scope_name=names[scope],
                standing=standing.status if standing else NO_STANDING,
                **_of_metric(version),
            )
        )
    return found


def _of_metric(version: MetricVersion) -> dict[str, Any]:
    exact = code_of(version.key, version.version)
    windowed = exact.windowed if exact else None
    named = metric_or_none(version.key)
    said = version.definition.get("catalogue", {})  # as the definition was written down
    return {
        "label": named.label if named else version.key,
        "unit": exact.unit if exact else str(version.definition.get("unit", "count")),
        "dimension": windowed.dimension.value if windowed else said.get("dimension", ""),
        "is_value": windowed.is_value if windowed else bool(said.get("is_value")),
        "inputs": exact.inputs if exact else frozenset(version.definition.get("inputs", ())),
    }


def outcome_labels() -> list[str]:
    """Metrics of the catalogue that say what came of the work, to suggest."""
    return sorted(
        metric.label
        for metric in metrics
        if metric.windowed is not None
        and metric.windowed.is_value
        and metric.windowed.dimension != "activity"
    )


def goals_to_choose() -> QuerySet[Milestone]:
    """Milestones that a dashboard may serve: those of use cases that run."""
    return (
        Milestone.objects.exclude(use_case__stage__in=ENDED_STAGES)
        .select_related("use_case")
        .order_by("use_case__title", "due_on", "pk")
    )


def versions_to_choose() -> list[MetricVersion]:
    """The versions that a tile can show, by label and newest first."""
    rows = MetricVersion.objects.order_by("key", "-first_seen_at", "-pk")
    return [row for row in rows if code_of(row.key, row.version) is not None]


def scopes_to_choose(version: MetricVersion) -> list[tuple[str, str]]:
    """Scopes of which the version has values: `kind:id` and name, by name."""
    pairs = filled_scopes(version)
    names = scope_names(pairs)
    found = [(f"{kind}:{scope}", names[kind, scope]) for kind, scope in pairs]
    return sorted(found, key=lambda pair: (pair[1], pair[0]))


def access_counts(dashboard: Dashboard) -> list[dict[str, Any]]:
    """How often it was looked at, by action and role. No person, and nothing below five."""
    totals: dict[tuple[str, str], int] = {}
    for row in DashboardAccess.objects.filter(dashboard=dashboard):
        key = (row.get_action_display(), row.role.replace("_", " "))
        totals[key] = totals.get(key, 0) + row.count
    return [
        {
            "pk": place,
            "action": action,
            "role": role,
            "count": count if count >= FEW else None,
        }
        for place, ((action, role), count) in enumerate(sorted(totals.items()))
    ]
