"""One Azure DevOps service hook: a finished build or a pull request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adoption.deploys.config import PipelineConfig
from adoption.deploys.payload import Node, repository_key
from adoption.sources.records import Account, ChangeRecord, DeploymentRecord, Reading

# `partiallySucceeded` is not a success: something of it needs a person.
STATUSES = {
    "succeeded": "succeeded",
    "partiallysucceeded": "failed",
    "failed": "failed",
    "stopped": "canceled",
    "canceled": "canceled",
}
_STATES = {"completed": "merged", "abandoned": "closed", "active": "open"}


def read_hook(event: str, body: Mapping[str, Any], config: PipelineConfig) -> Reading:
    """What a delivery says; the body's own `eventType` decides.

    Raises:
        BadPayloadError: a field is missing or of the wrong kind.
    """
    node = Node(body)
    kind = node.need("eventType", 80)
    if kind == "build.complete":
        return read_build(node.at("resource"), config)
    if kind.startswith("git.pullrequest."):
        at = node.need_moment("createdDate")
        return Reading(changes=(pull_request(node.at("resource"), at),))
    return Reading(ignored=f"the event {kind!r} says nothing about changes or deployments")


def _repository(node: Node) -> tuple[str, str | None]:
    address = node.text("remoteUrl") or node.text("url") or ""
    if "/_git/" in address or "github.com" in address:
        return repository_key(address), address
    project = node.at("project").text("name", 100)
    name = node.text("name", 200) or node.need("id", 200)
    return repository_key(f"{project}/{name}" if project else name, "dev.azure.com"), None


def read_build(build: Node, config: PipelineConfig) -> Reading:
    """A build, from a service hook or from REST."""
    environment = config.environment_of(build.at("definition").text("name", 200))
    if environment is None:
        return Reading(ignored="the connection does not say that pipelines of this name deploy")
    state = build.text("status", 40) or ""
    raw = build.text("result", 40) or state
    status = STATUSES.get(raw.lower(), "unknown")
    if state.lower() == "inprogress":
        status = "running"
    elif state.lower() == "notstarted":
        status = "queued"
    queued, started = build.moment("queueTime"), build.moment("startTime")
    finished = build.moment("finishTime")
    at = finished or started or queued
    if at is None:
        raise build.refuse("finishTime", "one of finishTime, startTime and queueTime")
    key, address = _repository(build.at("repository"))
    found = DeploymentRecord(
        external_id=f"build:{build.need('id', 40)}",
        repository=key,
        repository_url=address,
        observed_at=at,
        status=status,
        raw_status=raw,
        status_at=at,
        environment=environment,
        version=build.text("buildNumber", 200),
        sha=build.sha("sourceVersion"),
        ref=build.text("sourceBranch", 250),
        trigger=build.text("reason", 60),
        queued_at=queued,
        started_at=started,
        finished_at=finished if status in ("succeeded", "failed", "canceled") else None,
    )
    return Reading(deployments=(found,))


def pull_request(node: Node, at: Any) -> ChangeRecord:
    """A pull request; `at` is when the event says so."""
    key, address = _repository(node.at("repository"))
    raw = node.need("status", 40)
    state = _STATES.get(raw)
    if state is None:
        raise node.refuse("status", f"one of {', '.join(_STATES)}")
    closed = node.moment("closedDate")
    author = node.at("createdBy")
    name = author.text("uniqueName", 200)
    is_merged = state == "merged"
    return ChangeRecord(
        repository=key,
        repository_url=address,
        kind="pull_request",
        external_id=node.need("pullRequestId", 20),
        observed_at=at,
        state="merged" if is_merged else ("closed" if state == "closed" else "open"),
        title=node.text("title"),
        message=node.text("description", 65_536),
        url=node.text("url"),
        author=Account("azure_unique_name", name, author.text("displayName", 200) or name)
        if name
        else None,
        created_at=node.moment("creationDate"),
        merged_at=(closed or at) if is_merged else None,
        closed_at=closed if state == "closed" else None,
        merge_sha=node.at("lastMergeCommit").sha("commitId") if is_merged else None,
        head_sha=node.at("lastMergeSourceCommit").sha("commitId"),
        base_ref=(node.text("targetRefName", 250) or "").removeprefix("refs/heads/") or None,
        head_ref=(node.text("sourceRefName", 250) or "").removeprefix("refs/heads/") or None,
    )
