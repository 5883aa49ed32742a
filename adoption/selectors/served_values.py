"""The one way by which dashboards and snapshots read metric values.

Only what is approved or certified is given, and what fewer than k people contributed to is told as
exactly that, with nothing beside it from which it could be guessed.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Count, Max, Q, QuerySet

from adoption.choices import ScopeKind, StandingStatus
from adoption.metrics.contracts import Computed, ValueInterval
from adoption.metrics.registry import MetricDefinition, metrics
from adoption.metrics.snapshot import SMALL_GROUP, UNKNOWN_GROUP
from adoption.models import (
    MetricStanding,
    MetricValue,
    MetricVersion,
    Programme,
    Service,
    Team,
    UseCase,
)

SERVED_STATUSES = (StandingStatus.APPROVED, StandingStatus.CERTIFIED)
# What is written down for several readers is told of groups that are large enough for all of them.
K_FOR_ALL = 10
Scope = tuple[str, int]
Asked = tuple[int, str, int]  # metric version, kind of scope, scope


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedValue:
    """One value as others may see it.

    Attributes:
        pk: of the stored value, for lineage inside the house.
        computed: value or reason; of a small group nothing else. `contributors` is for the check of
            what may be published and is told to nobody.
        k: fewest contributors; 0 for what is not about people.
        facts: canonical text; empty for a small group.
        standing: of its version in its scope.
    """

    pk: int
    version: MetricVersion
    scope: Scope
    starts_on: dt.date
    ends_on: dt.date
    zone: str
    computed: Computed
    k: int
    facts: str
    status: str
    data_version: int
    data_as_of: dt.datetime
    standing: MetricStanding

    @property
    def asked(self) -> Asked:
        return (self.version.pk, *self.scope)


def code_of(key: str, version: str) -> MetricDefinition | None:
    """The definition of exactly that version, when the code still has it."""
    metric = metrics.get(key) if key in metrics else None
    return metric if metric is not None and metric.version == version else None


def k_of(version: MetricVersion) -> int:
    """Fewest contributors of a version, 0 for what is not about people."""
    metric = code_of(version.key, version.version)
    windowed = metric.windowed if metric else None
    k = windowed.k if windowed else int(version.definition.get("catalogue", {}).get("k", K_FOR_ALL))
    return max(k, K_FOR_ALL) if k else 0


def standings_of(
    asked: Iterable[Asked] | None = None, *, statuses: Iterable[str] | None = SERVED_STATUSES
) -> dict[Asked, MetricStanding]:
    """Standings by version and scope; scope 0 stands for all of its kind.

    Args:
        asked: only of these versions; None for all.
        statuses: None for any.
    """
    rows = MetricStanding.objects.select_related("metric_version")
    if asked is not None:
        rows = rows.filter(metric_version__in={version for version, _, _ in asked})
    if statuses is not None:
        rows = rows.filter(status__in=list(statuses))
    return {(row.metric_version_id, row.scope_kind, row.scope_id): row for row in rows}


def standing_for(standings: Mapping[Asked, MetricStanding], asked: Asked) -> MetricStanding | None:
    """The standing of that scope itself, else that of all of its kind."""
    version, kind, _ = asked
    return standings.get(asked) or standings.get((version, kind, 0))


def served_values(
    asked: Iterable[Asked] | None = None, *, since: dt.date
) -> dict[Asked, list[ServedValue]]:
    """Current values of windows that end after `since`, oldest first, in two queries.

    Args:
        asked: of these only; None for everything that is served.
    """
    wanted = None if asked is None else set(asked)
    # All standings are looked at: one that is suspended for a scope closes it there, although the
    # version is approved for all others.
    standings = standings_of(wanted, statuses=None)
    versions = {
        version for (version, _, _), row in standings.items() if row.status in SERVED_STATUSES
    }
    found: dict[Asked, list[ServedValue]] = defaultdict(list)
    for row in _rows(wanted, versions, since):
        standing = standing_for(standings, (row.metric_version_id, row.scope_kind, row.scope_id))
        if standing is not None and standing.status in SERVED_STATUSES:
            value = _served(row, standing)
            found[value.asked].append(value)
    return dict(found)


def _rows(wanted: set[Asked] | None, versions: set[int], since: dt.date) -> QuerySet[MetricValue]:
    rows = (
        MetricValue.objects.filter(
            metric_version__in=versions, superseded_at__isnull=True, window_ends_on__gt=since
        )
        .select_related("metric_version")
        .order_by("metric_version__key", "metric_version__version", "scope_kind", "scope_id",
                  "window_starts_on", "window_ends_on")
    )  # fmt: skip
    if wanted is None:
        return rows
    scopes = {(kind, scope) for _, kind, scope in wanted}
    those = Q(pk__in=[])
    for kind in {kind for kind, _ in scopes}:
        those |= Q(scope_kind=kind, scope_id__in={scope for k, scope in scopes if k == kind})
    return rows.filter(those)


def _served(row: MetricValue, standing: MetricStanding) -> ServedValue:
    k = k_of(row.metric_version)
    hidden = ""
    if k and row.contributors is None and row.value_nano is not None:
        hidden = UNKNOWN_GROUP
    elif row.contributors is not None and row.contributors < k:
        hidden = SMALL_GROUP
    return ServedValue(
        pk=row.pk,
        version=row.metric_version,
        scope=(row.scope_kind, row.scope_id),
        starts_on=row.window_starts_on,
        ends_on=row.window_ends_on,
        zone=row.zone,
        computed=Computed(None, reason=hidden) if hidden else computed_of(row),
        k=k,
        facts="" if hidden else row.facts,
        status=row.status,
        data_version=row.data_version,
        data_as_of=row.data_as_of,
        standing=standing,
    )


def computed_of(row: MetricValue) -> Computed:
    """What a stored row says, as its calculation said it."""
    interval = None
    if row.interval_method:
        interval = ValueInterval(
            row.interval_low_nano,
            row.interval_high_nano,
            row.interval_method,
            row.interval_level_percent or 95,
        )
    return Computed(
        nano=row.value_nano,
        reason=row.reason,
        missing=row.missing,
        n=row.n,
        contributors=row.contributors,
        interval=interval,
        coverage_nano=row.coverage_nano,
        unknown_share_nano=row.unknown_share_nano,
        currency=row.currency,
        basis=row.basis,
    )


def is_filled(asked: Asked) -> bool:
    """Whether there is any value of that version in that scope."""
    version, kind, scope = asked
    rows = MetricValue.objects.filter(metric_version=version, scope_kind=kind, scope_id=scope)
    return rows.exists()


def filled_scopes(version: MetricVersion) -> set[Scope]:
    """Scopes of which the version has values."""
    rows = MetricValue.objects.filter(metric_version=version, superseded_at__isnull=True)
    return set(rows.order_by().values_list("scope_kind", "scope_id").distinct())


def state_of(versions: Iterable[tuple[str, str]]) -> list[object]:
    """What changes whenever a value or a standing of these (key, version) does; two queries."""
    named = Q(pk__in=[])
    for key, version in versions:
        named |= Q(metric_version__key=key, metric_version__version=version)
    standings = MetricStanding.objects.filter(named).order_by("pk")
    current = Count("pk", filter=Q(superseded_at__isnull=True))
    values = MetricValue.objects.filter(named).aggregate(newest=Max("pk"), current=current)
    return [
        list(standings.values_list("pk", "version", "status", "certified_until")),
        values["newest"],
        values["current"],
    ]


def scope_names(scopes: Iterable[Scope]) -> dict[Scope, str]:
    """What each scope is called, in one query a kind; one that is gone says so."""
    wanted: dict[str, set[int]] = defaultdict(set)
    for kind, scope in scopes:
        wanted[kind].add(scope)
    models = {
        ScopeKind.SERVICE.value: (Service, "name"),
        ScopeKind.USE_CASE.value: (UseCase, "title"),
        ScopeKind.TEAM.value: (Team, "name"),
        ScopeKind.PROGRAMME.value: (Programme, "name"),
    }
    names: dict[Scope, str] = {}
    for kind, ids in wanted.items():
        model, name = models[kind]
        rows = dict(model._default_manager.filter(pk__in=ids).values_list("pk", name))
        names |= {(kind, pk): rows.get(pk, f"{kind} {pk} (gone)") for pk in ids}
    return names
