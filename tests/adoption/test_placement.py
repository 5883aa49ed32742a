"""Where changes were delivered, against seeded histories whose truth is kept as sets."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from adoption.placement import (
    ANCESTRY,
    PROVIDER,
    SHA,
    Placement,
    Rollout,
    ServiceRule,
    Unit,
    place_changes,
)
from adoption.pull_parts import MergedPull, find_parts
from tests.adoption.histories import make_sha

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
RULES = {1: ServiceRule(first_delivers=False)}


def at(hour: int) -> dt.datetime:
    return START + dt.timedelta(hours=hour)


def rollout(key: int, sha: str, hour: int, environment: str = "prod", **more: object) -> Rollout:
    return Rollout(key, 1, environment, sha, at(hour), f"v{key}", **more)  # type: ignore[arg-type]


LINE = {"a": (), "b": ("a",), "c": ("b",), "d": ("c",)}
UNITS = [Unit(number, (sha,), f"{number}") for number, sha in enumerate("abcd", 1)]


def place(*rollouts: Rollout, graph: Mapping[str, tuple[str, ...]] = LINE) -> Placement:
    return place_changes(graph, UNITS, rollouts, RULES)


def delivered(found: Placement) -> dict[int, int]:
    return {key: each.rollout for key, each in found.places.items()}


def test_the_first_deployment_is_a_baseline_and_a_batch_is_credited_once() -> None:
    found = place(rollout(1, "b", 1), rollout(2, "d", 2), rollout(3, "d", 3))
    assert delivered(found) == {3: 2, 4: 2}
    assert found.baselines == {1}
    assert found.redeploys == {3}
    assert not found.rollbacks


def test_a_rollback_takes_out_what_came_between_until_it_comes_back() -> None:
    gone = place(rollout(1, "a", 1), rollout(2, "b", 2), rollout(3, "d", 3), rollout(4, "b", 4))
    assert gone.rollbacks == {4}
    assert gone.remedies == {3: ("rollback", 4)}
    assert gone.places[3].rolled_back_at == at(4)
    assert gone.places[3].restored_at is None
    assert gone.places[2].rolled_back_at is None
    back = place(rollout(1, "a", 1), rollout(2, "b", 2), rollout(3, "d", 3), rollout(4, "b", 4),
                 rollout(5, "d", 6))  # fmt: skip
    assert (back.places[4].rollout, back.places[4].restored_at) == (3, at(6))


def test_the_same_commit_in_two_environments_is_no_rollback() -> None:
    found = place(
        rollout(1, "a", 1), rollout(2, "b", 2), rollout(3, "b", 3, "prod-us"),
        rollout(4, "c", 4), rollout(5, "c", 5, "prod-us"),
    )  # fmt: skip
    assert not found.rollbacks
    assert delivered(found) == {2: 2, 3: 4}


def test_a_repair_forward_marks_what_it_repairs() -> None:
    found = place(rollout(1, "a", 1), rollout(2, "b", 2), rollout(3, "c", 3, fixes="v2"))
    assert found.remedies == {2: ("rollforward", 3)}
    assert delivered(found) == {2: 2, 3: 3}


def test_a_named_and_a_said_rollback() -> None:
    named = place(rollout(1, "a", 1), rollout(2, "b", 2), rollout(3, "c", 3, rolls_back_to="v1"))
    assert named.remedies == {2: ("rollback", 3)}
    said = place(
        rollout(1, "", 1, artifact="x1"), rollout(2, "", 2, artifact="x2"),
        rollout(3, "", 3, artifact="x3", said_rollback=True),
    )  # fmt: skip
    assert said.rollbacks == {3}


def test_tags_are_never_a_rollback() -> None:
    found = place(*(rollout(n, sha, n, is_event=False) for n, sha in enumerate("acba", 1)))
    assert not found.rollbacks


def test_containment_is_known_by_list_commit_or_history_and_never_by_time() -> None:
    found = place_changes(
        {}, [Unit(1, ("m1",), "12"), Unit(2, ("m2",)), Unit(3, ("m3",)), Unit(4, ("m4",))],
        [rollout(1, "x", 1), rollout(2, "y", 2, included=frozenset({"12"})),
         rollout(3, "m2", 3, included_commits=frozenset({"m3"}))], RULES,
    )  # fmt: skip
    assert {key: (each.rollout, each.how) for key, each in found.places.items()} == {
        1: (2, PROVIDER), 2: (3, SHA), 3: (3, PROVIDER),
    }  # fmt: skip
    assert place(rollout(1, "a", 1), rollout(2, "c", 2)).places[2].how == ANCESTRY


def test_a_service_of_a_monorepo_delivers_what_touches_it() -> None:
    units = [
        Unit(1, ("b",), "", ("checkout/a.py",)),
        Unit(2, ("c",), "", ("search/b.py", "checkout/c.py")),
        Unit(3, ("d",), "", None),
    ]
    rules = {1: ServiceRule(False, ("checkout/",)), 2: ServiceRule(False, ("search/",))}
    rollouts = [
        Rollout(1, 1, "prod", "a", at(1), "1"), Rollout(2, 2, "prod", "a", at(1), "2"),
        Rollout(3, 2, "prod", "d", at(5), "3"), Rollout(4, 1, "prod", "d", at(6), "4"),
    ]  # fmt: skip
    found = place_changes(LINE, units, rollouts, rules)
    assert delivered(found) == {1: 4, 2: 3}


@dataclass
class World:
    """A repository that grows by chance. `holds` says for each commit which changes are in it."""

    dice: random.Random
    graph: dict[str, tuple[str, ...]] = field(default_factory=dict)
    holds: dict[str, frozenset[int]] = field(default_factory=dict)
    units: list[Unit] = field(default_factory=list)
    number: int = 0

    def commit(self, *parents: str, brings: frozenset[int] = frozenset()) -> str:
        self.number += 1
        sha = make_sha(self.number)
        self.graph[sha] = parents
        self.holds[sha] = brings.union(*(self.holds[parent] for parent in parents))
        return sha

    def merge(self, tip: str, base: str) -> str:
        """One change onto a branch: squashed, rebased or merged; `base` is what it began from."""
        key = len(self.units) + 1
        way = self.dice.choice(["squash", "rebase", "merge", "direct"])
        if way == "merge":
            branch = self.commit(base)
            branch = self.commit(branch)
            new = self.commit(tip, branch, brings=frozenset({key}))
        elif way == "rebase":
            new = self.commit(self.commit(tip), brings=frozenset({key}))
        else:
            new = self.commit(tip, brings=frozenset({key}))
        self.units.append(Unit(key, (new,)))
        return new


def grow(seed: int) -> tuple[World, list[Rollout]]:
    """A main line, a long-lived release branch with hotfixes, two environments, rollbacks,
    redeployments and a branch that is thrown away (a force push)."""
    dice = random.Random(seed)  # noqa: S311  (makes test data)
    world = World(dice)
    main = world.commit()
    release = main
    rollouts: list[Rollout] = []
    past: dict[str, list[str]] = {"prod-eu": [], "prod-us": []}
    for step in range(60):
        what = dice.random()
        if what < 0.45:
            main = world.merge(main, dice.choice([main, release]))
        elif what < 0.55:
            release = world.merge(release, release)  # a hotfix, with a commit of its own
        elif what < 0.62:
            release = world.commit(release, main)  # the release branch catches up
        elif what < 0.66:
            world.merge(main, main)  # pushed, then forced away: in no later history
        else:
            where = dice.choice(list(past))
            sha = dice.choice([main, main, release, *past[where][-3:]])
            if dice.random() < 0.15:  # behind what is there, and perhaps never deployed
                sha = next(iter(world.graph[sha]), sha)
            past[where].append(sha)
            rollouts.append(Rollout(step, 1, where, sha, at(step), f"r{step}"))
    return world, rollouts


def truth_of(
    world: World, rollouts: list[Rollout]
) -> dict[int, tuple[int, dt.datetime | None, dt.datetime | None]]:
    """What is delivered by which rollout, out since when, back since when: by sets alone."""
    baseline = world.holds[rollouts[0].sha] if rollouts else frozenset()
    first: dict[int, Rollout] = {}
    for each in rollouts[1:]:
        for key in world.holds[each.sha] - baseline - first.keys():
            first[key] = each
    seen: dict[int, list[tuple[dt.datetime, bool]]] = {key: [] for key in first}
    there: dict[str, frozenset[int]] = {}
    before: dict[str, list[tuple[str, frozenset[int]]]] = {}
    for each in rollouts:
        past = before.setdefault(each.environment, [])
        now = there.get(each.environment, frozenset())
        goes_back = step_back(world, each.sha, past)
        if goes_back is not None:
            now = world.holds[each.sha] | (past[goes_back][1] if goes_back >= 0 else frozenset())
        else:
            now = now | world.holds[each.sha]
        there[each.environment] = now
        past.append((each.sha, now))
        everywhere = frozenset().union(*there.values())
        for key, moments in seen.items():
            moments.append((each.at, key in everywhere))
    result: dict[int, tuple[int, dt.datetime | None, dt.datetime | None]] = {}
    for key, brought in first.items():
        out = back = None
        for (_, was), (moment_, is_) in itertools.pairwise(seen[key]):
            if was and not is_:
                out, back = moment_, None
            elif is_ and not was and out is not None:
                back = moment_
        result[key] = (brought.key, out, back)
    return result


def step_back(world: World, sha: str, past: list[tuple[str, frozenset[int]]]) -> int | None:
    """Where in its environment's past a deployment goes back to; -1: before all of it."""
    shas = [each[0] for each in past]
    if not shas or sha == shas[-1]:
        return None
    if sha in shas:
        is_earlier = shas.index(sha) < shas.index(shas[-1])
        return len(shas) - 1 - shas[::-1].index(sha) if is_earlier else None
    if sha not in ancestors(world, shas[-1]):
        return None
    return max((at for at, each in enumerate(shas) if each in ancestors(world, sha)), default=-1)


def ancestors(world: World, sha: str) -> frozenset[str]:
    return frozenset({sha}).union(*(ancestors(world, parent) for parent in world.graph[sha]))


@pytest.mark.parametrize("seed", range(40))
def test_precision_and_recall_are_one_on_seeded_histories(seed: int) -> None:
    world, rollouts = grow(seed)
    if not rollouts:
        return
    found = place_changes(world.graph, world.units, rollouts, RULES)
    truth = truth_of(world, rollouts)
    assert delivered(found) == {key: each[0] for key, each in truth.items()}
    states = {
        key: (place_.rolled_back_at, place_.restored_at) for key, place_ in found.places.items()
    }
    wrong = {key: (states[key], each[1:]) for key, each in truth.items() if states[key] != each[1:]}
    assert not wrong


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_what_is_known_means_nothing(seed: int) -> None:
    world, rollouts = grow(seed)
    dice = random.Random(seed)  # noqa: S311  (makes test data)
    expected = place_changes(world.graph, world.units, rollouts, RULES)
    units, shuffled = list(world.units), list(rollouts)
    dice.shuffle(units)
    dice.shuffle(shuffled)
    assert place_changes(world.graph, units, shuffled, RULES) == expected


def test_steps_of_pull_requests_are_found_for_every_way_of_merging() -> None:
    graph = {
        "base": (), "x": ("base",), "y": ("x",), "merge": ("base", "y"), "squash": ("merge",),
        "r1": ("squash",), "r2": ("r1",), "direct": ("r2",),
    }  # fmt: skip
    messages = {
        "base": "Start", "x": "x", "y": "y", "merge": "Merge", "squash": "S", "r1": "one",
        "r2": "two", "direct": "D",
    }  # fmt: skip
    parts = find_parts(graph, messages, [
        MergedPull(1, "merge", "", (), ()),
        MergedPull(2, "squash", "", ("b1", "b2"), ("p", "q")),
        MergedPull(3, "r2", "", ("o1", "o2"), ("one", "two")),
    ])  # fmt: skip
    assert parts == {
        "merge": 1, "x": 1, "y": 1, "squash": 2, "b1": 2, "b2": 2, "r2": 3, "r1": 3, "o1": 3,
        "o2": 3,
    }  # fmt: skip


def hot(*keys: int) -> list[Unit]:
    return [unit._replace(is_hotfix=unit.key in keys) for unit in UNITS]


def remedies(units: list[Unit], *rollouts: Rollout) -> dict[int, tuple[str, int]]:
    return place_changes(LINE, units, rollouts, RULES).remedies


def test_a_rollout_of_hotfixes_alone_repairs_what_was_there_before() -> None:
    train = rollout(1, "a", 1), rollout(2, "b", 2), rollout(3, "b", 3), rollout(4, "c", 4)
    assert remedies(hot(3), *train) == {3: ("rollforward", 4)}
    assert remedies(hot(3), *train, rollout(5, "c", 5)) == {3: ("rollforward", 4)}
    assert remedies(hot(), *train) == {}
    step = [*hot(3)[:3], UNITS[3]._replace(is_hotfix=None)]  # a step says nothing by itself
    assert remedies(step, *train[:2], rollout(4, "d", 4)) == {2: ("rollforward", 4)}


def test_a_hotfix_among_other_changes_after_a_rollback_or_in_a_baseline_repairs_nothing() -> None:
    assert remedies(hot(3), rollout(1, "a", 1), rollout(2, "b", 2), rollout(3, "d", 3)) == {}
    assert remedies(hot(1, 2), rollout(1, "b", 1)) == {}
    gone_back = rollout(1, "a", 1), rollout(2, "b", 2), rollout(3, "a", 3)
    assert remedies(hot(3), *gone_back, rollout(4, "c", 4)) == {2: ("rollback", 3)}


def test_what_a_rollout_names_goes_before_its_label_and_the_earlier_repair_counts() -> None:
    named = rollout(3, "c", 3, fixes="v1")
    assert remedies(hot(3), rollout(1, "a", 1), rollout(2, "b", 2), named) == {
        1: ("rollforward", 3)
    }
    later = rollout(1, "a", 1), rollout(2, "b", 2), rollout(3, "c", 3), rollout(4, "a", 4)
    assert remedies(hot(3), *later) == {2: ("rollforward", 3), 3: ("rollback", 4)}


def test_each_environment_has_its_own_present() -> None:
    found = remedies(
        hot(3), rollout(1, "a", 1), rollout(2, "b", 2), rollout(3, "d", 3, "prod-us"),
        rollout(4, "c", 2, "prod-eu"),
    )  # fmt: skip
    assert found == {}  # the first in its environment
