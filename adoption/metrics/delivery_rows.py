"""What was delivered by which production deployment, read for many services in a few queries.

Rows are looked at as they are known now; what happened after `as_of` is left out. Nobody's name
leaves this module: an author becomes a number for counting, and a bot's name a series.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Exists, Max, Min, OuterRef

from adoption.choices import DeploymentStatus, EnvironmentTier, Remediation
from adoption.metrics import ndu
from adoption.metrics.change_series import Series, series_of
from adoption.metrics.promised_changes import promised_changes
from adoption.models import Change, Deployment, Incident, Service, ServiceSplit

# How far before a window deliveries are read: long enough that some day had none.
LOOK_BACK = dt.timedelta(weeks=13)


class DeliveredChange(NamedTuple):
    """A change and the production deployment that first brought it. `author` tells people apart."""

    key: int
    deployment: int
    repository: int
    merged_at: dt.datetime
    delivered_at: dt.datetime
    series: Series
    paths_known: bool
    author: str
    undone_at: dt.datetime | None
    restored_at: dt.datetime | None
    first_commit_at: dt.datetime | None
    ids: tuple[str, ...]  # its number and its commit, by which an incident may blame it
    size: int | None = None  # changed lines; None: the source does not say
    is_promised: bool = False  # only where a reader asks for it

    @property
    def name(self) -> str:
        """As it stands in facts."""
        return f"change:{self.key}"


@dataclass(frozen=True, slots=True)
class Deployed:
    """A successful production deployment.

    Attributes:
        kind: as in `ndu`, or `redeploy`.
        same_as: what tells that two deployments are of the same thing.
        names: by which an incident may speak of it.
        mended_at: when it was rolled back or fixed; `mended_how` says which.
    """

    key: int
    at: dt.datetime
    kind: str
    same_as: tuple[str, ...]
    names: frozenset[str]
    mended_at: dt.datetime | None
    mended_how: str


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident. `severity` is the worst that was ever said; `lowered` whether it was lowered."""

    key: str
    opened_at: dt.datetime
    resolved_at: dt.datetime | None
    severity: str
    lowered: bool
    human_actioned: bool | None
    caused_by: tuple[str, ...]
    fixed_by: str


@dataclass
class History:
    """One service, from some time before the window up to its end."""

    first_at: dt.datetime | None = None
    changes: list[DeliveredChange] = field(default_factory=list)
    deployments: list[Deployed] = field(default_factory=list)
    incidents: list[IncidentRow] = field(default_factory=list)
    incidents_until: dt.datetime | None = None  # the last sign of life of where they come from

    def has_incident_source(self, since: dt.datetime) -> bool:
        """Whether its source of incidents showed a sign of life after that moment. A dead one and
        a quiet one look alike, so silence is not taken for good."""
        return self.incidents_until is not None and self.incidents_until >= since


def histories(
    service_ids: Iterable[int],
    since: dt.datetime,
    until: dt.datetime,
    as_of: dt.datetime,
    *,
    with_promises: bool = False,
) -> dict[int, History]:
    """History of each service that was ever in production; seven queries, nine with promises."""
    ids = list(service_ids)
    end = min(until, as_of)
    production = Deployment.objects.filter(
        service_id__in=ids,
        tier=EnvironmentTier.PRODUCTION,
        status=DeploymentStatus.SUCCEEDED,
        finished_at__lte=as_of,
    )
    found = {
        pk: History(first_at=first)
        for pk, first in production.values_list("service_id").annotate(first=Min("finished_at"))
    }
    _add_incidents(found, as_of)
    fixes = {
        pk: frozenset(each.fixed_by for each in history.incidents if each.fixed_by)
        for pk, history in found.items()
    }
    repairs = Deployment.objects.filter(
        remediated_by=OuterRef("pk"), remediation=Remediation.ROLLFORWARD
    )
    for row in production.filter(finished_at__gte=since, finished_at__lt=end).annotate(
        repairs=Exists(repairs)
    ).values(
        "pk", "service_id", "finished_at", "is_baseline", "is_redeploy", "is_rollback", "sha",
        "artifact", "version", "external_id", "group_id", "fixes", "repairs", "remediation",
        "remediated_by__finished_at",
    ).order_by("finished_at", "pk"):  # fmt: skip
        found[row["service_id"]].deployments.append(_deployed(row, fixes[row["service_id"]], as_of))
    promised = (
        promised_changes(list(found), since, end, as_of) if with_promises else frozenset[int]()
    )
    for service_id, change in _changes(list(found), since, end, as_of):
        is_promised = change.key in promised
        found[service_id].changes.append(change._replace(is_promised=is_promised))
    return found


def _deployed(row: Mapping[str, Any], fixes: frozenset[str], as_of: dt.datetime) -> Deployed:
    names = {str(row[name]) for name in ("version", "external_id", "sha") if row[name]}
    if row["is_baseline"]:
        kind = ndu.BASELINE
    elif row["is_rollback"]:
        kind = ndu.ROLLBACK
    elif row["is_redeploy"]:
        kind = "redeploy"
    else:
        is_repair = row["fixes"] or row["repairs"] or names & fixes
        kind = ndu.HOTFIX if is_repair else ndu.DEPLOY
    mended_at = row["remediated_by__finished_at"]
    if mended_at is not None and mended_at > as_of:
        mended_at = None
    what = row["sha"] or row["artifact"] or row["version"] or row["external_id"]
    same = [f"of:{what}", *([f"group:{row['group_id']}"] if row["group_id"] else [])]
    return Deployed(
        key=row["pk"],
        at=row["finished_at"],
        kind=kind,
        same_as=tuple(same),
        names=frozenset(names),
        mended_at=mended_at,
        mended_how=str(row["remediation"]) if mended_at else "",
    )


def _add_incidents(found: Mapping[int, History], as_of: dt.datetime) -> None:
    by_key = dict(Service.objects.filter(pk__in=list(found)).values_list("key", "pk"))
    known = Incident.objects.filter(opened_at__lte=as_of)
    alive = dict(known.values_list("connection_id").annotate(last=Max("opened_at")))
    rows = known.filter(service_key__in=list(by_key))
    for row in rows.order_by("opened_at", "pk").values():
        history = found[by_key[row["service_key"]]]
        opened = row["opened_at"]
        if opened is None:
            continue
        seen = alive[row["connection_id"]]
        history.incidents_until = max(seen, history.incidents_until or seen)
        over = row["resolved_at"]
        blamed_on = (row["caused_by_deployment"], row["caused_by_change"])
        history.incidents.append(
            IncidentRow(
                key=f"incident:{row['id']}",
                opened_at=opened,
                resolved_at=over if over is not None and over <= as_of else None,
                severity=row["worst"],
                lowered=bool(row["downgraded_from"]),
                human_actioned=row["human_actioned"],
                caused_by=tuple(filter(None, blamed_on)),
                fixed_by=row["fixed_by_deployment"],
            )
        )


def _changes(
    service_ids: Sequence[int], since: dt.datetime, end: dt.datetime, as_of: dt.datetime
) -> Iterable[tuple[int, DeliveredChange]]:
    rows = list(
        Change.objects.filter(
            delivered_by__service_id__in=service_ids,
            delivered_by__tier=EnvironmentTier.PRODUCTION,
            delivered_by__is_baseline=False,
            delivered_at__gte=since,
            delivered_at__lt=end,
            part_of__isnull=True,
        )
        .order_by("delivered_at", "pk")
        .values(
            "pk", "delivered_by_id", "delivered_by__service_id", "repository_id", "merged_at",
            "delivered_at", "paths", "additions", "deletions", "reverts_id", "revert_method",
            "reverted_at", "rolled_back_at", "restored_at", "first_commit_at", "author_id",
            "author__user_id", "author__value", "author__display_name", "external_id", "sha",
        )
    )  # fmt: skip
    paths = _paths_of_parts([row["pk"] for row in rows if row["paths"] is None])
    for row in rows:
        delivered_at = row["delivered_at"]
        if delivered_at is None:
            continue
        known = row["paths"] if row["paths"] is not None else paths.get(row["pk"])
        gone = [row["reverted_at"], row["rolled_back_at"]]
        undone = [at for at in gone if at is not None and at <= as_of]
        back = row["restored_at"]
        yield (
            row["delivered_by__service_id"],
            DeliveredChange(
                key=row["pk"],
                deployment=row["delivered_by_id"],
                repository=row["repository_id"],
                merged_at=row["merged_at"],
                delivered_at=delivered_at,
                series=series_of(
                    author_names=filter(None, (row["author__value"], row["author__display_name"])),
                    paths=known,
                    lines=_lines(row["additions"], row["deletions"]),
                    is_revert=bool(row["reverts_id"] or row["revert_method"]),
                ),
                paths_known=known is not None,
                author=f"u{row['author__user_id']}"
                if row["author__user_id"]
                else f"i{row['author_id']}",
                undone_at=min(undone, default=None),
                restored_at=back if back is not None and back <= as_of else None,
                first_commit_at=row["first_commit_at"],
                ids=tuple(filter(None, (row["external_id"], row["sha"]))),
                size=_lines(row["additions"], row["deletions"]),
            ),
        )


def _lines(additions: int | None, deletions: int | None) -> int | None:
    return None if additions is None or deletions is None else additions + deletions


def _paths_of_parts(change_ids: Sequence[int]) -> dict[int, list[str]]:
    """Of pull requests of which nobody listed the files: what their commits touch."""
    found: dict[int, set[str]] = defaultdict(set)
    parts = Change.objects.filter(part_of_id__in=change_ids, paths__isnull=False)
    for whole, paths in parts.values_list("part_of_id", "paths"):
        if whole is not None:
            found[whole].update(paths or ())
    return {key: sorted(paths) for key, paths in found.items()}


def rollouts(history: History, keep: Iterable[DeliveredChange]) -> list[ndu.Rollout]:
    """A history as NDU counts it, with only the changes in `keep`.

    A change that a fix or an incident's answer brought is in a hotfix. What was fixed by another
    deployment within the survival window was undone, as far as survival is concerned, by that.
    """
    kinds = {each.key: each for each in history.deployments}
    by_deployment: dict[int, list[DeliveredChange]] = defaultdict(list)
    for change in keep:
        by_deployment[change.deployment].append(change)
    found: list[ndu.Rollout] = []
    for key in {*by_deployment, *kinds}:
        deployed, brought = kinds.get(key), by_deployment.get(key, [])
        kind = deployed.kind if deployed else ndu.DEPLOY
        if not brought and kind not in (ndu.ROLLBACK, ndu.HOTFIX):
            continue
        at = deployed.at if deployed else brought[0].delivered_at
        changes = tuple(
            ndu.Brought(each.name, each.series, each.undone_at, each.is_promised)
            for each in brought
        )
        kind = ndu.DEPLOY if kind == "redeploy" else kind
        found.append(ndu.Rollout(f"deployment:{key}", at, changes, kind))
    return sorted(found, key=lambda each: (each.at, each.key))


def blamed(history: History) -> dict[int, list[IncidentRow]]:
    """By deployment, the incidents whose sender says that it, or a change it brought, caused them.

    Never by time: the deployment before an incident is only the nearest one.
    """
    names: dict[str, set[int]] = defaultdict(set)
    for deployed in history.deployments:
        for name in deployed.names:
            names[name].add(deployed.key)
    for change in history.changes:
        for name in change.ids:
            names[name].add(change.deployment)
    found: dict[int, list[IncidentRow]] = defaultdict(list)
    for incident in history.incidents:
        for key in sorted({key for name in incident.caused_by for key in names.get(name, ())}):
            found[key].append(incident)
    return found


def mended_by_fix(history: History) -> dict[str, dt.datetime]:
    """By rollout, when another deployment repaired it, or an incident that it caused was opened."""
    caused = blamed(history)
    found: dict[str, dt.datetime] = {}
    for deployed in history.deployments:
        moments = [each.opened_at for each in caused.get(deployed.key, ())]
        if deployed.mended_at and deployed.mended_how == Remediation.ROLLFORWARD:
            moments.append(deployed.mended_at)
        if moments:
            found[f"deployment:{deployed.key}"] = min(moments)
    return found


def roots(service_ids: Iterable[int]) -> dict[int, int]:
    """The service that each one came out of in the end; itself when it was never split off."""
    parents = dict(ServiceSplit.objects.values_list("child_id", "parent_id"))
    found: dict[int, int] = {}
    for pk in service_ids:
        root, seen = pk, {pk}
        while root in parents and parents[root] not in seen:
            root = parents[root]
            seen.add(root)
        found[pk] = root
    return found
