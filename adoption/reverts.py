"""Which commit undoes which: reading reverts out of commit messages.

Three ways, best first: the hash that `git revert` writes, the number of the pull request at the
end of the quoted title, the quoted title itself. Each counts only when the commit found is an
ancestor of the revert: a hash often names a commit inside a squashed branch, and a title may
have been used on a branch that was never merged. What is not found is listed for a person.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from adoption.history import (
    HistoryCommit,
    parent_positions,
    read_subject,
    sort_parents_first,
)

Method = Literal["sha", "pull_request", "title"]

_BODY = re.compile(r"^This reverts commit (?P<sha>[0-9a-f]{7,64})\b", re.IGNORECASE | re.MULTILINE)
# Greedy, because `Revert "Revert "x""` quotes a revert; the number behind is the revert's own.
_SUBJECT = re.compile(
    r'^(?P<verb>Revert|Reapply) "(?P<title>.+)"(?:\s*\(#\d+\))?\s*$', re.IGNORECASE
)
_PULL_REQUEST = re.compile(r"\s*\(#(?P<number>\d+)\)$")

# Ancestors are kept as bits of one integer for each commit; this many targets at a time bound
# the memory (commits x 256 bytes) without costing many passes.
TARGETS_PER_PASS = 2048


class RevertLink(NamedTuple):
    """`commit` undoes `reverts`, as `method` told."""

    commit: str
    reverts: str
    method: Method


class UnresolvedRevert(NamedTuple):
    """A commit that reads like a revert, with nothing in its own history that it could undo.

    `quoted` is the hash or the title that it names. Without a revert's subject it is most often
    a step undone inside one pull request, which takes back no delivery.
    """

    commit: str
    quoted: str
    has_revert_subject: bool


class Reverts(NamedTuple):
    """All links and what stayed open, both in order of history."""

    links: tuple[RevertLink, ...]
    unresolved: tuple[UnresolvedRevert, ...]


class _Query(NamedTuple):
    """One way of resolving one revert: its newest ancestor in the group of targets."""

    method: Method
    group: tuple[Method, str]


def find_reverts(commits: Iterable[HistoryCommit]) -> Reverts:
    """Link reverts to what they undo. The order of `commits` does not matter.

    Args:
        commits: the default branch of one repository, whole as far as it is imported.

    One commit may undo several, by hash. A revert of a revert is a link like any other;
    `standing_reverts` says what is undone in the end. Time grows with commits times targets
    divided by the width of a machine word.
    """
    ordered = sort_parents_first(commits)
    index = _TargetIndex(ordered)
    candidates: dict[int, UnresolvedRevert] = {}
    queries: dict[int, list[_Query]] = {}
    for position, commit in enumerate(ordered):
        hashes = list(dict.fromkeys(_BODY.findall(commit.message.lower())))
        title = _quoted_title(index.subjects[position])
        if hashes or title:
            candidates[position] = UnresolvedRevert(
                commit.sha, title or hashes[0], has_revert_subject=title is not None
            )
            queries[position] = index.list_queries(hashes, title)
    answers = _newest_ancestors(ordered, queries, index.groups)
    links: list[RevertLink] = []
    unresolved: list[UnresolvedRevert] = []
    for position, candidate in candidates.items():
        found = _pick_best(queries[position], answers[position])
        links += (RevertLink(candidate.commit, ordered[at].sha, how) for how, at in found)
        if not found:
            unresolved.append(candidate)
    return Reverts(tuple(links), tuple(unresolved))


def standing_reverts(links: Sequence[RevertLink]) -> Mapping[str, str]:
    """What is undone in the end: reverted commit → the latest revert of it that still stands.

    Args:
        links: in order of history, as `find_reverts` gives them.

    A revert that was itself reverted restores what it had undone.
    """
    undone: dict[str, str] = {}
    for link in reversed(links):
        if link.commit not in undone:
            undone.setdefault(link.reverts, link.commit)
    return undone


class _TargetIndex:
    """Finds commits by hash, pull request number and title."""

    def __init__(self, ordered: Sequence[HistoryCommit]) -> None:
        self.subjects = [read_subject(commit.message) for commit in ordered]
        self.groups: dict[tuple[Method, str], Sequence[int]] = {}
        self._hashes = sorted((commit.sha, at) for at, commit in enumerate(ordered))
        self._titles: dict[str, list[int]] = {}
        self._pull_requests: dict[str, list[int]] = {}
        for at, subject in enumerate(self.subjects):
            self._titles.setdefault(subject, []).append(at)
            if number := _PULL_REQUEST.search(subject):
                # GitHub quotes the title of the pull request, the squashed subject adds the number.
                self._titles.setdefault(subject[: number.start()], []).append(at)
                self._pull_requests.setdefault(number["number"], []).append(at)

    def list_queries(self, hashes: Iterable[str], title: str | None) -> list[_Query]:
        """All ways to resolve a revert, best first; fills `groups`."""
        wanted: list[tuple[Method, str, Sequence[int]]] = [
            ("sha", sha, self._by_hash(sha)) for sha in hashes
        ]
        if title:
            if number := _PULL_REQUEST.search(title):
                same = self._pull_requests.get(number["number"], ())
                wanted.append(("pull_request", number["number"], same))
            wanted.append(("title", title, self._titles.get(title, ())))
        for method, key, targets in wanted:
            self.groups[method, key] = targets
        return [_Query(method, (method, key)) for method, key, _ in wanted]

    def _by_hash(self, prefix: str) -> Sequence[int]:
        """The one commit whose hash begins so; none when there are several."""
        start = bisect_left(self._hashes, (prefix, -1))
        found = [at for sha, at in self._hashes[start : start + 2] if sha.startswith(prefix)]
        return found if len(found) == 1 else ()


def _quoted_title(subject: str) -> str | None:
    """The title that a revert's subject quotes; None when the subject is not a revert's."""
    match = _SUBJECT.match(subject)
    if not match:
        return None
    # Newer versions of Git call the revert of a revert `Reapply`.
    return f'Revert "{match["title"]}"' if match["verb"].lower() == "reapply" else match["title"]


def _newest_ancestors(
    ordered: Sequence[HistoryCommit],
    queries: Mapping[int, Sequence[_Query]],
    groups: Mapping[tuple[Method, str], Sequence[int]],
) -> dict[int, list[int | None]]:
    """For each query of each revert the position of the newest ancestor in its group."""
    parents = parent_positions(ordered)
    targets = sorted({at for group in groups.values() for at in group})
    newest: dict[int, list[int | None]] = {
        revert: [None] * len(asked) for revert, asked in queries.items()
    }
    for start in range(0, len(targets), TARGETS_PER_PASS):
        bits = {at: 1 << n for n, at in enumerate(targets[start : start + TARGETS_PER_PASS])}
        masks = {key: _join(bits.get(at, 0) for at in group) for key, group in groups.items()}
        reached = _reached_targets(parents, bits)
        for revert, asked in queries.items():
            behind = _join(reached[parent] for parent in parents[revert])
            for n, query in enumerate(asked):
                if hit := masks[query.group] & behind:
                    newest[revert][n] = targets[start + hit.bit_length() - 1]
    return newest


def _reached_targets(parents: Sequence[tuple[int, ...]], bits: Mapping[int, int]) -> Sequence[int]:
    """For each commit the bits of the targets in its history, itself included."""
    reached: list[int] = []
    for at, behind in enumerate(parents):
        reached.append(_join(reached[parent] for parent in behind) | bits.get(at, 0))
    return reached


def _join(masks: Iterable[int]) -> int:
    joined = 0
    for mask in masks:
        joined |= mask
    return joined


def _pick_best(asked: Sequence[_Query], answers: Sequence[int | None]) -> list[tuple[Method, int]]:
    """Every commit named by hash, else the first other way that led anywhere."""
    found = [
        (query.method, answer)
        for query, answer in zip(asked, answers, strict=True)
        if answer is not None
    ]
    by_hash = [item for item in found if item[0] == "sha"]
    return by_hash or found[:1]
