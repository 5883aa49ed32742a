"""The webhook shape of Apache DevLake, in its present and in its older, snake-case spelling.

Unlike there, an environment that is not named is not production.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from adoption.deploys.payload import Node, repository_key
from adoption.deploys.severities import severity_of
from adoption.sources.records import (
    Account,
    ChangeRecord,
    DeploymentRecord,
    IncidentRecord,
    Reading,
)

_RESULTS = {"SUCCESS": "succeeded", "FAILURE": "failed", "FAILED": "failed", "ABORT": "canceled"}
_TIERS = {
    "PRODUCTION": "production",
    "STAGING": "staging",
    "TESTING": "testing",
    "DEVELOPMENT": "development",
}
_STATES = {"OPEN": "open", "CLOSED": "closed", "MERGED": "merged"}
_SPELLINGS = {
    "repo_url": "repoUrl",
    "commit_sha": "commitSha",
    "start_time": "startedDate",
    "end_time": "finishedDate",
    "deployment_commits": "deploymentCommits",
    "pipeline_id": "id",
    "ref_name": "refName",
    "create_time": "createdDate",
}


def is_devlake(body: Mapping[str, Any]) -> bool:
    """Whether a body has this shape."""
    marks = {"deploymentCommits", "deployment_commits", "pullRequestKey", "commit_sha", "issueKey"}
    return bool(marks & body.keys())


def _renamed(body: Mapping[str, Any]) -> dict[str, Any]:
    return {_SPELLINGS.get(key, key): value for key, value in body.items()}


def read_devlake(body: Mapping[str, Any]) -> Reading:
    """Deployments, one for each repository, a pull request, or an incident.

    Raises:
        BadPayloadError: a field is missing or of the wrong kind.
    """
    node = Node(_renamed(body))
    if "issueKey" in node:
        return _issue(node)
    if "pullRequestKey" in node:
        return Reading(changes=(_pull_request(node),))
    if "deploymentCommits" in node:
        parts = [Node(_renamed(item.value), item.path) for item in node.items("deploymentCommits")]
    else:
        parts = [node]
    if not parts:
        raise node.refuse("deploymentCommits", "at least one commit")
    return Reading(deployments=tuple(_deployment(node, part) for part in parts))


def _deployment(node: Node, part: Node) -> DeploymentRecord:
    address = part.need("repoUrl", 300)
    key = repository_key(address)
    started = part.moment("startedDate") or node.need_moment("startedDate")
    finished = part.moment("finishedDate") or node.moment("finishedDate")
    raw = (part.text("result", 20) or node.text("result", 20) or "SUCCESS").upper()
    named = node.text("environment", 120)
    group = node.text("id", 100) or part.need("commitSha", 64)
    return DeploymentRecord(
        external_id=f"{group}:{hashlib.sha256(key.encode()).hexdigest()[:16]}",
        group_id=group,
        repository=key,
        repository_url=address if "://" in address else None,
        observed_at=finished or started,
        status=_RESULTS.get(raw, "unknown") if finished else "running",
        raw_status=raw,
        status_at=finished or started,
        environment=node.text("originalEnvironment", 120) or named or "unknown",
        tier=_TIERS.get((named or "").upper()),
        version=node.text("name", 200) or node.text("displayTitle", 200),
        sha=part.sha("commitSha"),
        ref=part.text("refName", 250),
        trigger="devlake",
        queued_at=node.moment("createdDate"),
        started_at=started,
        finished_at=finished,
    )


def _issue(node: Node) -> Reading:
    """An issue of the type `INCIDENT`; requirements and bugs that nobody paged for are none."""
    kind = (node.text("type", 40) or "INCIDENT").upper()
    if kind != "INCIDENT":
        return Reading(ignored=f"an issue of the type {kind!r} is no incident")
    opened = node.moment("createdDate")
    raw = (node.text("status", 40) or "").upper()
    resolved = node.moment("resolutionDate")
    if raw == "DONE" and resolved is None:
        raise node.refuse("resolutionDate", "a moment; an issue that is done was resolved")
    severity = node.text("severity", 40)
    found = IncidentRecord(
        external_id=node.need("issueKey", 200),
        observed_at=node.moment("updatedDate") or resolved or node.need_moment("createdDate"),
        opened_at=opened,
        service=node.text("component", 200),
        title=node.text("title"),
        url=node.text("url"),
        severity=severity_of(severity) if severity else None,
        raw_severity=severity or "",
        resolved_at=resolved if raw in ("", "DONE") else None,
    )
    return Reading(incidents=(found,))


def _pull_request(node: Node) -> ChangeRecord:
    raw = node.need("status", 20).upper()
    if raw not in _STATES:
        raise node.refuse("status", f"one of {', '.join(_STATES)}")
    merged_at = node.moment("mergedDate")
    if (raw == "MERGED") != (merged_at is not None):
        raise node.refuse("mergedDate", "a moment exactly when the status is MERGED")
    closed_at = node.moment("closedDate")
    created_at = node.need_moment("createdDate")
    address = node.text("url")
    place = node.text("repoUrl", 300) or (address or "").partition("/pull")[0].removesuffix("/-")
    if not place:
        raise node.refuse("url", "an address of the pull request, which names its repository")
    author = node.text("authorName", 200)
    state = _STATES[raw]
    return ChangeRecord(
        repository=repository_key(place),
        kind="pull_request",
        external_id=node.need("pullRequestKey", 40),
        observed_at=merged_at or closed_at or created_at,
        state="merged" if state == "merged" else ("closed" if state == "closed" else "open"),
        title=node.need("displayTitle"),
        url=address,
        author=Account("login", author, author) if author else None,
        created_at=created_at,
        merged_at=merged_at,
        closed_at=closed_at,
        merge_sha=node.sha("mergeCommitSha") if merged_at else None,
        head_sha=node.sha("headCommitSha"),
        base_ref=node.text("baseRef", 250),
        head_ref=node.text("headRef", 250),
        additions=node.number("additions"),
        deletions=node.number("deletions"),
    )
