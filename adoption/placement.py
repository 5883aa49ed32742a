"""Which deployment first brought which change to production, what was rolled back, what repaired.

Containment is known, best first, by the provider's own list, by the deployed commit, or by its
history; never by time alone. All is worked out from scratch from what is stored, so that late,
doubled and unordered imports end at the same result. Pure: no storage, no clock.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from adoption.containment import DeploymentPoint, first_containing

PROVIDER, SHA, ANCESTRY = "provider", "sha", "ancestry"
_BEST = {PROVIDER: 0, SHA: 1, ANCESTRY: 2}
Graph = Mapping[str, Sequence[str]]


class Unit(NamedTuple):
    """A change: the commits that stand for it as a whole, and the number that providers list.

    `paths` None: nobody said which files it touches. `is_hotfix`: what a label says of it; None:
    it is a step of another one, which says it.
    """

    key: int
    shas: tuple[str, ...]
    number: str = ""
    paths: tuple[str, ...] | None = None
    is_hotfix: bool | None = False


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
    """Where a change was first delivered, how that is known, and whether it is still there.

    `rolled_back_at`: when it last left production, that is, its last environment of the service;
    `restored_at`: when it came back after that.
    """

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
        back_to: rollback → the rollout that it went back to; None when it went behind all of them.
        undone: rollouts of which a rollback took back what they brought.
    """

    places: dict[int, Place] = field(default_factory=dict)
    baselines: set[int] = field(default_factory=set)
    redeploys: set[int] = field(default_factory=set)
    rollbacks: set[int] = field(default_factory=set)
    remedies: dict[int, tuple[str, int]] = field(default_factory=dict)
    back_to: dict[int, int | None] = field(default_factory=dict)
    undone: set[int] = field(default_factory=set)


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
        _mark(graph, ordered, result)
        for key, place in _Service(graph, ordered, rule, result).deliver(units):
            known = result.places.get(key)
            if known is None or (place.at, _BEST[place.how]) < (known.at, _BEST[known.how]):
                result.places[key] = place
        by_service[service] = ordered
    _mark_hotfixes(units, by_service, result)
    return result


def _mark_hotfixes(
    units: Iterable[Unit], by_service: Mapping[int, Sequence[Rollout]], result: Placement
) -> None:
    """A rollout that delivers hotfixes and nothing else repairs what was there before it.

    One that brings other changes as well was planned. After a rollback nothing is left to repair.
    What a rollout says itself goes first, and of two repairs the earlier counts.
    """
    brought: dict[int, list[bool]] = defaultdict(list)
    for unit in units:
        if unit.is_hotfix is not None and unit.key in result.places:
            brought[result.places[unit.key].rollout].append(unit.is_hotfix)
    by_key = {each.key: each for found in by_service.values() for each in found}
    for key, said in brought.items():
        rollout = by_key[key]
        if not all(said) or rollout.fixes or key in result.rollbacks:
            continue
        before = _present_before(rollout, by_service[rollout.service])
        if before is None or before.key in result.rollbacks:
            continue
        known = result.remedies.get(before.key)
        if known is None or rollout.at < by_key[known[1]].at:
            result.remedies[before.key] = ("rollforward", key)


def _present_before(rollout: Rollout, ordered: Sequence[Rollout]) -> Rollout | None:
    """What was in its environment until then; a copy of the same thing is no other."""
    found = None
    for each in ordered:
        if each.key == rollout.key:
            return found
        if each.environment == rollout.environment and each.identity != rollout.identity:
            found = each
    return None


def _mark(graph: Graph, ordered: Sequence[Rollout], result: Placement) -> None:
    """Redeployments, rollbacks and repairs, environment by environment."""
    chains: dict[str, list[Rollout]] = defaultdict(list)
    for rollout in ordered:
        chain = chains[rollout.environment]
        if any(one.identity == rollout.identity for one in chain):
            result.redeploys.add(rollout.key)
        if rollout.is_event and chain:
            target = _rollback_target(graph, rollout, chain)
            if target is not None:
                _mark_rollback(rollout, chain, target, result)
        if rollout.fixes:
            for earlier in chain:
                if rollout.fixes in (earlier.name, earlier.external_id, earlier.sha):
                    result.remedies.setdefault(earlier.key, ("rollforward", rollout.key))
        chain.append(rollout)


def _mark_rollback(
    rollout: Rollout, chain: Sequence[Rollout], target: int, result: Placement
) -> None:
    """`target`: place in the chain of what is gone back to, -1 for before all of it."""
    identity = chain[target].identity if target >= 0 else rollout.identity
    result.rollbacks.add(rollout.key)
    result.back_to[rollout.key] = chain[target].key if target >= 0 else None
    for undone in chain[target + 1 :]:
        if undone.identity != identity:
            result.undone.add(undone.key)
            if undone.key not in result.rollbacks:
                result.remedies.setdefault(undone.key, ("rollback", rollout.key))


def _rollback_target(graph: Graph, rollout: Rollout, chain: Sequence[Rollout]) -> int | None:
    """The place in the chain that this rollout goes back to: of the one it names, else of one of
    the same thing, first deployed before the present one was, else, when what it deploys is in the
    history of the present one, of the last that it contains (-1: none), else, when the source calls
    it a rollback, of the one before. None: it goes forward, as deploying again what was rolled
    back does."""
    present = chain[-1].identity
    if rollout.rolls_back_to:
        for place in range(len(chain) - 1, -1, -1):
            earlier = chain[place]
            if rollout.rolls_back_to in (earlier.name, earlier.external_id, earlier.sha):
                return place
    known = [each.identity for each in chain]
    if rollout.identity in known:
        if known.index(rollout.identity) < known.index(present):
            return len(known) - 1 - known[::-1].index(rollout.identity)
    elif _is_behind(graph, rollout.sha, chain[-1].sha):
        behind = set(_history(graph, rollout.sha))
        places = [place for place, each in enumerate(chain) if each.sha in behind]
        return places[-1] if places else -1
    if rollout.said_rollback and len(chain) > 1:
        return len(chain) - 2
    return None


def _history(graph: Graph, sha: str) -> Iterator[str]:
    """The commit and everything that it contains, nearest first."""
    waiting, seen = deque([sha]), {sha}
    while waiting:
        found = waiting.popleft()
        yield found
        for parent in graph.get(found, ()):
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)


def _is_behind(graph: Graph, sha: str, present: str) -> bool:
    """Whether a commit lies in the history of the present one. A step forward, which nearly all
    are, is seen after the few commits that it brings."""
    if sha == present or sha not in graph or present not in graph:
        return False
    if any(found == present for found in _history(graph, sha)):
        return False
    return any(found == sha for found in _history(graph, present))


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
        self.deployed = {rollout.sha for rollout in ordered}
        self.holders: dict[int, frozenset[str]] = {}
        self.children: dict[str, list[str]] = defaultdict(list)
        if marks.undone:
            for sha, parents in graph.items():
                for parent in parents:
                    self.children[parent].append(sha)
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
            elif sha in self.before and self.baseline is not None:
                found.append((self.baseline, ANCESTRY))
        return found

    def _still_there(self, unit: Unit, place: Place) -> Place:
        """Follow the change through every environment: a rollback brings back what was there after
        the rollout that it goes back to, any other rollout adds what it contains."""
        if place.rollout not in self.marks.undone:
            return place
        there: dict[str, bool] = defaultdict(bool)
        after: dict[int | None, bool] = {None: False}
        out: datetime | None = None
        back: datetime | None = None
        was_there = False
        for each in self.ordered:
            holds = self._contains(each, unit)
            if each.key in self.marks.rollbacks:
                holds = holds or after[self.marks.back_to[each.key]]
            else:
                holds = holds or there[each.environment]
            after[each.key] = there[each.environment] = holds
            is_there = any(there.values())
            if was_there and not is_there:
                out, back = each.at, None
            elif is_there and not was_there and out is not None:
                back = each.at
            was_there = is_there
        return place._replace(rolled_back_at=out, restored_at=back)

    def _contains(self, rollout: Rollout, unit: Unit) -> bool:
        shas = set(unit.shas)
        if unit.number in rollout.included or shas & rollout.included_commits:
            return True
        held = self.holders.get(unit.key)
        if held is None:
            # Commits that contain the change, found once by going from parents to children.
            held = self.holders[unit.key] = self._containing(shas)
        return rollout.sha in held

    def _containing(self, shas: set[str]) -> frozenset[str]:
        waiting, found = list(shas), set(shas)
        while waiting:
            for child in self.children.get(waiting.pop(), ()):
                if child not in found:
                    found.add(child)
                    waiting.append(child)
        return frozenset(found & self.deployed)
