"""Metrics of tests with versions, standings and values, as the catalogue would have filled them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from adoption.choices import ScopeKind, StandingStatus, TileKind, ValueStatus
from adoption.metrics.contracts import (
    Better,
    Computed,
    Dimension,
    Facts,
    ValueInterval,
    Windowed,
    canonical,
    facts_sha256,
)
from adoption.metrics.registry import NANO, MetricDefinition, metrics
from adoption.metrics.windows import WindowKind
from adoption.models import (
    Dashboard,
    DashboardVersion,
    MetricStanding,
    MetricValue,
    MetricVersion,
    Milestone,
    UseCase,
)
from adoption.services.dashboard_approvals import submit_dashboard
from adoption.services.dashboards import add_tile, create_dashboard
from adoption.services.metric_filling import count_write
from adoption.services.metric_versions import metric_version_of
from portal.models import ApprovalRequest, User
from tests.adoption.factories import NOW
from tests.approving import unguarded

SPACE = (
    ("held_rate", Dimension.PERFORMANCE),
    ("review_hours", Dimension.EFFICIENCY),
    ("team_score", Dimension.SATISFACTION),
)
MONDAY = dt.date(2026, 8, 31)


def calculate(facts: Facts) -> Computed:
    """Parts per whole with an interval; below the minimum there is no value."""
    part, whole = int(facts["part"]), int(facts["whole"])
    people = int(facts["contributors"])
    if whole == 0:
        return Computed(None, reason="no_data", contributors=people)
    nano = part * NANO // whole
    return Computed(
        nano,
        n=whole,
        contributors=people,
        interval=ValueInterval(nano // 2, None, "test-halves"),
        coverage_nano=NANO,
    )


def count_people(facts: Facts) -> Computed:
    """The reach of something: made of the very number that is told as “at least” only."""
    people = int(facts["contributors"])
    return Computed(people * NANO, n=people, contributors=people)


def definition(
    key: str,
    dimension: Dimension = Dimension.PERFORMANCE,
    *,
    is_value: bool = True,
    calculate: Any = calculate,
    unit: str = "ratio",
    scope: ScopeKind = ScopeKind.USE_CASE,
) -> MetricDefinition:
    """A metric of the catalogue, four-weekly and by use case."""
    return MetricDefinition(
        key=key,
        version="1.0.0",
        label=key.replace("_", " ").capitalize(),
        unit=unit,
        formula="part / whole",
        inputs=frozenset({"deliveries"}),
        comparators=(),
        measure=None,
        decision="Whether the code under test is right.",
        windowed=Windowed(
            number=1,
            scope=scope,
            window=WindowKind.FOUR_WEEKS,
            collect=lambda ids, window, as_of: {},
            calculate=calculate,
            better=Better.HIGHER,
            dimension=dimension,
            is_value=is_value,
            guardrails=("change_fail_rate",),
            readers="everybody",
        ),
    )


@contextmanager
def registered(*definitions: MetricDefinition) -> Iterator[None]:
    """These metrics, for as long as the block lasts."""
    with ExitStack() as stack:
        for each in definitions:
            metrics.register(each)
            stack.callback(metrics._items.pop, each.key)
        yield


def make_version(metric: MetricDefinition, owner: User, **standing: Any) -> MetricVersion:
    """A version, certified everywhere unless told otherwise."""
    version = metric_version_of(metric, at=NOW)
    values: dict[str, Any] = {
        "scope_kind": ScopeKind.USE_CASE,
        "status": StandingStatus.CERTIFIED,
        "certified_until": NOW + dt.timedelta(days=120),
        "status_since": NOW,
        "owner": owner,
    }
    with unguarded("adoption.MetricStanding"):
        MetricStanding.objects.create(metric_version=version, **(values | standing))
    return version


def make_value(
    version: MetricVersion,
    scope_id: int,
    facts: Mapping[str, Any],
    *,
    week: int = 0,
    computed: Computed | None = None,
    **fields: Any,
) -> MetricValue:
    """The value of the four weeks that start `week` windows after `MONDAY`."""
    found = computed or metrics_calculate(version)(facts)
    start = MONDAY + dt.timedelta(weeks=4 * week)
    interval = found.interval
    values: dict[str, Any] = {
        "scope_kind": ScopeKind.USE_CASE,
        "zone": "UTC",
        "value_nano": found.nano,
        "reason": found.reason,
        "missing": found.missing,
        "n": found.n,
        "contributors": found.contributors,
        "interval_low_nano": interval.low_nano if interval else None,
        "interval_high_nano": interval.high_nano if interval else None,
        "interval_method": interval.method if interval else "",
        "interval_level_percent": interval.level_percent if interval else None,
        "coverage_nano": found.coverage_nano,
        "unknown_share_nano": found.unknown_share_nano,
        "status": ValueStatus.FINAL,
        "data_as_of": NOW,
        "computed_at": NOW,
    }
    count_write(version)
    return MetricValue.objects.create(
        metric_version=version,
        scope_id=scope_id,
        window_starts_on=start,
        window_ends_on=start + dt.timedelta(weeks=4),
        facts=canonical(facts),
        facts_sha256=facts_sha256(facts),
        **(values | fields),
    )


def metrics_calculate(version: MetricVersion) -> Any:
    windowed = metrics.get(version.key).windowed
    assert windowed is not None
    return windowed.calculate


def restate(value: MetricValue, facts: Mapping[str, Any]) -> MetricValue:
    """The same window with other facts: a new row, and the old one is history."""
    MetricValue.objects.filter(pk=value.pk).update(superseded_at=NOW)
    return make_value(
        value.metric_version,
        value.scope_id,
        facts,
        week=(value.window_starts_on - MONDAY).days // 28,
        data_version=value.data_version + 1,
        status=ValueStatus.RESTATED,
    )


@contextmanager
def catalogue(use_case: UseCase, *, windows: int = 3) -> Iterator[Sequence[MetricVersion]]:
    """Three certified metrics of three dimensions with values of `use_case`."""
    definitions = [definition(key, dimension) for key, dimension in SPACE]
    with registered(*definitions):
        versions = [make_version(metric, use_case.owner) for metric in definitions]
        for place, version in enumerate(versions):
            for week in range(windows):
                facts = {"part": 6 + week + place, "whole": 24, "contributors": 19}
                make_value(version, use_case.pk, facts, week=week)
        yield versions


def make_dashboard(
    use_case: UseCase, versions: Sequence[MetricVersion], **fields: Any
) -> Dashboard:
    """A draft of the owner with a tile of each version, serving a milestone of the use case."""
    milestone = Milestone.objects.create(
        use_case=use_case, title="Used in production", due_on=NOW.date(),
        metric_key="held_deliveries", comparator="gte", threshold_nano=NANO, created_at=NOW,
    )  # fmt: skip
    made = create_dashboard(
        title=fields.get("title", "What drafts bring"),
        purpose="Whether to go on in the next quarter.",
        milestone=milestone,
        actor=use_case.owner,
        at=NOW,
    )
    for place, version in enumerate(versions):
        made = add_tile(
            dashboard_id=made.pk, expected_version=made.version, version_id=version.pk,
            scope_kind="use_case", scope_id=use_case.pk, kind=list(TileKind)[place % 4],
            actor=use_case.owner, at=NOW,
        )  # fmt: skip
    return made


def submit(
    dashboard: Dashboard, *, at: dt.datetime = NOW, actor: User | None = None
) -> ApprovalRequest:
    """Ask for approval, in the owner's name unless told otherwise."""
    return submit_dashboard(
        dashboard_id=dashboard.pk,
        expected_version=Dashboard.objects.get(pk=dashboard.pk).version,
        reason="Ready.",
        actor=actor or dashboard.owner,
        at=at,
    )


def goal(dashboard: Dashboard) -> Milestone:
    """The milestone that it serves; there is one."""
    assert dashboard.milestone is not None
    return dashboard.milestone


def approved_version(dashboard: Dashboard) -> DashboardVersion:
    """Its approved version; there is one."""
    assert dashboard.approved_version is not None
    return dashboard.approved_version
