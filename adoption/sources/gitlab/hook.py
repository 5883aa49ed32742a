"""One GitLab webhook: body into records, or the rule by which it is ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adoption.deploys.payload import Node
from adoption.deploys.pushes import PushPlace, read_push, rule_against
from adoption.sources import records
from adoption.sources.gitlab.config import GitLabConfig
from adoption.sources.gitlab.normaliser import (
    STATUSES,
    TERMINAL,
    hook_deployment,
    merge_request,
    project_of,
    username,
)
from adoption.sources.records import DeploymentRecord, Reading


def read_hook(event: str, body: Mapping[str, Any], config: GitLabConfig) -> Reading:
    """What a delivery says; the body's own `object_kind` decides.

    Raises:
        BadPayloadError: a field is missing or of the wrong kind.
    """
    node = Node(body)
    kind = node.need("object_kind", 60)
    reader = _READERS.get(kind)
    if reader is None:
        return Reading(ignored=f"the event {kind!r} says nothing about changes or deployments")
    return reader(node, config)


def _deployment(node: Node, config: GitLabConfig) -> Reading:
    return Reading(deployments=(hook_deployment(node),))


def _merge_request(node: Node, config: GitLabConfig) -> Reading:
    item = node.at("object_attributes")
    at = item.need_moment("updated_at")
    # `user` is who acted, which is the author only when it was opened.
    author = username(node.at("user")) if item.text("action", 40) == "open" else None
    project = project_of(node.at("project") if "project" in node else item.at("target"))
    return Reading(changes=(merge_request(item, project, author, at),))


def _push(node: Node, config: GitLabConfig) -> Reading:
    if ignored := rule_against(node):
        return Reading(ignored=ignored)
    project = node.at("project")
    where = PushPlace(*project_of(project), project.text("default_branch", 250))
    found: Reading = read_push(node, where, None, records)
    return found


def _job(node: Node, config: GitLabConfig) -> Reading:
    """A job that names an environment is a deployment of its own, which comes as such."""
    environment = config.environment_of(node.text("build_name", 200))
    if environment is None:
        return Reading(ignored="a job is read when the connection says that its name deploys")
    job = Node({key.removeprefix("build_"): value for key, value in node.value.items()})
    project = project_of(node.at("repository"))
    group = f"pipeline:{node.text('pipeline_id', 40)}"
    found = _deployment_of(job, node, project, environment, group)
    return Reading(deployments=(found,))


def _pipeline(node: Node, config: GitLabConfig) -> Reading:
    """Jobs of a pipeline that the connection says deploy; the pipeline alone is no deployment."""
    item = node.at("object_attributes")
    project = project_of(node.at("project"))
    group = f"pipeline:{item.need('id', 40)}"
    found = []
    for job in node.items("builds"):
        environment = config.environment_of(job.text("name", 200))
        if environment is not None and job.need("status", 40) not in ("skipped", "manual"):
            found.append(_deployment_of(job, item, project, environment, group))
    if not found:
        return Reading(ignored="no job of this pipeline deploys by what the connection says")
    return Reading(deployments=tuple(found))


def _deployment_of(
    job: Node, place: Node, project: tuple[str, str], environment: str, group: str
) -> DeploymentRecord:
    """A job as a deployment; `place` has its commit and branch."""
    raw = job.need("status", 40)
    status = STATUSES.get(raw, "unknown")
    started, finished = job.moment("started_at"), job.moment("finished_at")
    at = finished or started or job.need_moment("created_at")
    named = job.at("environment")
    return DeploymentRecord(
        external_id=f"job:{job.need('id', 40)}",
        repository=project[0],
        repository_url=project[1],
        observed_at=at,
        status=status,
        raw_status=raw,
        status_at=at,
        environment=named.text("name", 120) or environment,
        tier=named.text("deployment_tier", 20),
        sha=place.sha("sha"),
        ref=place.text("ref", 250),
        group_id=group,
        trigger="job",
        queued_at=job.moment("created_at"),
        started_at=started,
        finished_at=finished if status in TERMINAL else None,
    )


def _release(node: Node, config: GitLabConfig) -> Reading:
    if not config.releases_are_production:
        return Reading(ignored="the connection does not say that releases are production")
    action = node.text("action", 40)
    if action not in (None, "create", "update"):
        return Reading(ignored=f"the action {action!r} of a release publishes nothing")
    key, address = project_of(node.at("project"))
    at = node.moment("released_at") or node.need_moment("created_at")
    found = DeploymentRecord(
        external_id=f"release:{node.need('tag', 180)}",
        repository=key,
        repository_url=address,
        observed_at=at,
        status="succeeded",
        raw_status=action or "create",
        status_at=at,
        environment="release",
        tier="production",
        version=node.need("tag", 200),
        sha=node.at("commit").sha("id"),
        url=node.text("url"),
        trigger="release",
        finished_at=at,
    )
    return Reading(deployments=(found,))


_READERS: Mapping[str, Callable[[Node, GitLabConfig], Reading]] = {
    "deployment": _deployment,
    "merge_request": _merge_request,
    "push": _push,
    "build": _job,
    "pipeline": _pipeline,
    "release": _release,
}
