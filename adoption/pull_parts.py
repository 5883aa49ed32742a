"""Which commits on a branch are steps of which pull request, so that nothing counts twice. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple


class MergedPull(NamedTuple):
    """A merged pull request; `commits` are those of its branch as the provider lists them."""

    key: int
    merge_sha: str
    squash_sha: str
    commits: tuple[str, ...]
    messages: tuple[str, ...]


def find_parts(
    graph: Mapping[str, Sequence[str]], messages: Mapping[str, str], pulls: Iterable[MergedPull]
) -> dict[str, int]:
    """Commit → the pull request that it is a step of.

    The merge or squash commit and the branch's commits are steps. So is what a merge commit brings
    beside its first parent, and, where the provider lists the branch's commits, what a rebase made
    of them: the commits before the merge's, as long as their messages are those of the branch.

    Args:
        graph: commit → parents in Git's order; for a push the branch's former end comes first.
        messages: of the commits on the default branch.
    """
    pulls = sorted(pulls, key=lambda each: each.key)
    heads = {sha for each in pulls for sha in (each.merge_sha, each.squash_sha) if sha}
    parts: dict[str, int] = {}
    for pull in pulls:
        for sha in (pull.merge_sha, pull.squash_sha, *pull.commits):
            if sha:
                parts.setdefault(sha, pull.key)
    mainline = _mainline(graph, messages)
    for pull in pulls:
        parents = graph.get(pull.merge_sha, ())
        if len(parents) > 1:
            _take_branch(graph, parents[1:], mainline | heads, parts, pull.key)
        elif len(parents) == 1 and len(pull.messages) > 1:
            _take_rebased(graph, messages, pull, heads, parts)
    return parts


def _mainline(graph: Mapping[str, Sequence[str]], messages: Mapping[str, str]) -> set[str]:
    """The default branch by first parents, from each end of it."""
    inner = {parent for sha in messages for parent in graph.get(sha, ())}
    found: set[str] = set()
    for end in messages.keys() - inner:
        sha: str | None = end
        while sha is not None and sha not in found:
            found.add(sha)
            sha = next(iter(graph.get(sha, ())), None)
    return found


def _take_branch(
    graph: Mapping[str, Sequence[str]],
    start: Sequence[str],
    stop: set[str],
    parts: dict[str, int],
    key: int,
) -> None:
    stack, seen = list(start), set()
    while stack:
        sha = stack.pop()
        if sha in stop or sha in seen or parts.get(sha, key) != key:
            continue
        seen.add(sha)
        parts[sha] = key
        stack.extend(graph.get(sha, ()))


def _take_rebased(
    graph: Mapping[str, Sequence[str]],
    messages: Mapping[str, str],
    pull: MergedPull,
    heads: set[str],
    parts: dict[str, int],
) -> None:
    sha: str | None = pull.merge_sha
    for expected in reversed(pull.messages):
        if sha is None or messages.get(sha, "").strip() != expected.strip():
            return
        if sha != pull.merge_sha and sha in heads:
            return
        parts.setdefault(sha, pull.key)
        sha = next(iter(graph.get(sha, ())), None)
