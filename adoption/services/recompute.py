"""What rests on the whole history of a repository: which deployment delivered a change first, and
which change was undone. Worked out from scratch, written only where it differs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from adoption.choices import DeploymentStatus, EnvironmentTier, RevertMethod, Strength
from adoption.containment import Containment, DeploymentPoint, first_containing
from adoption.history import HistoryCommit
from adoption.models import Change, Commit, Deployment
from adoption.reverts import Reverts, find_reverts, standing_reverts

_BATCH = 500


@dataclass(frozen=True, slots=True)
class _Place:
    """What a change should say about its delivery and its undoing."""

    delivered_by_id: int | None
    delivered_at: datetime | None
    reverts_id: int | None
    revert_method: str
    reverted_at: datetime | None


def recompute_repository(*, repository_id: int, first_release_delivers: bool) -> None:
    """Bring deliveries and reverts of a repository's changes up to date.

    Call it inside the transaction of the import that changed the history.
    """
    found, deployments = _contain(repository_id, first_release_delivers)
    _mark_deployments(found, deployments)
    changes = list(
        Change.objects.filter(repository_id=repository_id).only(
            "pk", "sha", "merged_at", "delivered_by_id", "delivered_at", "reverts_id",
            "revert_method", "reverted_at",
        )
    )  # fmt: skip
    reverts = _reverts(repository_id)
    places = _places(changes, found, deployments, reverts)
    moved = [change for change in changes if _move(change, places[change.sha])]
    Change.objects.bulk_update(
        moved,
        ["delivered_by", "delivered_at", "reverts", "revert_method", "reverted_at"],
        batch_size=_BATCH,
    )


def _contain(
    repository_id: int, first_release_delivers: bool
) -> tuple[Containment[int], dict[int, Deployment]]:
    graph = {
        sha: parents.split()
        for sha, parents in Commit.objects.filter(repository_id=repository_id).values_list(
            "sha", "parents"
        )
    }
    deployments = {
        deployment.pk: deployment
        for deployment in Deployment.objects.filter(service__repository_id=repository_id)
    }
    points = [
        DeploymentPoint(pk, item.sha, item.finished_at, item.version)
        for pk, item in deployments.items()
        if item.tier == EnvironmentTier.PRODUCTION and item.status == DeploymentStatus.SUCCEEDED
    ]
    found = first_containing(graph, points, baseline_delivers=first_release_delivers)
    return found, deployments


def _mark_deployments(found: Containment[int], deployments: Mapping[int, Deployment]) -> None:
    """Also takes marks off those that are no longer production, when the connection changed."""
    redeploys = frozenset(found.redeploys)
    moved: list[Deployment] = []
    for pk, deployment in deployments.items():
        marks = (pk == found.baseline, pk in redeploys)
        if (deployment.is_baseline, deployment.is_redeploy) != marks:
            deployment.is_baseline, deployment.is_redeploy = marks
            moved.append(deployment)
    Deployment.objects.bulk_update(moved, ["is_baseline", "is_redeploy"], batch_size=_BATCH)


def _reverts(repository_id: int) -> Reverts:
    """Reverts among the changes. Only messages that can be one are read whole."""
    parents = dict(
        Commit.objects.filter(repository_id=repository_id, on_default_branch=True).values_list(
            "sha", "parents"
        )
    )
    changes = Change.objects.filter(repository_id=repository_id)
    speaking = Q(message__icontains="revert") | Q(message__icontains="reapply")
    whole = dict(changes.filter(speaking).values_list("sha", "message"))
    return find_reverts(
        HistoryCommit(sha, tuple(parents.get(sha, "").split()), merged_at, whole.get(sha, title))
        for sha, merged_at, title in changes.values_list("sha", "merged_at", "title")
    )


def _places(
    changes: Iterable[Change],
    found: Containment[int],
    deployments: Mapping[int, Deployment],
    reverts: Reverts,
) -> dict[str, _Place]:
    by_sha = {change.sha: change for change in changes}
    links = {link.commit: link for link in reverts.links}
    open_reverts = {item.commit for item in reverts.unresolved if item.has_revert_subject}
    standing = standing_reverts(reverts.links)
    places: dict[str, _Place] = {}
    for sha in by_sha:
        key = found.first.get(sha)
        link = links.get(sha)
        undone_by = standing.get(sha)
        unresolved = RevertMethod.UNRESOLVED if sha in open_reverts else ""
        places[sha] = _Place(
            delivered_by_id=key,
            delivered_at=deployments[key].finished_at if key is not None else None,
            reverts_id=by_sha[link.reverts].pk if link else None,
            revert_method=link.method if link else unresolved,
            reverted_at=by_sha[undone_by].merged_at if undone_by else None,
        )
    return places


def _move(change: Change, place: _Place) -> bool:
    """Set what the place says; whether that changed anything."""
    moved = False
    for name in ("delivered_by_id", "delivered_at", "reverts_id", "revert_method", "reverted_at"):
        value = getattr(place, name)
        if getattr(change, name) != value:
            setattr(change, name, value)
            moved = True
    return moved


def history_facts(*, repository_id: int) -> dict[str, Any]:
    """The figures that an import prints, over the whole repository as it now stands."""
    changes = Change.objects.filter(repository_id=repository_id)
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
