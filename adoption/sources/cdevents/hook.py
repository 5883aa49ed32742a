"""One CDEvent, of 0.3 to 0.4.1 and of 0.5 on, in binary or structured mode.

Up to 0.4.1 the version stands in `context.version` and the subject has a `type`; from 0.5 on it is
`context.specversion` without one. Events are known by the name before their own version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from adoption.deploys.payload import Node, repository_key
from adoption.deploys.tiers import tier_of
from adoption.sources.cdevents.config import CDEventsConfig
from adoption.sources.records import (
    ArtifactRecord,
    ChangeRecord,
    DeploymentRecord,
    IncidentRecord,
    Reading,
)

_TYPE = re.compile(r"dev\.cdevents\.(?P<name>[a-z]+\.[a-z]+)\.\d+\.\d+\.\d+(?:[-+.][\w.]+)?")
_CHANGE_STATES = {
    "change.created": "open",
    "change.updated": "open",
    "change.reviewed": "open",
    "change.merged": "merged",
    "change.abandoned": "closed",
}
_INCIDENTS = ("incident.detected", "incident.reported", "incident.resolved")
_DEPLOYED = {"service.deployed": False, "service.upgraded": False, "service.rolledback": True}


def unwrapped(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event itself: structured mode puts it under `data` of a CloudEvent."""
    data = body.get("data")
    if "context" not in body and isinstance(data, Mapping):
        return data
    return body


def read_hook(event: str, body: Mapping[str, Any], config: CDEventsConfig) -> Reading:
    """What an event says.

    Raises:
        BadPayloadError: it is no CDEvent, or a field is missing or of the wrong kind.
    """
    node = Node(unwrapped(body))
    context = node.at("context")
    if context.text("specversion", 20) is None and context.text("version", 20) is None:
        raise context.refuse("specversion", "the version of CDEvents (up to 0.4.1: `version`)")
    match = _TYPE.fullmatch(context.need("type", 200))
    if match is None:
        raise context.refuse("type", "dev.cdevents.<subject>.<predicate>.<version>")
    name = match["name"]
    if name in _CHANGE_STATES:
        return _change(name, node)
    if name in _DEPLOYED:
        return _deployment(name, node, config)
    if name == "artifact.packaged":
        return _artifact(node)
    if name in _INCIDENTS:
        return _incident(name, node, config)
    return Reading(ignored=f"the event {name!r} says nothing about changes or deployments")


def _change(name: str, node: Node) -> Reading:
    context, subject = node.at("context"), node.at("subject")
    place = subject.at("content").at("repository")
    if "id" not in place:
        return Reading(ignored="a change without a repository belongs nowhere")
    at = context.need_moment("timestamp")
    state = _CHANGE_STATES[name]
    number = subject.need("id", 200)
    found = ChangeRecord(
        repository=_repository(place),
        kind="pull_request",
        external_id=number,
        observed_at=at,
        state="merged" if state == "merged" else ("closed" if state == "closed" else "open"),
        title=subject.at("content").text("title") or number,
        created_at=at if name == "change.created" else None,
        merged_at=at if state == "merged" else None,
        closed_at=at if state == "closed" else None,
    )
    return Reading(changes=(found,))


def _repository(place: Node) -> str:
    name = place.need("id", 200)
    source = place.text("source", 200) or ""
    return repository_key(f"{source.rstrip('/')}/{name}" if "://" in source else name)


def _deployment(name: str, node: Node, config: CDEventsConfig) -> Reading:
    context, subject = node.at("context"), node.at("subject")
    content = subject.at("content")
    at = context.need_moment("timestamp")
    found = DeploymentRecord(
        external_id=f"{context.need('source', 90)}#{context.need('id', 90)}"[:200],
        observed_at=at,
        status="succeeded",
        raw_status=name,
        status_at=at,
        repository=config.default_repository or None,
        service=subject.need("id", 200),
        environment=content.at("environment").need("id", 120),
        artifact=content.text("artifactId", 300),
        group_id=context.text("chainId", 100),
        trigger="cdevents",
        finished_at=at,
        is_rollback=_DEPLOYED[name] or None,
    )
    return Reading(deployments=(found,))


def _artifact(node: Node) -> Reading:
    change = node.at("subject").at("content").at("change")
    sha = (change.text("id", 80) or "").lower()
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", sha):
        return Reading(ignored="an artifact whose change is not a commit joins nothing")
    source = change.text("source", 200)
    found = ArtifactRecord(
        artifact=node.at("subject").need("id", 300),
        sha=sha,
        repository=repository_key(source) if source else None,
        observed_at=node.at("context").need_moment("timestamp"),
    )
    return Reading(artifacts=(found,))


def _incident(name: str, node: Node, config: CDEventsConfig) -> Reading:
    """Detected and reported ones open it, the earlier of the two. The format has no severity, and
    the artifact that it names is the one affected, which need not be the cause. What is said to be
    somewhere else than in production is none of ours."""
    context, subject = node.at("context"), node.at("subject")
    content = subject.at("content")
    at = context.need_moment("timestamp")
    environment = content.at("environment").text("id", 120)
    if environment and tier_of(environment, mapping=config.tiers) not in ("production", "other"):
        return Reading(ignored=f"an incident in {environment!r}, which is not production")
    is_over = name == "incident.resolved"
    found = IncidentRecord(
        external_id=subject.need("id", 200),
        observed_at=at,
        opened_at=None if is_over else at,
        service=content.at("service").text("id", 200),
        title=content.text("description"),
        url=content.text("ticketURI"),
        resolved_at=at if is_over else None,
    )
    return Reading(incidents=(found,))
