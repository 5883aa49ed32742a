"""One CircleCI webhook: a workflow or job that the connection says deploys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adoption.deploys.config import PipelineConfig
from adoption.deploys.payload import Node, repository_key
from adoption.sources.records import DeploymentRecord, Reading

STATUSES = {
    "on_hold": "queued",
    "running": "running",
    "success": "succeeded",
    "failed": "failed",
    "error": "failed",
    "canceled": "canceled",
}


def read_hook(event: str, body: Mapping[str, Any], config: PipelineConfig) -> Reading:
    """What a delivery says.

    Raises:
        BadPayloadError: a field is missing or of the wrong kind.
    """
    node = Node(body)
    kind = node.need("type", 60)
    if kind != "workflow-completed":
        return Reading(ignored=f"the event {kind!r} is part of a workflow, which is read whole")
    return read_workflow(node.at("workflow"), node.at("pipeline").at("vcs"), config)


def read_workflow(workflow: Node, vcs: Node, config: PipelineConfig) -> Reading:
    """A workflow, from a webhook or from the API."""
    environment = config.environment_of(workflow.text("name", 200))
    if environment is None:
        return Reading(ignored="the connection does not say that workflows of this name deploy")
    raw = workflow.need("status", 40)
    status = STATUSES.get(raw, "unknown")
    created, stopped = workflow.need_moment("created_at"), workflow.moment("stopped_at")
    address = vcs.text("target_repository_url") or vcs.text("origin_repository_url")
    if address is None:
        return Reading(ignored="a workflow without a repository cannot be joined to changes")
    found = DeploymentRecord(
        external_id=f"workflow:{workflow.need('id', 100)}",
        repository=repository_key(address),
        repository_url=address if "://" in address else None,
        observed_at=stopped or created,
        status=status,
        raw_status=raw,
        status_at=stopped or created,
        environment=environment,
        sha=vcs.sha("revision"),
        ref=vcs.text("branch", 250) or vcs.text("tag", 250),
        url=workflow.text("url"),
        trigger="workflow",
        queued_at=created,
        finished_at=stopped if status in ("succeeded", "failed", "canceled") else None,
    )
    return Reading(deployments=(found,))
