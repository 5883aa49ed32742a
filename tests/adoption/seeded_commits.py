"""Commits of a seeded repository, each with the work that it holds and what of it still stands."""

from __future__ import annotations

import datetime as dt
import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

START = dt.datetime(2026, 1, 1, 8, tzinfo=dt.UTC)
PERSON = {"name": "Mira Okafor", "email": "mira@acme.example"}


class Node(NamedTuple):
    """A commit. `holds`: work in its history; `lives`: work that was not undone in it."""

    sha: str
    parents: tuple[str, ...]
    at: dt.datetime
    message: str
    holds: frozenset[int]
    lives: frozenset[int]


@dataclass
class Piece:
    """A piece of work: how it came to its branch, and the commit that stands for it."""

    key: int
    title: str
    number: str  # of the pull request; empty for a commit without one
    sha: str
    merged_at: dt.datetime
    steps: tuple[str, ...]
    way: str
    undoes: tuple[int, ...] = ()


@dataclass
class SeededCommits:
    """The graph of one repository.

    Attributes:
        nodes: by hash, those of branches that were forced over as well.
        pieces: by key.
    """

    seed: int
    dice: random.Random = field(init=False)
    now: dt.datetime = START
    nodes: dict[str, Node] = field(default_factory=dict)
    pieces: dict[int, Piece] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)  # noqa: S311  (makes test data)

    def tick(self, hours: float = 1.0) -> dt.datetime:
        self.now += dt.timedelta(hours=hours * self.dice.uniform(0.2, 6))
        return self.now

    def commit(
        self,
        message: str,
        *parents: str,
        brings: Sequence[int] = (),
        undoes: Sequence[int] = (),
    ) -> str:
        """A commit on top of its parents. Undoing what undid something brings that back."""
        text = f"{self.seed}-{len(self.nodes)}"
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        before = [self.nodes[parent] for parent in parents]
        holds = frozenset(brings).union(*(node.holds for node in before))
        lives = self._merged(*before) if len(before) == 2 else before[0].lives if before else set()
        lives = frozenset(lives)
        for key in undoes:
            lives = self._undo(lives, key)
        lives |= frozenset(brings)
        self.nodes[sha] = Node(sha, parents, self.tick(0.3), message, holds, lives)
        return sha

    def _merged(self, one: Node, other: Node) -> frozenset[int]:
        """What lives in a merge: of each piece, what the side says that moved since both parted."""
        common = self.reachable(one.sha) & self.reachable(other.sha)
        base = max((self.nodes[sha] for sha in common), key=lambda node: node.at)
        return frozenset(
            key
            for key in one.holds | other.holds
            if (key in (other if (key in one.lives) == (key in base.lives) else one).lives)
        )

    def _undo(self, lives: frozenset[int], key: int) -> frozenset[int]:
        """Without a piece of work; what it had undone comes back, and undoes again."""
        lives -= {key}
        for other in self.pieces[key].undoes:
            lives = self._restore(lives, other)
        return lives

    def _restore(self, lives: frozenset[int], key: int) -> frozenset[int]:
        lives |= {key}
        for other in self.pieces[key].undoes:
            lives = self._undo(lives, other)
        return lives

    def branch(self, base: str, title: str, length: int) -> list[str]:
        found: list[str] = []
        for step in range(length):
            tip = found[-1] if found else base
            found.append(self.commit(f"{title}, step {step + 1}", tip))
        return found

    def reachable(self, tip: str) -> set[str]:
        waiting, seen = [tip], {tip}
        while waiting:
            for parent in self.nodes[waiting.pop()].parents:
                if parent not in seen:
                    seen.add(parent)
                    waiting.append(parent)
        return seen

    def row(self, node: Node) -> dict[str, Any]:
        moment = node.at.isoformat()
        return {
            "sha": node.sha, "parents": list(node.parents), "authored_at": moment,
            "committed_at": moment, "author": PERSON, "committer": PERSON,
            "subject": node.message.partition("\n")[0], "message": node.message,
            "files_changed": None if len(node.parents) > 1 else 1,
            "insertions": None if len(node.parents) > 1 else 2,
            "deletions": None if len(node.parents) > 1 else 0,
        }  # fmt: skip
