"""Pushes as providers send them: the branch that moved, and commits as changes.

GitHub and GitLab agree on a pushed commit; where and when the push happened, each says its own way.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from adoption.deploys.payload import NO_COMMIT, Node
from adoption.picks import read_picks
from adoption.sources.records import (
    Account,
    ChangeRecord,
    Person,
    PushRecord,
    Reading,
    SaidCommit,
)


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


def read_push(node: Node, place: PushPlace, observed_at: datetime | None) -> Reading:
    """What a push says: how the branch moved and, on the default branch, each commit as a change.

    Args:
        observed_at: when the provider says it was; None: when its newest commit was made.
    """
    commits = list(node.items("commits"))
    observed = observed_at or max((each.need_moment("timestamp") for each in commits), default=None)
    if observed is None:
        return Reading(ignored="a push without commits says nothing about when it was")
    shas = tuple(each.sha("id") or "" for each in commits)
    is_default = node.need("ref", 300) == f"refs/heads/{place.default_branch}"
    push = PushRecord(
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
    changes = [_change(each, place) for each in commits] if is_default else []
    return Reading(changes=tuple(changes), pushes=(push,))


def _change(item: Node, place: PushPlace) -> ChangeRecord:
    sha = item.sha("id")
    if sha is None:
        raise item.refuse("id", "a commit of 40 or 64 hexadecimal digits")
    at = item.need_moment("timestamp")
    message = item.text("message", 65_536) or ""
    author = item.at("author")
    email, name = author.text("email", 254), author.text("name", 200) or ""
    paths = [item.texts(kind, 500) or () for kind in ("added", "modified", "removed")]
    return ChangeRecord(
        repository=place.key,
        repository_url=place.address,
        kind="commit",
        external_id=sha,
        observed_at=at,
        state="merged",
        title=message.partition("\n")[0][:500] or sha[:12],
        message=message,
        url=item.text("url"),
        author=Account("git_email", email, name) if email else None,
        merged_at=at,
        merge_sha=sha,
        commits=(SaidCommit(sha, message, at, Person(name, email or "")),),
        paths=tuple(sorted({path for group in paths for path in group})),
    )
