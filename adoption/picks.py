"""Cherry-picks: commits that say that they repeat another one. Pure.

A repair that is made on a release branch and picked to the main line (or the other way round) is
one piece of work: whichever of the two is deployed first delivered it. Only what `git cherry-pick
-x` writes counts; equal titles or equal authors prove nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

_PICKED = re.compile(
    r"^\(cherry picked from commit (?P<sha>[0-9a-f]{64}|[0-9a-f]{40})\)\s*$",
    re.IGNORECASE | re.MULTILINE,
)


def read_picks(message: str) -> tuple[str, ...]:
    """The commits that a message says it repeats; a pick of a pick names both."""
    return tuple(dict.fromkeys(sha.lower() for sha in _PICKED.findall(message)))


def same_work(picks: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Commit → all commits that repeat it or that it repeats, over any number of steps.

    Args:
        picks: pairs of a commit and the one that it repeats.
    """
    near: dict[str, set[str]] = {}
    for one, other in picks:
        near.setdefault(one, set()).add(other)
        near.setdefault(other, set()).add(one)
    found: dict[str, frozenset[str]] = {}
    for start in near:
        if start in found:
            continue
        waiting, seen = [start], {start}
        while waiting:
            new = near[waiting.pop()] - seen
            seen |= new
            waiting += new
        for sha in seen:
            found[sha] = frozenset(seen)
    return found


def picked_whole(
    graph: Mapping[str, Sequence[str]],
    steps: Sequence[str],
    same: Mapping[str, frozenset[str]],
) -> frozenset[str]:
    """Commits that contain a repetition of every step: there, the whole is there.

    One step of several, picked alone, brings a part, and a part is not delivered.

    Args:
        graph: commit → parents, of all branches.
        steps: what the change consists of.
        same: as `same_work` gives it.
    """
    repeats = [same.get(step, frozenset()) - {step} for step in steps]
    if not repeats or not all(repeats):
        return frozenset()
    if len(repeats) == 1:
        return repeats[0]
    wanted = set().union(*repeats)
    found = set()
    for end in wanted:
        seen = _history_among(graph, end, wanted)
        if all(seen & each for each in repeats):
            found.add(end)
    return frozenset(found)


def _history_among(graph: Mapping[str, Sequence[str]], end: str, wanted: set[str]) -> set[str]:
    """Those of the wanted commits that `end` contains."""
    waiting, seen = [end], {end}
    while waiting:
        for parent in graph.get(waiting.pop(), ()):
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return seen & wanted
