"""One GitHub webhook: event and body into records, or the rule by which it is ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adoption.deploys.payload import NO_COMMIT, Node
from adoption.sources.github.config import GitHubConfig
from adoption.sources.github.normaliser import (
    TERMINAL,
    deployment,
    is_delivery,
    pull_request,
    release,
    repository_of,
)
from adoption.sources.records import (
    Account,
    ChangeRecord,
    DeploymentRecord,
    Person,
    PushRecord,
    Reading,
    SaidCommit,
)

_MOST_COMMITS = 2048  # GitHub sends no more with a push
_RUN_STATUSES = {
    "success": "succeeded",
    "failure": "failed",
    "timed_out": "failed",
    "startup_failure": "failed",
    "cancelled": "canceled",
    "skipped": "skipped",
}


def read_hook(event: str, body: Mapping[str, Any], config: GitHubConfig) -> Reading:
    """What a delivery says.

    Raises:
        BadPayloadError: a field is missing or of the wrong kind.
    """
    reader = _READERS.get(event)
    if reader is None:
        return Reading(ignored=f"the event {event!r} says nothing about changes or deployments")
    return reader(Node(body), config)


def _pull_request(node: Node, config: GitHubConfig) -> Reading:
    found = pull_request(node.at("pull_request"), repository_of(node.at("repository")))
    return Reading(changes=(found,))


def _deployment(node: Node, config: GitHubConfig) -> Reading:
    item = node.at("deployment")
    task = item.text("task", 60)
    if not is_delivery(task):
        return Reading(
            ignored=f"the task {task!r} of a deployment is no delivery, only 'deploy' is"
        )
    status = node.at("deployment_status") if "deployment_status" in node else None
    return Reading(deployments=(deployment(item, repository_of(node.at("repository")), status),))


def _deployment_status(node: Node, config: GitHubConfig) -> Reading:
    if "deployment_status" not in node:
        raise node.refuse("deployment_status", "an object; it must not be missing")
    return _deployment(node, config)


def _push(node: Node, config: GitHubConfig) -> Reading:
    ref = node.need("ref", 300)
    if not ref.startswith("refs/heads/"):
        return Reading(ignored="a pushed tag is no change; releases and deployments are read")
    if node.flag("deleted") or NO_COMMIT.fullmatch(node.need("after", 80)):
        return Reading(ignored="a deleted branch changes nothing that was merged")
    place = node.at("repository")
    repository = repository_of(place)
    commits = list(node.items("commits"))
    moments = [item.need_moment("timestamp") for item in commits]
    head = node.at("head_commit").moment("timestamp")
    observed = place.moment("pushed_at") or head or max(moments, default=None)
    if observed is None:
        return Reading(ignored="a push without commits says nothing about when it was")
    is_default = ref == f"refs/heads/{place.text('default_branch', 250)}"
    push = PushRecord(
        repository=repository[0],
        before=None if node.flag("forced") else node.sha("before"),
        after=node.sha("after") or "",
        shas=tuple(item.sha("id") or "" for item in commits),
        observed_at=observed,
        is_default=is_default,
    )
    changes = [_commit(item, repository) for item in commits] if is_default else []
    return Reading(changes=tuple(changes), pushes=(push,))


def _commit(item: Node, repository: tuple[str, str]) -> ChangeRecord:
    sha = item.sha("id")
    if sha is None:
        raise item.refuse("id", "a commit of 40 or 64 hexadecimal digits")
    at = item.need_moment("timestamp")
    message = item.text("message", 65_536) or ""
    author = item.at("author")
    email, name = author.text("email", 254), author.text("name", 200) or ""
    paths = [item.texts(kind, 500) or () for kind in ("added", "modified", "removed")]
    return ChangeRecord(
        repository=repository[0],
        repository_url=repository[1],
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


def _release(node: Node, config: GitHubConfig) -> Reading:
    item = node.at("release")
    action = node.text("action", 40) or ""
    if action not in ("published", "released", "prereleased"):
        return Reading(ignored=f"the action {action!r} of a release publishes nothing")
    if not config.releases_are_production:
        return Reading(ignored="the connection does not say that releases are production")
    published = item.need_moment("published_at")
    return Reading(deployments=(release(item, repository_of(node.at("repository")), published),))


def _workflow_run(node: Node, config: GitHubConfig) -> Reading:
    run = node.at("workflow_run")
    environment = config.environment_of(
        run.text("name", 200), node.at("workflow").text("name", 200)
    )
    if environment is None:
        return Reading(ignored="the connection does not say that workflows of this name deploy")
    repository = repository_of(node.at("repository"))
    raw = run.text("conclusion", 40) or run.need("status", 40)
    is_done = run.text("status", 40) == "completed"
    status = _RUN_STATUSES.get(raw, "unknown") if is_done else "running"
    if raw in ("queued", "requested", "waiting", "pending"):
        status = "queued"
    at = run.need_moment("updated_at")
    attempt = run.number("run_attempt") or 1
    found = DeploymentRecord(
        external_id=f"run:{run.need('id', 40)}:{attempt}",
        repository=repository[0],
        repository_url=repository[1],
        observed_at=at,
        status=status,
        raw_status=raw,
        status_at=at,
        environment=environment,
        sha=run.sha("head_sha"),
        ref=run.text("head_branch", 250),
        url=run.text("html_url"),
        trigger=run.text("event", 60),
        group_id=f"run:{run.need('id', 40)}",
        queued_at=run.moment("created_at"),
        started_at=run.moment("run_started_at"),
        finished_at=at if status in TERMINAL else None,
    )
    return Reading(deployments=(found,))


_READERS: Mapping[str, Callable[[Node, GitHubConfig], Reading]] = {
    "pull_request": _pull_request,
    "deployment": _deployment,
    "deployment_status": _deployment_status,
    "push": _push,
    "release": _release,
    "workflow_run": _workflow_run,
}
