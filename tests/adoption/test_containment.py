from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adoption.containment import DeploymentPoint, first_containing

START = datetime(2026, 1, 1, tzinfo=UTC)
LINE = {"a": (), "b": ("a",), "c": ("b",), "d": ("c",)}

Graph = dict[str, tuple[str, ...]]


def deploy(key: str, sha: str, day: int = 0, name: str = "") -> DeploymentPoint[str]:
    return DeploymentPoint(key, sha, START + timedelta(days=day), name or key)


def list_history(commits: Mapping[str, Sequence[str]], sha: str) -> set[str]:
    """All known commits in the history of one, the slow and obvious way."""
    seen: set[str] = set()
    todo = [sha]
    while todo:
        current = todo.pop()
        if current in commits and current not in seen:
            seen.add(current)
            todo.extend(commits[current])
    return seen


def test_each_commit_belongs_to_the_first_deployment_in_time() -> None:
    points = [deploy("two", "c", 2), deploy("one", "b", 1), deploy("three", "d", 3)]
    result = first_containing(LINE, points, baseline_delivers=True)
    assert result.first == {"a": "one", "b": "one", "c": "two", "d": "three"}
    assert result.baseline == "one"
    assert not result.redeploys


def test_equal_times_are_ordered_by_name() -> None:
    points = [deploy("k1", "d", 1, "v2"), deploy("k2", "b", 1, "v1")]
    result = first_containing(LINE, points, baseline_delivers=True)
    assert result.first == {"a": "k2", "b": "k2", "c": "k1", "d": "k1"}


def test_a_maintenance_release_does_not_count_commits_twice() -> None:
    graph = LINE | {"fix": ("b",), "e": ("d",)}
    points = [deploy("1.0", "b", 1), deploy("2.0a", "d", 2), deploy("1.1", "fix", 3)]
    points.append(deploy("2.0", "e", 4))
    result = first_containing(graph, points, baseline_delivers=True)
    assert result.first["c"] == "2.0a"
    assert result.first["fix"] == "1.1"
    assert result.first["e"] == "2.0"
    new_by_pairs = sum(
        len(list_history(graph, new.sha) - list_history(graph, old.sha))
        for old, new in pairwise(points)
    )
    assert new_by_pairs > len(graph) - 2  # adding up from tag to tag counts c and d again


def test_the_baseline_delivers_only_when_told_so() -> None:
    points = [deploy("seed", "c", 1), deploy("next", "d", 2)]
    result = first_containing(LINE, points, baseline_delivers=False)
    assert result.first == {"d": "next"}
    assert result.in_baseline == {"a", "b", "c"}
    assert result.baseline == "seed"


def test_redeploys_and_rollbacks_deliver_nothing() -> None:
    points = [deploy("one", "c", 1), deploy("again", "c", 2), deploy("back", "a", 3)]
    result = first_containing(LINE, points, baseline_delivers=True)
    assert set(result.first.values()) == {"one"}
    assert result.redeploys == ("again",)


def test_undeployed_commits_are_left_out() -> None:
    result = first_containing(LINE, [deploy("one", "a")], baseline_delivers=True)
    assert result.first == {"a": "one"}
    nothing: list[DeploymentPoint[str]] = []
    empty = first_containing(LINE, nothing, baseline_delivers=False)
    assert (empty.first, empty.baseline, empty.waits_for_baseline) == ({}, None, False)


def test_what_is_not_imported_is_reported() -> None:
    graph = {"b": ("a", "z"), "c": ("b",)}
    points = [deploy("one", "c", 1), deploy("ghost", "nowhere", 2)]
    result = first_containing(graph, points, baseline_delivers=True)
    assert result.first == {"b": "one", "c": "one"}
    assert result.missing_parents == {"a", "z"}
    assert result.unknown_deployments == ("ghost",)
    assert not result.waits_for_baseline


def test_nothing_is_delivered_while_the_baseline_is_not_known() -> None:
    """Otherwise the second deployment would take the credit for all history."""
    points = [deploy("seed", "nowhere", 1), deploy("next", "d", 2)]
    result = first_containing(LINE, points, baseline_delivers=False)
    assert result.first == {}
    assert result.waits_for_baseline
    assert result.unknown_deployments == ("seed",)


def test_a_forged_loop_ends() -> None:
    graph = {"a": ("b",), "b": ("a",)}
    result = first_containing(graph, [deploy("one", "a")], baseline_delivers=True)
    assert result.first == {"a": "one", "b": "one"}


def test_a_key_twice_is_an_error() -> None:
    with pytest.raises(ValueError, match="same key"):
        first_containing(LINE, [deploy("x", "a"), deploy("x", "b")], baseline_delivers=True)


def test_a_hundred_thousand_commits_in_a_line_need_no_recursion() -> None:
    graph: Graph = {"0": ()}
    graph |= {str(n): (str(n - 1),) for n in range(1, 100_000)}
    points = [deploy(f"r{n}", str(n * 100), n) for n in range(1, 1_000)]
    result = first_containing(graph, points, baseline_delivers=True)
    assert len(result.first) == 99_901
    assert result.first["99900"] == "r999"


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Random graphs without loops; a parent may be one that was never imported."""
    size = draw(st.integers(1, 14))
    graph: Graph = {}
    for number in range(size):
        earlier = [f"c{n}" for n in range(number)] + ["lost"]
        parents = draw(st.lists(st.sampled_from(earlier), max_size=3, unique=True))
        graph[f"c{number}"] = tuple(parents)
    return graph


@st.composite
def points_on(draw: st.DrawFn, graph: Graph) -> list[DeploymentPoint[str]]:
    shas = st.sampled_from([*graph, "unknown"])
    drawn = draw(st.lists(st.tuples(shas, st.integers(0, 4)), max_size=7))
    return [deploy(f"d{n}", sha, day) for n, (sha, day) in enumerate(drawn)]


def assign_slowly(
    graph: Graph, points: Sequence[DeploymentPoint[str]], baseline_delivers: bool
) -> dict[str, str]:
    """For each commit look through all deployments in order: the definition, word by word."""
    ordered = sorted(points, key=lambda point: (point.at, point.name))
    if not baseline_delivers and ordered and ordered[0].sha not in graph:
        return {}
    histories = [(point.key, list_history(graph, point.sha)) for point in ordered]
    result = {}
    for sha in graph:
        key = next((key for key, history in histories if sha in history), None)
        if key is not None and (baseline_delivers or key != ordered[0].key):
            result[sha] = key
    return result


@given(st.data(), st.booleans())
def test_it_agrees_with_the_definition_whatever_the_order(
    data: st.DataObject, baseline_delivers: bool
) -> None:
    graph = data.draw(graphs())
    points = data.draw(points_on(graph))
    expected = assign_slowly(graph, points, baseline_delivers)
    result = first_containing(graph, points, baseline_delivers=baseline_delivers)
    assert result.first == expected
    assert result.in_baseline.isdisjoint(result.first)
    mixed_graph = dict(data.draw(st.permutations(list(graph.items()))))
    mixed_points = data.draw(st.permutations(points))
    mixed = first_containing(mixed_graph, mixed_points, baseline_delivers=baseline_delivers)
    assert mixed == result


@given(st.data())
def test_more_commits_never_take_a_delivery_away(data: st.DataObject) -> None:
    """Chunks may come in any order: with known deployments a later chunk only adds."""
    graph = data.draw(graphs())
    points = [point for point in data.draw(points_on(graph)) if point.sha in graph]
    kept = set(data.draw(st.lists(st.sampled_from(list(graph)), unique=True)))
    kept |= {point.sha for point in points}
    part = {sha: parents for sha, parents in graph.items() if sha in kept}
    early = first_containing(part, points, baseline_delivers=True)
    final = first_containing(graph, points, baseline_delivers=True)
    assert early.first.keys() <= final.first.keys()
