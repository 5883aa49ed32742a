"""Pushes as providers send them: the branch that moved, and commits as changes.

GitHub and GitLab agree on a pushed commit; where and when the push happened, each says its own way.
The kinds of records are handed in: sources share nothing but them, not even by way of this module.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, Protocol

from adoption.deploys.payload import NO_COMMIT, Node
from adoption.picks import read_picks


class Kinds(Protocol):
    """The module of records, as far as a push needs it."""

    Account: Any
    ChangeRecord: Any
    Person: Any
    PushRecord: Any
    Reading: Any
    SaidCommit: Any


class PushPlace(NamedTuple):
    """Where a push went: key and web address of the repository, and its default branch."""

    key: str
    address: str
    default_branch: str | None


def rule_against(node: Node) -> str:
    """The rule by which a push is ignored; empty when it is read."""
    if not node.need("ref", 300).startswith("refs/heads/"):
        return "a pushed tag is no change; releases and deployments are read"
    if node.flag("deleted") or NO_COMMIT.fullmatch(node.need("after", 80)):
        return "a deleted branch changes nothing that was merged"
    return ""


def read_push(node: Node, place: PushPlace, observed_at: datetime | None, kinds: Kinds) -> Any:
    """What a push says: how the branch moved and, on the default branch, each commit as a change.

    Args:
        observed_at: when the provider says it was; None: when its newest commit was made.
        kinds: `adoption.sources.records`.
    """
    commits = list(node.items("commits"))
    observed = observed_at or max((each.need_moment("timestamp") for each in commits), default=None)
    if observed is None:
        return kinds.Reading(ignored="a push without commits says nothing about when it was")
    shas = tuple(each.sha("id") or "" for each in commits)
    is_default = node.need("ref", 300) == f"refs/heads/{place.default_branch}"
    push = kinds.PushRecord(
        repository=place.key,
        # What a forced push replaced is not contained in what came instead.
        before=None if node.flag("forced") else node.sha("before"),
        after=node.sha("after") or "",
        shas=shas,
        observed_at=observed,
        is_default=is_default,
        picks=tuple(
            (sha, other)
            for sha, each in zip(shas, commits, strict=True)
            for other in read_picks(each.text("message", 65_536) or "")
        ),
    )
    changes = [_change(each, place, kinds) for each in commits] if is_default else []
    return kinds.Reading(changes=tuple(changes), pushes=(push,))


def _change(item: Node, place: PushPlace, kinds: Kinds) -> Any:
    sha = item.sha("id")
    if sha is None:
        raise item.refuse("id", "a commit of 40 or 64 hexadecimal digits")
    at = item.need_moment("timestamp")
    message = item.text("message", 65_536) or ""
    author = item.at("author")
    email, name = author.text("email", 254), author.text("name", 200) or ""
    paths = [item.texts(kind, 500) or () for kind in ("added", "modified", "removed")]
    return kinds.ChangeRecord(
        repository=place.key,
        repository_url=place.address,
        kind="commit",
        external_id=sha,
        observed_at=at,
        state="merged",
        title=message.partition("\n")[0][:500] or sha[:12],
        message=message,
        url=item.text("url"),
        author=kinds.Account("git_email", email, name) if email else None,
        merged_at=at,
        merge_sha=sha,
        commits=(kinds.SaidCommit(sha, message, at, kinds.Person(name, email or "")),),
        paths=tuple(sorted({path for group in paths for path in group})),
    )
