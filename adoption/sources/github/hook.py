"""One GitHub webhook: event and body into records, or the rule by which it is ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adoption.deploys.payload import Node
from adoption.deploys.pushes import PushPlace, read_push, rule_against
from adoption.sources import records
from adoption.sources.github.config import GitHubConfig
from adoption.sources.github.normaliser import (
    TERMINAL,
    deployment,
    is_delivery,
    pull_request,
    release,
    repository_of,
)
from adoption.sources.records import DeploymentRecord, Reading

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
    if ignored := rule_against(node):
        return Reading(ignored=ignored)
    place = node.at("repository")
    where = PushPlace(*repository_of(place), place.text("default_branch", 250))
    head = node.at("head_commit").moment("timestamp")
    found: Reading = read_push(node, where, place.moment("pushed_at") or head, records)
    return found


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
