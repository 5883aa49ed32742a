"""The one way by which dashboards and snapshots read metric values.

Only what is approved or certified is given, and what fewer than k people contributed to is told as
exactly that, with nothing beside it from which it could be guessed.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from adoption.choices import ScopeKind, StandingStatus
from adoption.metrics.contracts import Computed, ValueInterval
from adoption.metrics.registry import MetricDefinition, metrics
from adoption.models import (
    MetricStanding,
    MetricVersion,
    Programme,
    Service,
    Team,
    UseCase,
)
from adoption.selectors.metric_values import ShownValue, facts_of, values_of
from adoption.selectors.metric_withholding import smallest_group

SERVED_STATUSES = (StandingStatus.APPROVED, StandingStatus.CERTIFIED)
Scope = tuple[str, int]
Asked = tuple[int, str, int]  # metric version, kind of scope, scope


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedValue:
    """One value as others may see it.

    Attributes:
        pk: of the stored value, for lineage inside the house.
        computed: value or reason; of a small group nothing else, and never how many contributed.
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
    """The definition of exactly that version, when the code still has it.

    After a new major version the one before is still computed beside it.
    """
    if key not in metrics:
        return None
    metric = metrics.get(key)
    known = {each.version: each for each in (metric, *metric.superseded_versions)}
    return known.get(version)


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
    """Current values of windows that end after `since`, oldest first.

    They come from the one reader of values (`metric_values.py`), as for everybody at once: what it
    withholds is withheld here. A handful of queries for each version.

    Args:
        asked: of these only; None for everything that is served.
    """
    wanted = None if asked is None else set(asked)
    # All standings are looked at: one that is suspended for a scope closes it there, although the
    # version is approved for all others.
    standings = standings_of(wanted, statuses=None)
    versions = {
        row.metric_version_id: row.metric_version
        for row in standings.values()
        if row.status in SERVED_STATUSES
    }
    found: dict[Asked, list[ServedValue]] = defaultdict(list)
    for version in sorted(versions.values(), key=lambda each: (each.key, each.version)):
        scopes = None if wanted is None else {scope for pk, _, scope in wanted if pk == version.pk}
        for value in _of_version(version, standings, scopes, since):
            if wanted is None or value.asked in wanted:
                found[value.asked].append(value)
    return dict(found)


def _of_version(
    version: MetricVersion,
    standings: Mapping[Asked, MetricStanding],
    scopes: set[int] | None,
    since: dt.date,
) -> list[ServedValue]:
    rows = values_of(version, viewer=None, scope_ids=scopes)
    rows = [row for row in rows if row.window.ends_on > since]
    facts = facts_of(rows)
    # Written down for several readers, so told of groups that are large enough for all of them.
    k = smallest_group(version, for_managers=True)
    served = []
    for row in sorted(rows, key=lambda row: (row.scope_key, row.window)):
        standing = standing_for(standings, (version.pk, *row.scope_key))
        if standing is not None and standing.status in SERVED_STATUSES:
            served.append(_served(version, row, standing, facts.get(row.id, ""), k))
    return served


def _served(
    version: MetricVersion, row: ShownValue, standing: MetricStanding, facts: str, k: int
) -> ServedValue:
    return ServedValue(
        pk=row.id,
        version=version,
        scope=row.scope_key,
        starts_on=row.window.starts_on,
        ends_on=row.window.ends_on,
        zone=row.window.zone,
        computed=_computed(row, k),
        k=k,
        facts=facts,
        status=row.status,
        data_version=row.data_version,
        data_as_of=row.data_as_of,
        standing=standing,
    )


def _computed(row: ShownValue, k: int) -> Computed:
    """What a shown value says; of how many people, only that they were `k` at least."""
    if row.is_withheld:
        return Computed(None, reason=row.reason)
    interval = None
    if row.interval_method:
        interval = ValueInterval(
            row.low_nano, row.high_nano, row.interval_method, row.interval_level_percent or 95
        )
    return Computed(
        nano=row.nano,
        reason=row.reason,
        missing=row.missing,
        n=row.n or 0,
        contributors=k if k and row.nano is not None else None,
        interval=interval,
        coverage_nano=row.coverage_nano,
        unknown_share_nano=row.unknown_share_nano,
        currency=row.currency,
        basis=row.basis,
    )


def is_filled(asked: Asked) -> bool:
    """Whether there is any value of that version in that scope."""
    version, kind, scope = asked
    known = MetricVersion.objects.filter(pk=version).first()
    return known is not None and (kind, scope) in filled_scopes(known)


def filled_scopes(version: MetricVersion) -> set[Scope]:
    """Scopes of which the version has values."""
    return {row.scope_key for row in values_of(version, viewer=None)}


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
