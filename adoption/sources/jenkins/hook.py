"""One Jenkins build, as the REST interface or a notification of a plugin has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from adoption.deploys.config import PipelineConfig
from adoption.deploys.payload import Node, repository_key
from adoption.sources.records import DeploymentRecord, Reading

# UNSTABLE and NOT_BUILT stay unknown: what they mean for a deployment, nobody but a team can say.
STATUSES = {"SUCCESS": "succeeded", "FAILURE": "failed", "ABORTED": "canceled"}


def read_hook(event: str, body: Mapping[str, Any], config: PipelineConfig) -> Reading:
    """What a build says. `data` of a CloudEvent, `build` of a notification, or the build itself.

    Raises:
        BadPayloadError: a field is missing or of the wrong kind.
    """
    node = Node(body)
    build = next((node.at(key) for key in ("data", "build") if key in node), node)
    name = node.text("name", 200) or build.text("fullDisplayName", 200) or build.text("url")
    environment = config.environment_of(name, build.text("url"))
    if environment is None:
        return Reading(ignored="the connection does not say that jobs of this name deploy")
    revision, address = _source(build)
    if address is None:
        return Reading(ignored="a build without a repository cannot be joined to changes")
    started = build.need_moment("timestamp")
    length = build.number("duration")
    is_building = bool(build.flag("building")) or "result" not in build
    raw = build.text("result", 40) or "building"
    status = "running" if is_building else STATUSES.get(raw, "unknown")
    ended = started + timedelta(milliseconds=length or 0)
    found = DeploymentRecord(
        external_id=f"build:{build.text('url', 180) or name}#{build.need('number', 20)}"[:200],
        repository=repository_key(address),
        repository_url=address if "://" in address else None,
        observed_at=started if is_building else ended,
        status=status,
        raw_status=raw,
        status_at=started if is_building else ended,
        environment=environment,
        version=build.text("displayName", 200),
        sha=revision,
        url=build.text("url"),
        trigger="job",
        started_at=started,
        finished_at=ended if status in ("succeeded", "failed", "canceled") else None,
    )
    return Reading(deployments=(found,))


def _source(build: Node) -> tuple[str | None, str | None]:
    """Commit and address that were built, from the Git plugin's action or a `scm` object."""
    scm = build.at("scm")
    if "commit" in scm:
        return scm.sha("commit"), scm.text("url")
    for action in _actions(build):
        if "lastBuiltRevision" in action:
            addresses = action.texts("remoteUrls", 500) or ()
            return action.at("lastBuiltRevision").sha("SHA1"), next(iter(addresses), None)
    return None, None


def _actions(build: Node) -> Iterator[Node]:
    yield from build.items("actions")
