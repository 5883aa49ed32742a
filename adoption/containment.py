"""Which deployment brought a commit to its environment first.

Release tags are not a line: a maintenance release made after a pre-release is not in the history
of the next one, so adding up what is new from tag to tag counts commits twice. A commit is
delivered once, by the first deployment in time whose history contains it.

Everything is worked out from the whole graph each time. Late or unordered imports therefore end
at the same result, whichever way they went.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)


class DeploymentPoint(NamedTuple, Generic[KeyT]):
    """One successful deployment of one service to one environment; `at` is aware."""

    key: KeyT
    sha: str
    at: datetime
    name: str


@dataclass(frozen=True, slots=True)
class Containment(Generic[KeyT]):
    """The result for one service and environment.

    Attributes:
        first: commit → key of the deployment that delivered it. A commit that is not in here is
            not deployed, or was there before the baseline.
        baseline: key of the first deployment in time; None when there are no deployments.
        in_baseline: commits that the baseline contained and, by rule, did not deliver.
        redeploys: deployments of a commit that an earlier one had deployed; they deliver nothing.
        unknown_deployments: deployments whose commit is not imported (yet); they deliver nothing
            until it is.
        missing_parents: parents that are not imported; history behind them is not counted.
        waits_for_baseline: the baseline's commit is not imported and the baseline delivers
            nothing, so that nobody can say what came after it: `first` is empty.
    """

    first: Mapping[str, KeyT]
    baseline: KeyT | None
    in_baseline: frozenset[str]
    redeploys: tuple[KeyT, ...]
    unknown_deployments: tuple[KeyT, ...]
    missing_parents: frozenset[str]
    waits_for_baseline: bool


def first_containing(
    commits: Mapping[str, Sequence[str]],
    deployments: Iterable[DeploymentPoint[KeyT]],
    *,
    baseline_delivers: bool,
) -> Containment[KeyT]:
    """Assign each commit to the first deployment whose history contains it.

    Deployments are ordered by time, then by name; the deployment itself, its commit and all
    ancestors of it are its history. Takes O(commits + parents + deployments) steps.

    The first deployment is the *baseline*. With `baseline_delivers=False` (deployments of a
    service that existed before it was watched) it delivers nothing, because its history is all
    that was ever written and not what that one rollout brought. With `baseline_delivers=True`
    (release tags, where the first one is in truth the first release) it delivers its history
    like any other.

    Args:
        commits: hash → hashes of the parents, of all imported commits on all branches.
        deployments: successful deployments of one service to one environment, in any order;
            failed ones and other environments must be left out by the caller.
        baseline_delivers: the rule for the first deployment.

    Raises:
        ValueError: two deployments have the same key.
    """
    ordered = sorted(deployments, key=lambda point: (point.at, point.name, point.sha))
    if len({point.key for point in ordered}) != len(ordered):
        raise ValueError("two deployments have the same key; expected each deployment once")
    first: dict[str, KeyT] = {}
    missing: set[str] = set()
    unknown: list[KeyT] = []
    redeploys: list[KeyT] = []
    deployed: set[str] = set()
    for point in ordered:
        if point.sha in deployed:
            redeploys.append(point.key)
        deployed.add(point.sha)
        if point.sha in commits:
            _claim(point, commits, first, missing)
        else:
            unknown.append(point.key)
    waits = bool(ordered) and not baseline_delivers and ordered[0].sha not in commits
    in_baseline: set[str] = set()
    if waits:
        first.clear()
    elif ordered and not baseline_delivers:
        in_baseline = {sha for sha, key in first.items() if key == ordered[0].key}
        for sha in in_baseline:
            del first[sha]
    return Containment(
        first=first,
        baseline=ordered[0].key if ordered else None,
        in_baseline=frozenset(in_baseline),
        redeploys=tuple(redeploys),
        unknown_deployments=tuple(unknown),
        missing_parents=frozenset(missing),
        waits_for_baseline=waits,
    )


def _claim(
    point: DeploymentPoint[KeyT],
    commits: Mapping[str, Sequence[str]],
    first: dict[str, KeyT],
    missing: set[str],
) -> None:
    """Give the deployment every ancestor that has none yet.

    Once a commit is taken, so are all its ancestors: the walk may stop there, which is what
    makes the whole linear.
    """
    stack = [point.sha]
    while stack:
        sha = stack.pop()
        if sha in first:
            continue
        if sha not in commits:
            missing.add(sha)
            continue
        first[sha] = point.key
        stack.extend(commits[sha])
