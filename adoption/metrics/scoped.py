"""Measuring a metric for a programme, a team or a use case: what adoption targets are held against.

A metric that a milestone uses is measured for a use case. For a wider scope it needs a rule of its
own, because many figures do not add up: a cost per delivery of a programme is no sum.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from django.core.checks import CheckMessage, Error

from adoption.choices import ScopeKind
from adoption.metrics.definitions import measure_held_deliveries
from adoption.metrics.registry import NANO, Measured, MetricDefinition, metrics, milestone_metrics
from adoption.metrics.team_outcomes import count_for_programmes, share_for_programmes
from adoption.models import Team, UseCase
from portal.registry import Registry

Measure = Callable[[Iterable[int], dt.datetime], dict[int, Measured]]


@dataclass(frozen=True)
class ScopedMeasure:
    """How one metric is measured for scopes wider than a use case.

    Attributes:
        key: of the metric.
        measures: by kind of scope; `measure(scope_ids, as_of)` as in `MetricDefinition`.
    """

    key: str
    measures: Mapping[ScopeKind, Measure] = field(default_factory=dict)


def _check(item: ScopedMeasure) -> list[CheckMessage]:
    if item.key in metrics:
        return []
    return [Error(f"scoped measure of {item.key!r}, which is no metric", id="adoption.E021")]


scoped_measures: Registry[ScopedMeasure] = Registry("scoped measure", _check)


def scopes_of(metric: MetricDefinition) -> tuple[ScopeKind, ...]:
    """The kinds of scope for which a target can use this metric."""
    if metric.measure is None:
        return ()
    wider = scoped_measures.get(metric.key).measures if metric.key in scoped_measures else {}
    return (ScopeKind.USE_CASE, *wider)


def target_metrics(scope: str | None = None) -> list[MetricDefinition]:
    """Metrics that a target of this kind of scope (or of any) can use, by label."""
    return [metric for metric in milestone_metrics() if scope is None or scope in scopes_of(metric)]


def measure_scopes(
    metric: MetricDefinition, scope: str, ids: Iterable[int], as_of: dt.datetime
) -> dict[int, Measured]:
    """One value a scope, in a constant number of queries; empty when it cannot be measured so."""
    if scope == ScopeKind.USE_CASE:
        return metric.measurable(ids, as_of)
    if metric.key not in scoped_measures:
        return {}
    measure = scoped_measures.get(metric.key).measures.get(ScopeKind(scope))
    return measure(ids, as_of) if measure is not None else {}


def _sum_of_counts(
    owner_of: dict[int, set[int]], wanted: list[int], as_of: dt.datetime
) -> dict[int, Measured]:
    """Held deliveries of several use cases: each change is delivered once, so they add up."""
    cases = sorted({case for group in owner_of.values() for case in group})
    values = measure_held_deliveries(cases, as_of)
    found: dict[int, Measured] = {}
    for pk in wanted:
        moments = sorted(
            moment
            for case in owner_of.get(pk, ())
            if case in values
            for moment in values[case].happened_at
        )
        found[pk] = Measured(
            nano=len(moments) * NANO, as_of=as_of, count=len(moments), happened_at=tuple(moments)
        )
    return found


def held_deliveries_of_programmes(ids: Iterable[int], as_of: dt.datetime) -> dict[int, Measured]:
    """Held deliveries of all use cases of each programme."""
    wanted = list(ids)
    cases: dict[int, set[int]] = defaultdict(set)
    rows = UseCase.objects.filter(programme_id__in=wanted).values_list("programme_id", "pk")
    for programme, pk in rows:
        cases[programme].add(pk)
    return _sum_of_counts(cases, wanted, as_of)


def held_deliveries_of_teams(ids: Iterable[int], as_of: dt.datetime) -> dict[int, Measured]:
    """Held deliveries of the use cases of each team and of the teams below it."""
    wanted = list(ids)
    parents = dict(Team.objects.values_list("pk", "parent_id"))
    cases: dict[int, set[int]] = defaultdict(set)
    for team, pk in UseCase.objects.values_list("team_id", "pk"):
        above: int | None = team
        seen: set[int] = set()
        while above is not None and above not in seen:
            seen.add(above)
            cases[above].add(pk)
            above = parents.get(above)
    return _sum_of_counts({pk: cases[pk] for pk in wanted if pk in cases}, wanted, as_of)


for _item in (
    ScopedMeasure(
        "held_deliveries",
        {
            ScopeKind.PROGRAMME: held_deliveries_of_programmes,
            ScopeKind.TEAM: held_deliveries_of_teams,
        },
    ),
    ScopedMeasure("teams_with_held_delivery", {ScopeKind.PROGRAMME: count_for_programmes}),
    ScopedMeasure("share_of_teams_with_held_delivery", {ScopeKind.PROGRAMME: share_for_programmes}),
):
    scoped_measures.register(_item)
