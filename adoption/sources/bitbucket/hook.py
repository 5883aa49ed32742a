"""One Bitbucket Cloud webhook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adoption.deploys.config import DeployConfig
from adoption.deploys.payload import Node
from adoption.sources.bitbucket.normaliser import deployment, pull_request, repository_of
from adoption.sources.records import ChangeRecord, PushRecord, Reading


def read_hook(event: str, body: Mapping[str, Any], config: DeployConfig) -> Reading:
    """What a delivery says; `event` is the header `X-Event-Key`.

    Raises:
        BadPayloadError: a field is missing or of the wrong kind.
    """
    node = Node(body)
    if event.startswith("pullrequest:"):
        if "comment" in event:
            return Reading(ignored="a comment changes nothing about a pull request")
        found = pull_request(node.at("pullrequest"), repository_of(node.at("repository")))
        return Reading(changes=(found,))
    if event == "repo:push":
        return _push(node)
    if "deployment" in node:
        found_one = deployment(node.at("deployment"), repository_of(node.at("repository")))
        return Reading(deployments=(found_one,))
    return Reading(ignored=f"the event {event!r} says nothing about changes or deployments")


def _push(node: Node) -> Reading:
    repository = repository_of(node.at("repository"))
    main = node.at("repository").at("mainbranch").text("name", 250)
    changes: list[ChangeRecord] = []
    pushes: list[PushRecord] = []
    for move in node.at("push").items("changes"):
        new = move.at("new")
        if new.text("type", 20) != "branch":
            continue
        target = new.at("target")
        commits = list(move.items("commits"))
        is_forced = bool(move.flag("forced"))
        pushes.append(
            PushRecord(
                repository=repository[0],
                before=None if is_forced else move.at("old").at("target").sha("hash"),
                after=target.sha("hash") or "",
                shas=tuple(item.sha("hash") or "" for item in commits),
                observed_at=target.need_moment("date"),
                is_default=bool(main) and new.text("name", 250) == main,
            )
        )
        if main and new.text("name", 250) == main:
            changes += (_commit(item, repository) for item in commits)
    if not pushes:
        return Reading(ignored="no branch was moved by this push")
    return Reading(changes=tuple(changes), pushes=tuple(pushes))


def _commit(item: Node, repository: tuple[str, str]) -> ChangeRecord:
    sha = item.sha("hash")
    if sha is None:
        raise item.refuse("hash", "a commit of 40 hexadecimal digits")
    at = item.need_moment("date")
    message = item.text("message", 65_536) or ""
    return ChangeRecord(
        repository=repository[0],
        repository_url=repository[1],
        kind="commit",
        external_id=sha,
        observed_at=at,
        state="merged",
        title=message.partition("\n")[0][:500] or sha[:12],
        message=message,
        url=item.at("links").at("html").text("href"),
        merged_at=at,
        merge_sha=sha,
    )
