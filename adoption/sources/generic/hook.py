"""One delivery in our own format, or in that of Apache DevLake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adoption.deploys.config import DeployConfig
from adoption.deploys.payload import Node
from adoption.sources.generic.devlake import is_devlake, read_devlake
from adoption.sources.generic.parser import read_change, read_deployment, read_incident
from adoption.sources.records import Reading

MOST_ITEMS = 500


def read_hook(event: str, body: Mapping[str, Any], config: DeployConfig) -> Reading:
    """`{"changes": […], "deployments": […], "incidents": […]}`, one of each without the `s`, or
    DevLake's shape.

    Raises:
        BadPayloadError: nothing of these, more than 500, or a field is not as it should be.
    """
    if is_devlake(body):
        return read_devlake(body)
    node = Node(body)
    changes = [node.at("change")] if "change" in node else []
    changes += node.items("changes")
    deployments = [node.at("deployment")] if "deployment" in node else []
    deployments += node.items("deployments")
    incidents = [node.at("incident")] if "incident" in node else []
    incidents += node.items("incidents")
    if not changes and not deployments and not incidents:
        raise node.refuse(
            "changes", "changes, deployments, incidents, or the fields of a DevLake webhook"
        )
    if len(changes) + len(deployments) + len(incidents) > MOST_ITEMS:
        raise node.refuse("changes", f"at most {MOST_ITEMS} items together")
    return Reading(
        changes=tuple(read_change(item.value) for item in changes),
        deployments=tuple(read_deployment(item.value) for item in deployments),
        incidents=tuple(read_incident(item.value) for item in incidents),
    )
