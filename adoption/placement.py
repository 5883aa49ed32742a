"""Which deployment first brought which change to production, what was rolled back, what repaired.

Containment is known, best first, by the provider's own list, by the deployed commit, or by its
history; never by time alone. All is worked out from scratch from what is stored, so that late,
doubled and unordered imports end at the same result. Pure: no storage, no clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from adoption.containment import DeploymentPoint, first_containing

PROVIDER, SHA, ANCESTRY = "provider", "sha", "ancestry"
_BEST = {PROVIDER: 0, SHA: 1, ANCESTRY: 2}
Graph = Mapping[str, Sequence[str]]


class Unit(NamedTuple):
    """A change: the commits that stand for it as a whole, and the number that providers list.

    `paths` None: nobody said which files it touches.
    """

    key: int
    shas: tuple[str, ...]
    number: str = ""
    paths: tuple[str, ...] | None = None


class Rollout(NamedTuple):
    """A successful production deployment. `is_event` False: a tag, which is never a rollback."""

    key: int
    service: int
    environment: str
    sha: str
    at: datetime
    name: str
    external_id: str = ""
    artifact: str = ""
    included: frozenset[str] = frozenset()
    included_commits: frozenset[str] = frozenset()
    is_event: bool = True
    said_rollback: bool = False
    rolls_back_to: str = ""
    fixes: str = ""

    @property
    def identity(self) -> str:
        """What is the same when the same thing is deployed again."""
        return self.sha or self.artifact or self.name


class ServiceRule(NamedTuple):
    """What a service is made of, and whether its first deployment delivers."""

    first_delivers: bool
    paths: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where a change was first delivered, how that is known, and whether it is still there."""

    rollout: int
    how: str
    at: datetime
    rolled_back_at: datetime | None = None
    restored_at: datetime | None = None


@dataclass
class Placement:
    """The result for one repository.

    Attributes:
        places: unit → where it was delivered first. One that is missing is not in production, or
            was there before the baseline.
        baselines, redeploys, rollbacks: rollouts that are one.
        remedies: rollout that needed intervention → (what it was, the rollout that mended it).
    """

    places: dict[int, Place] = field(default_factory=dict)
    baselines: set[int] = field(default_factory=set)
    redeploys: set[int] = field(default_factory=set)
    rollbacks: set[int] = field(default_factory=set)
    remedies: dict[int, tuple[str, int]] = field(default_factory=dict)


def place_changes(
    graph: Graph,
    units: Iterable[Unit],
    rollouts: Iterable[Rollout],
    rules: Mapping[int, ServiceRule],
) -> Placement:
    """Place every change of a repository.

    Args:
        graph: commit → what it directly contains, for all commits that are known.
        rollouts: successful production deployments of all services of the repository.
        rules: by service.

    A change counts once: at the earliest delivery by any service that it touches. The first
    deployment of a service is its baseline and delivers nothing unless its rule says otherwise.
    """
    units = list(units)
    by_service: dict[int, list[Rollout]] = defaultdict(list)
    for rollout in rollouts:
        by_service[rollout.service].append(rollout)
    result = Placement()
    for service, found in by_service.items():
        ordered = sorted(found, key=lambda each: (each.at, each.name, each.sha, each.external_id))
        rule = rules.get(service, ServiceRule(first_delivers=False))
        result.baselines.add(ordered[0].key)
        _mark(ordered, result)
        for key, place in _Service(graph, ordered, rule, result).deliver(units):
            known = result.places.get(key)
            if known is None or (place.at, _BEST[place.how]) < (known.at, _BEST[known.how]):
                result.places[key] = place
    return result


def _mark(ordered: Sequence[Rollout], result: Placement) -> None:
    """Redeployments, rollbacks and repairs, environment by environment."""
    chains: dict[str, list[Rollout]] = defaultdict(list)
    for rollout in ordered:
        chain = chains[rollout.environment]
        seen = next((one for one in reversed(chain) if one.identity == rollout.identity), None)
        if seen is not None:
            result.redeploys.add(rollout.key)
        if rollout.is_event and chain:
            target = _rollback_target(rollout, chain, seen)
            if target is not None:
                result.rollbacks.add(rollout.key)
                for undone in chain[chain.index(target) + 1 :]:
                    if undone.identity != target.identity and undone.key not in result.rollbacks:
                        result.remedies.setdefault(undone.key, ("rollback", rollout.key))
        if rollout.fixes:
            for earlier in chain:
                if rollout.fixes in (earlier.name, earlier.external_id, earlier.sha):
                    result.remedies.setdefault(earlier.key, ("rollforward", rollout.key))
        chain.append(rollout)


def _rollback_target(
    rollout: Rollout, chain: Sequence[Rollout], seen: Rollout | None
) -> Rollout | None:
    """The earlier rollout that this one goes back to: the one it names, else one of the same
    thing, first deployed before the present one was, else, when the source calls it a rollback,
    the one before. (Deploying again what was rolled back goes forward.)"""
    if rollout.rolls_back_to:
        named = (rollout.rolls_back_to,)
        for earlier in reversed(chain):
            if {earlier.name, earlier.external_id, earlier.sha} & set(named):
                return earlier
    if seen is not None and seen.identity != chain[-1].identity:
        known = [each.identity for each in chain]
        if known.index(seen.identity) < known.index(chain[-1].identity):
            return seen
    if rollout.said_rollback and len(chain) > 1:
        return chain[-2]
    return None


class _Service:
    """Deliveries of one service."""

    def __init__(
        self, graph: Graph, ordered: Sequence[Rollout], rule: ServiceRule, marks: Placement
    ) -> None:
        self.graph = graph
        self.ordered = ordered
        self.rule = rule
        self.marks = marks
        self.by_key = {rollout.key: rollout for rollout in ordered}
        # History is only known from the first deployment on whose commit is known.
        known = [each for each in ordered if each.sha in graph]
        found = first_containing(
            graph,
            [DeploymentPoint(each.key, each.sha, each.at, each.name) for each in known],
            baseline_delivers=rule.first_delivers,
        )
        self.first, self.before = found.first, found.in_baseline
        self.baseline = None if rule.first_delivers else ordered[0]
        self.by_sha: dict[str, Rollout] = {}
        self.by_listed: dict[str, Rollout] = {}
        self.by_number: dict[str, Rollout] = {}
        for rollout in ordered:
            if rollout.sha:
                self.by_sha.setdefault(rollout.sha, rollout)
            for sha in rollout.included_commits:
                self.by_listed.setdefault(sha, rollout)
            for number in rollout.included:
                self.by_number.setdefault(number, rollout)

    def deliver(self, units: Iterable[Unit]) -> Iterable[tuple[int, Place]]:
        for unit in units:
            if not self._touches(unit):
                continue
            best = min(
                self._candidates(unit),
                key=lambda each: (each[0].at, each[0].name, _BEST[each[1]]),
                default=None,
            )
            if best is not None and best[0] is not self.baseline:
                rollout, how = best
                yield unit.key, self._still_there(unit, Place(rollout.key, how, rollout.at))

    def _touches(self, unit: Unit) -> bool:
        """Whether the service is made of what the change touches. A service with paths of its own
        is credited with nothing of which nobody said what it touches."""
        if not self.rule.paths:
            return True
        return any(path.startswith(self.rule.paths) for path in unit.paths or ())

    def _candidates(self, unit: Unit) -> list[tuple[Rollout, str]]:
        found: list[tuple[Rollout, str]] = []
        if unit.number in self.by_number:
            found.append((self.by_number[unit.number], PROVIDER))
        for sha in unit.shas:
            if sha in self.by_listed:
                found.append((self.by_listed[sha], PROVIDER))
            if sha in self.by_sha:
                found.append((self.by_sha[sha], SHA))
            if sha in self.first:
                found.append((self.by_key[self.first[sha]], ANCESTRY))
            elif sha in self.before and self.baseline is not None and not found:
                found.append((self.baseline, ANCESTRY))
        return found

    def _still_there(self, unit: Unit, place: Place) -> Place:
        remedy = self.marks.remedies.get(place.rollout)
        if remedy is None or remedy[0] != "rollback":
            return place
        rollback = self.by_key[remedy[1]]
        restored = next(
            (
                each.at
                for each in self.ordered
                if each.at > rollback.at
                and each.environment == rollback.environment
                and each.key not in self.marks.rollbacks
                and self._contains(each, unit)
            ),
            None,
        )
        return place._replace(rolled_back_at=rollback.at, restored_at=restored)

    def _contains(self, rollout: Rollout, unit: Unit) -> bool:
        shas = set(unit.shas)
        if unit.number in rollout.included or shas & rollout.included_commits:
            return True
        stack, seen = [rollout.sha], set()
        while stack:
            sha = stack.pop()
            if sha in shas:
                return True
            if sha not in seen:
                seen.add(sha)
                stack.extend(self.graph.get(sha, ()))
        return False
