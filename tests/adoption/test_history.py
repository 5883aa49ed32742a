from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from adoption.history import HistoryCommit, parent_positions, read_subject, sort_parents_first

START = datetime(2026, 1, 1, tzinfo=UTC)


def commit(sha: str, *parents: str, minute: int = 0) -> HistoryCommit:
    return HistoryCommit(sha, parents, START + timedelta(minutes=minute), "")


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        ("One line", "One line"),
        ("One\n\nTwo", "One"),
        ("Wrapped\nover lines\n\nBody", "Wrapped over lines"),
        ("\n\n  Late start  \r\n\r\nBody", "Late start"),
        ("", ""),
    ],
)
def test_the_subject_is_the_first_paragraph(message: str, subject: str) -> None:
    assert read_subject(message) == subject


def test_parents_come_first_even_when_clocks_run_backwards() -> None:
    commits = [commit("c", "b", minute=1), commit("b", "a", minute=2), commit("a", minute=3)]
    assert [item.sha for item in sort_parents_first(commits)] == ["a", "b", "c"]


def test_the_order_depends_on_the_set_of_commits_only() -> None:
    commits = [commit(f"{n:03}", *([f"{n // 2:03}"] if n else []), minute=n % 7) for n in range(90)]
    expected = sort_parents_first(commits)
    dice = random.Random(3)  # noqa: S311 - shuffles test rows
    for _ in range(5):
        dice.shuffle(commits)
        assert sort_parents_first(commits + commits[:4]) == expected


def test_missing_parents_and_loops_do_not_stop_it() -> None:
    commits = [commit("b", "a"), commit("x", "y"), commit("y", "x"), commit("c", "lost", "b", "b")]
    ordered = sort_parents_first([*commits, commit("a")])
    assert [item.sha for item in ordered] == ["a", "b", "c", "x", "y"]
    assert parent_positions(ordered) == [(), (0,), (1, 1), (), (3,)]
