"""The commit graph as plain data: order and subjects. Pure, iterative, safe on damaged graphs.

A graph that was imported in part has parents that are not there yet; a forged one may even have
loops. Neither raises here: what is missing is left out, and a loop is cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import NamedTuple


class HistoryCommit(NamedTuple):
    """What the pure algorithms need to know of a commit; `committed_at` is aware."""

    sha: str
    parents: tuple[str, ...]
    committed_at: datetime
    message: str


def read_subject(message: str) -> str:
    """The subject as Git defines it: the lines before the first blank one, joined by blanks."""
    lines: list[str] = []
    for line in message.lstrip().split("\n"):
        if not line.strip():
            break
        lines.append(line.strip())
    return " ".join(lines)


def sort_parents_first(commits: Iterable[HistoryCommit]) -> list[HistoryCommit]:
    """Order commits so that every known parent stands before its children.

    Among commits that could come next the older one does, then the smaller hash, so that the
    result depends on the set of commits only. A commit given twice counts once. Commits of a
    loop (only a forged history has one) come last, by the same key.
    """
    known = {commit.sha: commit for commit in commits}
    children: dict[str, list[HistoryCommit]] = {}
    waiting: dict[str, int] = {}
    for commit in known.values():
        parents = {parent for parent in commit.parents if parent in known}
        waiting[commit.sha] = len(parents)
        for parent in parents:
            children.setdefault(parent, []).append(commit)
    ready = [(c.committed_at, c.sha) for c in known.values() if not waiting[c.sha]]
    heapify(ready)
    ordered: list[HistoryCommit] = []
    while ready:
        _, sha = heappop(ready)
        ordered.append(known[sha])
        for child in children.get(sha, ()):
            waiting[child.sha] -= 1
            if not waiting[child.sha]:
                heappush(ready, (child.committed_at, child.sha))
    looped = (commit for commit in known.values() if waiting[commit.sha])
    return ordered + sorted(looped, key=lambda commit: (commit.committed_at, commit.sha))


def parent_positions(ordered: Sequence[HistoryCommit]) -> list[tuple[int, ...]]:
    """For each commit the positions of its known parents, all smaller than its own."""
    position = {commit.sha: index for index, commit in enumerate(ordered)}
    return [
        tuple(position[parent] for parent in commit.parents if position.get(parent, index) < index)
        for index, commit in enumerate(ordered)
    ]
