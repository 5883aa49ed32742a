"""Metric values and where versions of metrics stand: pages and API."""

from __future__ import annotations

import datetime as dt
from typing import Any

from adoption.metrics.registry import metrics
from adoption.models import MetricValue
from adoption.services.metric_standings import open_standing
from adoption.services.metric_versions import metric_version_of
from tests.access.matrix import EVERYBODY, Column, Door, api, form, only, page
from tests.access.readers import Reader
from tests.adoption.factories import NOW

KEY = {"key": "=held_deliveries"}
STANDING = {"pk": "standing.pk"}
OPEN = only(Column.PROGRAMME_LEAD, Column.FINANCE)
PROPOSE = only(Column.OWNER, Column.PROGRAMME_LEAD, Column.FINANCE)
END = only(Column.OWNER, Column.PROGRAMME_LEAD, Column.FINANCE, Column.APPROVER)

ROWS = [
    page("metric-values", EVERYBODY, values=KEY),
    page("metric-value", EVERYBODY, values={"pk": "metric_value.pk"}),
    form("metric-standing-new", OPEN, values=KEY),
    page("metric-standing", EVERYBODY, values=STANDING),
    form("metric-standing-propose", PROPOSE, values=STANDING, inside=404),
    *(
        form(name, END, values=STANDING, inside=404)
        for name in (
            "metric-standing-suspend",
            "metric-standing-deprecate",
            "metric-standing-retire",
        )
    ),
    # Nobody has approved them, and whoever asks is told so.
    api("api-metric-values", get=Door(EVERYBODY, 409), values=KEY),
    api("api-service-dora", get=Door(EVERYBODY, 409), values={"key": "service.pk"}),
    api("api-mcp", post=Door(EVERYBODY, 400)),
    api("api-sandbox-metrics", get=Door(EVERYBODY)),
    api("api-sandbox-values", get=Door(EVERYBODY), values={"key": "=sandbox_series"}),
    api("api-explain-value", get=Door(EVERYBODY, 409), values={"value_id": "metric_value.pk"}),
]

_STANDINGS = "adoption.selectors.metric_standings"
READERS = [
    Reader("adoption.selectors.dora:service_or_none", EVERYBODY, arguments={"ref": "@service.key"}),
    Reader(f"{_STANDINGS}:standings_visible_to", EVERYBODY),
    Reader(f"{_STANDINGS}:standings_of", EVERYBODY, arguments={"versions": "@metric_versions"}),
]


def prepare(world: Any) -> None:
    """A draft of the owner's for the whole kind, and one value."""
    owner = world.people[Column.OWNER]
    version = metric_version_of(metrics.get("held_deliveries"), at=NOW)
    standing = open_standing(
        key=version.key, version=version.version, scope_id=0, owner=owner, actor=owner, at=NOW
    )
    value = MetricValue.objects.create(
        metric_version=version,
        scope_kind="programme",
        scope_id=world.programme.pk,
        window_starts_on=dt.date(2026, 10, 1),
        window_ends_on=dt.date(2026, 11, 1),
        zone="UTC",
        value_nano=3_000_000_000,
        n=3,
        contributors=20,
        status="final",
        facts='{"contributors":20,"deliveries":[1,2,3]}',
        facts_sha256="0" * 64,
        data_as_of=NOW,
        computed_at=NOW,
    )
    world.add(standing=standing, metric_value=value, metric_versions=[version])
