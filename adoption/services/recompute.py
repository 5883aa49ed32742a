"""What rests on the whole history of a repository: which deployment delivered a change first, what
was rolled back or undone, which commits are steps of a pull request. Worked out from scratch,
written only where it differs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count

from adoption.choices import (
    ChangeKind,
    DeploymentStatus,
    EnvironmentTier,
    Involvement,
    RevertMethod,
    Strength,
)
from adoption.evidence.involvement import settle, strongest_of
from adoption.models import (
    Change,
    CherryPick,
    Commit,
    Declaration,
    Deployment,
    Evidence,
    PullRequest,
    Service,
)
from adoption.picks import picked_whole, same_work
from adoption.placement import Placement, Rollout, ServiceRule, Unit, place_changes
from adoption.pull_parts import MergedPull, find_parts
from adoption.reverts import Reverts
from adoption.services.hotfix_labels import hotfixes_among
from adoption.services.recompute_reverts import Standing, reverts_of
from portal.rows import update_rows

_PLACED = (
    "delivered_by_id", "delivered_at", "delivered_how", "rolled_back_at", "restored_at",
    "reverts_id", "revert_method", "reverted_at", "part_of_id", "strength", "involvement",
)  # fmt: skip
_MARKS = ("is_baseline", "is_redeploy", "is_rollback", "remediation", "remediated_by_id")


@dataclass(frozen=True, slots=True)
class _Place:
    """What a change should say about its delivery and its undoing."""

    delivered_by_id: int | None
    delivered_at: datetime | None
    delivered_how: str
    rolled_back_at: datetime | None
    restored_at: datetime | None
    reverts_id: int | None
    revert_method: str
    reverted_at: datetime | None
    part_of_id: int | None
    strength: str
    involvement: str


def recompute_repository(*, repository_id: int) -> None:
    """Bring deliveries, rollbacks, reverts and parts of a repository's changes up to date.

    Call it inside the transaction that changed what it rests on, or in one of its own.
    """
    rows = Commit.objects.filter(repository_id=repository_id)
    graph: dict[str, list[str]] = {}
    merges: set[str] = set()
    for sha, parents, is_whole in rows.values_list("sha", "parents", "is_whole"):
        graph[sha] = parents.split()
        if is_whole and len(graph[sha]) > 1:
            merges.add(sha)
    # What a push names as contained is known to be there, even when its own past is not.
    for sha in [parent for parents in graph.values() for parent in parents]:
        graph.setdefault(sha, [])
    changes = list(
        Change.objects.filter(repository_id=repository_id).only(
            "pk", "kind", "external_id", "sha", "merged_at", "paths", *_PLACED
        )
    )
    pulls = _pulls(repository_id)
    wholes = _wholes(changes, _parts(repository_id, graph, pulls))
    steps = _steps(changes, wholes, merges)
    picked = _picked(repository_id, graph, changes, steps)
    hotfixes = hotfixes_among(repository_id, pulls)
    units = _units(changes, pulls, wholes, picked, hotfixes)
    found, deployments = _contain(repository_id, graph, units)
    _mark_deployments(found, deployments)
    settled = _settle(repository_id, changes, wholes)
    places = _places(changes, found, reverts_of(repository_id), wholes, steps, settled)
    moved = [change for change in changes if _move(change, places[change.pk])]
    fields = [name.removesuffix("_id") for name in _PLACED]
    update_rows(moved, fields)


def _pulls(repository_id: int) -> dict[int, PullRequest]:
    """Merged pull requests by the change that they became."""
    rows = PullRequest.objects.filter(repository_id=repository_id, change__isnull=False)
    return {row.change_id: row for row in rows if row.change_id is not None}


def _wholes(changes: Iterable[Change], parts: Mapping[str, int]) -> dict[int, int]:
    """Commit change → the pull request's change that it is a step of."""
    return {
        change.pk: parts[change.sha]
        for change in changes
        if change.kind == ChangeKind.COMMIT and change.sha in parts
    }


def _steps(
    changes: Iterable[Change], wholes: Mapping[int, int], merges: set[str]
) -> dict[int, list[str]]:
    """Pull request's change → the commits that are its work; its merges are none."""
    found: dict[int, list[str]] = defaultdict(list)
    for change in changes:
        if change.pk in wholes and change.sha not in merges:
            found[wholes[change.pk]].append(change.sha)
    return found


def _picked(
    repository_id: int,
    graph: Mapping[str, list[str]],
    changes: Iterable[Change],
    steps: Mapping[int, list[str]],
) -> dict[int, frozenset[str]]:
    """Change → commits elsewhere that repeat the whole of it, or that it repeats."""
    rows = CherryPick.objects.filter(repository_id=repository_id)
    same = same_work(rows.values_list("sha", "picked_from"))
    found: dict[int, frozenset[str]] = {}
    for change in changes if same else ():
        alone = steps.get(change.pk, [])
        whole = picked_whole(graph, alone, same)
        if change.sha not in alone:  # a merge commit, or nobody said what it consists of
            whole |= same.get(change.sha, frozenset())
        if whole:
            found[change.pk] = whole
    return found


def _units(
    changes: list[Change],
    pulls: Mapping[int, PullRequest],
    wholes: Mapping[int, int],
    picked: Mapping[int, frozenset[str]],
    hotfixes: frozenset[int],
) -> list[Unit]:
    """A pull request of which nobody listed the files touches what its steps touch."""
    paths: dict[int, set[str]] = defaultdict(set)
    for change in changes:
        if change.pk in wholes and change.paths is not None:
            paths[wholes[change.pk]].update(change.paths)
    units = (
        _unit(change, pulls.get(change.pk), change.paths or sorted(paths.get(change.pk, ())))
        for change in changes
    )
    return [
        unit._replace(
            shas=tuple(dict.fromkeys((*unit.shas, *sorted(picked.get(unit.key, ()))))),
            is_hotfix=None if unit.key in wholes else unit.key in hotfixes,
        )
        for unit in units
    ]


def _contain(
    repository_id: int, graph: Mapping[str, list[str]], units: Iterable[Unit]
) -> tuple[Placement, dict[int, Deployment]]:
    services = Service.objects.filter(repository_id=repository_id)
    rules = {
        service.pk: ServiceRule(service.first_delivers, tuple(service.paths))
        for service in services
    }
    deployments = {
        deployment.pk: deployment
        for deployment in Deployment.objects.filter(service__repository_id=repository_id)
    }
    rollouts = [
        _rollout(item, item.finished_at)
        for item in deployments.values()
        if item.tier == EnvironmentTier.PRODUCTION
        and item.status == DeploymentStatus.SUCCEEDED
        and item.finished_at is not None
    ]
    return place_changes(graph, units, rollouts, rules), deployments


def _rollout(item: Deployment, at: datetime) -> Rollout:
    return Rollout(
        key=item.pk,
        service=item.service_id,
        environment=item.environment,
        sha=item.sha,
        at=at,
        name=item.version,
        external_id=item.external_id,
        artifact=item.artifact,
        included=frozenset(item.included),
        included_commits=frozenset(item.included_commits),
        is_event=bool(item.events),
        said_rollback=item.said_rollback,
        rolls_back_to=item.rolls_back_to,
        fixes=item.fixes,
    )


def _unit(change: Change, pull: PullRequest | None, known: Iterable[str]) -> Unit:
    paths = tuple(known) or None
    if pull is None:
        return Unit(change.pk, (change.sha,) if change.sha else (), "", paths)
    # The end of the branch holds the whole change as well: some deploy it before they merge.
    shas = dict.fromkeys((pull.merge_sha, pull.squash_sha, pull.head_sha))
    return Unit(change.pk, tuple(filter(None, shas)), pull.number, paths)


def _mark_deployments(found: Placement, deployments: Mapping[int, Deployment]) -> None:
    """Also takes marks off those that are no longer production, when the connection changed."""
    moved: list[Deployment] = []
    for pk, deployment in deployments.items():
        remediation, mended_by = found.remedies.get(pk, ("", None))
        marks = (
            pk in found.baselines,
            pk in found.redeploys,
            pk in found.rollbacks,
            remediation,
            mended_by,
        )
        if tuple(getattr(deployment, name) for name in _MARKS) != marks:
            for name, value in zip(_MARKS, marks, strict=True):
                setattr(deployment, name, value)
            moved.append(deployment)
    fields = [name.removesuffix("_id") for name in _MARKS]
    update_rows(moved, fields)


def _parts(
    repository_id: int, graph: Mapping[str, list[str]], pulls: Mapping[int, PullRequest]
) -> dict[str, int]:
    if not pulls:
        return {}
    commits = Change.objects.filter(repository_id=repository_id, kind=ChangeKind.COMMIT)
    return find_parts(
        graph,
        dict(commits.values_list("sha", "message")),
        [
            MergedPull(
                key,
                pull.merge_sha,
                pull.squash_sha,
                tuple(commit["sha"] for commit in pull.commits),
                tuple(commit.get("message", "") for commit in pull.commits),
            )
            for key, pull in pulls.items()
        ],
    )


def _places(
    changes: list[Change],
    found: Placement,
    reverts: Reverts,
    wholes: Mapping[int, int],
    steps: Mapping[int, list[str]],
    settled: Mapping[int, tuple[str, Involvement]],
) -> dict[int, _Place]:
    by_sha = _by_sha(changes)
    links = {link.commit: link for link in reverts.links}
    open_reverts = {item.commit for item in reverts.unresolved if item.has_revert_subject}
    standing = Standing(reverts.links, by_sha)
    places: dict[int, _Place] = {}
    for change in changes:
        place = found.places.get(change.pk)
        link = links.get(change.sha)
        unresolved = RevertMethod.UNRESOLVED if change.sha in open_reverts else ""
        places[change.pk] = _Place(
            delivered_by_id=place.rollout if place else None,
            delivered_at=place.at if place else None,
            delivered_how=place.how if place else "",
            rolled_back_at=place.rolled_back_at if place else None,
            restored_at=place.restored_at if place else None,
            reverts_id=by_sha[link.reverts].pk if link else None,
            revert_method=link.method if link else unresolved,
            reverted_at=standing.undone_at(change.sha, steps.get(change.pk, [])),
            part_of_id=wholes.get(change.pk),
            strength=settled[change.pk][0],
            involvement=settled[change.pk][1],
        )
    return places


def _settle(
    repository_id: int, changes: Iterable[Change], wholes: Mapping[int, int]
) -> dict[int, tuple[str, Involvement]]:
    """Strength and involvement of each change, from its evidence and what people said of it.

    Evidence is read anew for pull requests, which have that of their steps as well, and where
    somebody declared something; all others bear what was seen when they were stored.
    """
    said: dict[int, dict[str, str]] = defaultdict(dict)
    stated = Declaration.objects.filter(change__repository_id=repository_id)
    for change_id, channel, says in stated.values_list("change_id", "channel", "says"):
        said[change_id][channel] = says
    seen: dict[int, set[str]] = {key: set() for key in {*wholes.values(), *said}}
    if seen:
        own = Evidence.objects.filter(change_id__in=list(seen))
        for change_id, strength in own.values_list("change_id", "strength"):
            seen[change_id].add(strength)
    for change in changes:
        if change.pk in wholes and change.strength:
            seen[wholes[change.pk]].add(change.strength)
    return {
        change.pk: settle(
            strongest_of(seen[change.pk]) if change.pk in seen else change.strength,
            said.get(change.pk, {}),
        )
        for change in changes
    }


def _by_sha(changes: Iterable[Change]) -> dict[str, Change]:
    """The change that a commit stands for: the pull request that it merged, else itself."""
    found: dict[str, Change] = {}
    for change in changes:
        if change.sha not in found or change.kind != ChangeKind.COMMIT:
            found[change.sha] = change
    return found


def _move(change: Change, place: _Place) -> bool:
    """Set what the place says; whether that changed anything."""
    moved = False
    for name in _PLACED:
        value = getattr(place, name)
        if getattr(change, name) != value:
            setattr(change, name, value)
            moved = True
    return moved


def history_facts(*, repository_id: int) -> dict[str, Any]:
    """The figures that an import prints, over the whole repository as it now stands."""
    changes = Change.objects.filter(repository_id=repository_id, part_of__isnull=True)
    by_strength = dict(
        changes.exclude(strength="")
        .values_list("strength")
        .order_by("strength")
        .annotate(count=Count("pk"))
    )
    with_evidence = changes.exclude(strength="")
    return {
        "evidence": {strength.value: by_strength.get(strength, 0) for strength in Strength},
        "ai_changes": sum(by_strength.values()),
        "ai_changes_delivered": with_evidence.filter(delivered_by__isnull=False).count(),
        "reverts_resolved": changes.filter(reverts__isnull=False).count(),
        "reverts_unresolved": changes.filter(revert_method=RevertMethod.UNRESOLVED).count(),
    }
