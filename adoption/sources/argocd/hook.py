"""One Argo CD notification, with the body that docs/sources/hooks.md gives as a template.

The revision is that of the configuration repository. A service's own commit has to be sent beside
it as `commit` with its `repository`; without it a deployment is known and contains nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adoption.deploys.config import DeployConfig
from adoption.deploys.payload import Node, repository_key
from adoption.sources.records import DeploymentRecord, Reading

STATUSES = {
    "Running": "running",
    "Terminating": "running",
    "Succeeded": "succeeded",
    "Failed": "failed",
    "Error": "failed",
}


def read_hook(event: str, body: Mapping[str, Any], config: DeployConfig) -> Reading:
    """What a notification says.

    Raises:
        BadPayloadError: a field is missing or of the wrong kind.
    """
    app = Node(body).at("app")
    meta, state = app.at("metadata"), app.at("status").at("operationState")
    raw = state.need("phase", 40)
    status = STATUSES.get(raw, "unknown")
    health = app.at("status").at("health").text("status", 40)
    if status == "succeeded" and health not in (None, "Healthy"):
        return Reading(ignored=f"synchronised but {health!r}: it counts once it is healthy")
    revision = state.at("syncResult").sha("revision") or app.at("status").at("sync").sha("revision")
    started, finished = state.need_moment("startedAt"), state.moment("finishedAt")
    own = Node(body)
    address = own.text("repository") or app.at("spec").at("source").text("repoURL")
    found = DeploymentRecord(
        # A controller that starts again sends the same synchronisation again.
        external_id=f"{meta.need('uid', 100)}:{started.isoformat()}",
        repository=repository_key(address) if address else None,
        observed_at=finished or started,
        status=status,
        raw_status=raw,
        status_at=finished or started,
        service=meta.need("name", 200),
        environment=own.text("environment", 120)
        or app.at("spec").at("destination").text("namespace", 120)
        or meta.need("name", 120),
        version=own.text("version", 200),
        sha=own.sha("commit") or revision,
        artifact=own.text("image", 300),
        trigger="argocd",
        started_at=started,
        finished_at=finished if status in ("succeeded", "failed") else None,
    )
    return Reading(deployments=(found,))
