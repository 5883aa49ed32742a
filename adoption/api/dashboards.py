"""Approved dashboards with their values, for other systems."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from adoption.choices import AccessAction, StandingStatus, TileKind
from adoption.metrics.dashboard_rules import NO_STANDING, Tile, worst_standing
from adoption.models import Dashboard, DashboardVersion
from adoption.policies import may_see_registry
from adoption.selectors.dashboard_tiles import values_of_tiles, why_not_served
from adoption.selectors.dashboards import (
    dashboard_for_page,
    document_of,
    is_served,
    submitted_tiles,
)
from adoption.selectors.frozen_values import told_values
from adoption.selectors.served_state import served_state
from adoption.selectors.served_values import ServedValue
from adoption.services.dashboards import record_access
from portal.api.errors import CONFLICT, Problem
from portal.api.etags import state_tag
from portal.api.schema import operation, path_slug
from portal.api.views import ApiView, absolute, conditional, signed_in
from portal.models import User

TAG = "Dashboards"
STANDINGS = [*StandingStatus.choices, (NO_STANDING, NO_STANDING)]


class TileWindowSerializer(serializers.Serializer[Any]):
    """Days, half-open, cut in a zone."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields: dict[str, serializers.Field[Any, Any, Any, Any]] = super().get_fields()
        fields["from"] = serializers.DateField(help_text="The first day.")
        fields["to"] = serializers.DateField(help_text="The day after the last.")
        fields["zone"] = serializers.CharField()
        return fields


class TileIntervalSerializer(serializers.Serializer[Any]):
    """An interval around a value; an open end is null."""

    low = serializers.CharField(allow_null=True)
    high = serializers.CharField(allow_null=True)
    method = serializers.CharField()
    level_percent = serializers.IntegerField()


class TileValueSerializer(serializers.Serializer[Any]):
    """One value with everything that it must say."""

    window = TileWindowSerializer()
    value = serializers.CharField(
        allow_null=True, help_text="Exact decimal as text; null with a reason, never 0 for that."
    )
    reason = serializers.CharField(allow_null=True, help_text="A stable code, `small_group` …")
    unit = serializers.CharField()
    currency = serializers.CharField(allow_null=True)
    basis = serializers.CharField(allow_null=True)
    n = serializers.IntegerField(allow_null=True, help_text="Null of a small group.")
    interval = TileIntervalSerializer(allow_null=True)
    coverage = serializers.CharField(allow_null=True)
    unknown_share = serializers.CharField(allow_null=True)
    contributors_at_least = serializers.IntegerField(allow_null=True)
    status = serializers.CharField(help_text="`estimated`, `provisional`, `final`, `restated`.")
    data_version = serializers.IntegerField(help_text="Rises with each restatement.")
    data_as_of = serializers.DateTimeField()
    facts_sha256 = serializers.CharField(allow_null=True, help_text="As in the snapshots.")


class TileScopeSerializer(serializers.Serializer[Any]):
    """What a tile is about."""

    kind = serializers.CharField()
    id = serializers.IntegerField()
    name = serializers.CharField()


class TileSerializer(serializers.Serializer[Any]):
    """One tile."""

    title = serializers.CharField()
    kind = serializers.ChoiceField(TileKind.choices)
    metric = serializers.CharField()
    version = serializers.CharField()
    definition_sha256 = serializers.CharField()
    scope = TileScopeSerializer()
    standing = serializers.ChoiceField(STANDINGS, help_text="Of this version in this scope, now.")
    certified_until = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(allow_null=True, help_text="Why there is no value to give.")
    values = TileValueSerializer(many=True)


class DashboardSerializer(serializers.Serializer[Any]):
    """An approved dashboard. Whatever is not approved is answered with 409."""

    slug = serializers.SlugField()
    title = serializers.CharField()
    purpose = serializers.CharField()
    owner = serializers.CharField()
    goal = serializers.DictField(help_text="kind, id, text, use_case.")
    version = serializers.IntegerField()
    sha256 = serializers.CharField(help_text="Of the approved version.")
    status = serializers.CharField(help_text="`approved`.")
    worst_standing = serializers.ChoiceField(
        STANDINGS, help_text="Of all tiles: it is trusted no further than its worst."
    )
    approved_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    tiles = TileSerializer(many=True)
    page = serializers.URLField()


class DashboardView(ApiView):
    """One approved dashboard."""

    scopes: ClassVar[dict[str, str]] = {"GET": "metrics:read"}

    @operation(
        "dashboard_read",
        "Read an approved dashboard with its values",
        tag=TAG,
        description="Only what a second person approved and what has not expired; anything else is "
        "409, and the detail says its status. A tile whose metric is no longer approved has no "
        "values and says why.",
        answer=DashboardSerializer,
        parameters=[path_slug("slug", "The dashboard.")],
        found_by_path=True,
        problems=[CONFLICT],
    )
    def get(self, request: Request, slug: str) -> Any:
        if not may_see_registry(request.user):
            raise PermissionDenied
        now = timezone.now()
        dashboard = dashboard_for_page(request.user, slug, now=now)
        if dashboard is None:
            raise Http404
        version = dashboard.approved_version
        if version is None or not is_served(dashboard, now):
            shown: Any = dashboard
            raise Problem(
                CONFLICT, f"This dashboard is not approved (status: {shown.shown_status})."
            )
        tag = state_tag(request, *_state(dashboard, version, signed_in(request), now))
        answer = conditional(request, tag, lambda: _present(request, dashboard, version, now))
        if answer.status_code == 200:
            record_access(
                dashboard=dashboard, number=version.number, action=AccessAction.FETCHED,
                user=signed_in(request), at=now,
            )  # fmt: skip
        return answer


def _state(
    dashboard: Dashboard, version: DashboardVersion, viewer: User, now: dt.datetime
) -> list[Any]:
    """What the answer depends on: approval, owner, and what the values of each metric rest on."""
    keys = sorted({tile["metric"] for tile in document_of(version)["tiles"]})
    return [
        dashboard.version,
        version.sha256,
        dashboard.owner.get_full_name(),
        *(served_state(key, viewer=viewer, at=now) for key in keys),
        now.date(),
    ]


def _present(
    request: Request, dashboard: Dashboard, version: DashboardVersion, now: dt.datetime
) -> dict[str, Any]:
    document = document_of(version)
    tiles = submitted_tiles(version)
    values = values_of_tiles(tiles, at=now)
    return {
        "slug": dashboard.slug,
        "title": document["title"],
        "purpose": document["purpose"],
        "owner": dashboard.owner.get_full_name(),
        "goal": document["goal"],
        "version": version.number,
        "sha256": version.sha256,
        "status": dashboard.status,
        "worst_standing": worst_standing(tiles),
        "approved_at": dashboard.approved_at,
        "expires_at": dashboard.expires_at,
        "tiles": [_tile(tile, each) for tile, each in zip(tiles, values, strict=True)],
        "page": absolute(request, reverse("dashboard", args=[dashboard.slug])),
    }


def _tile(tile: Tile, values: list[ServedValue]) -> dict[str, Any]:
    shown = values[-1:] if tile.kind is TileKind.NUMBER else values
    names = list(TileValueSerializer().fields)
    return {
        "title": tile.name,
        "kind": tile.kind,
        "metric": tile.metric,
        "version": tile.version,
        "definition_sha256": tile.definition_sha256,
        "scope": {"kind": tile.scope_kind, "id": tile.scope_id, "name": tile.scope_name},
        "standing": tile.standing,
        "certified_until": shown[-1].standing.certified_until if shown else None,
        "reason": None if shown else why_not_served(tile),
        "values": [{name: entry[name] for name in names} for entry in told_values(shown)],
    }
