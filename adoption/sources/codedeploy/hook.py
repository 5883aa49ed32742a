"""One state change of AWS CodeDeploy, as EventBridge sends it.

It has no commit and may get lost: the deployment is known, and contains nothing until the same
deployment is sent with a commit, by `POST /deployments/` or by an input transformer that adds
`detail.commit` and `detail.repository`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adoption.deploys.config import DeployConfig
from adoption.deploys.payload import Node, repository_key
from adoption.sources.records import DeploymentRecord, Reading

_DETAIL = "CodeDeploy Deployment State-change Notification"
STATUSES = {
    "CREATED": "queued",
    "QUEUED": "queued",
    "START": "running",
    "READY": "running",
    "SUCCESS": "succeeded",
    "FAILURE": "failed",
    "STOP": "canceled",
}


def read_hook(event: str, body: Mapping[str, Any], config: DeployConfig) -> Reading:
    """What an event says.

    Raises:
        BadPayloadError: a field is missing or of the wrong kind.
    """
    node = Node(body)
    kind = node.need("detail-type", 200)
    if kind != _DETAIL:
        return Reading(ignored=f"the event {kind!r} says nothing about deployments")
    detail = node.at("detail")
    raw = detail.need("state", 40)
    at = node.need_moment("time")
    status = STATUSES.get(raw.upper(), "unknown")
    address = detail.text("repository")
    found = DeploymentRecord(
        external_id=detail.need("deploymentId", 100),
        repository=repository_key(address) if address else None,
        observed_at=at,
        status=status,
        raw_status=raw,
        status_at=at,
        service=detail.need("application", 200),
        environment=detail.need("deploymentGroup", 120),
        sha=detail.sha("commit"),
        trigger="codedeploy",
        started_at=at if status == "running" else None,
        finished_at=at if status in ("succeeded", "failed", "canceled") else None,
    )
    return Reading(deployments=(found,))
