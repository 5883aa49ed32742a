"""Our own JSON for changes, deployments and incidents.

Format: docs/api.md. What is left out stays as it was; an unknown key is refused, because a
misspelt one would silently say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adoption.deploys.payload import BadPayloadError, Node, repository_key
from adoption.deploys.severities import SEVERITIES
from adoption.deploys.tiers import TIERS
from adoption.sources.records import (
    Account,
    ChangeRecord,
    DeploymentRecord,
    IncidentRecord,
    Person,
    SaidCommit,
)

CHANGE_KEYS = frozenset(
    (

        "external_id",
        "repository",
        "kind",
        "state",
        "title",
        "message",
        "url",
        "author",
        "observed_at",
        "created_at",
        "first_commit_at",
        "merged_at",
        "closed_at",
        "merge_sha",
        "squash_sha",
        "head_sha",
        "base_ref",
        "head_ref",
        "labels",
        "commits",
        "commits_truncated",
        "paths",
        "files_changed",
        "additions",
        "deletions",
    )
)  # fmt: skip
DEPLOYMENT_KEYS = frozenset(
    (

        "external_id",
        "repository",
        "service",
        "environment",
        "tier",
        "status",
        "observed_at",
        "version",
        "sha",
        "ref",
        "url",
        "artifact",
        "trigger",
        "group_id",
        "queued_at",
        "started_at",
        "finished_at",
        "included",
        "included_commits",
        "is_rollback",
        "rolls_back_to",
        "fixes",
    )
)  # fmt: skip
INCIDENT_KEYS = frozenset(
    (

        "external_id",
        "service",
        "title",
        "url",
        "severity",
        "downgraded_from",
        "human_actioned",
        "observed_at",
        "opened_at",
        "acknowledged_at",
        "resolved_at",
        "caused_by_deployment",
        "caused_by_change",
        "fixed_by_deployment",
    )
)  # fmt: skip
KINDS = ("pull_request", "merge_request", "commit")
STATES = ("open", "merged", "closed")
STATUSES = ("queued", "running", "succeeded", "failed", "canceled", "skipped", "superseded")


def _refuse_unknown(node: Node, known: frozenset[str]) -> None:
    for key in sorted(node.value.keys() - known):
        raise BadPayloadError(node.place(key), node.value[key], "no such key")


def _one_of(node: Node, key: str, known: tuple[str, ...]) -> Any:
    found = node.text(key, 40)
    if found is not None and found not in known:
        raise node.refuse(key, f"one of {', '.join(known)}")
    return found


def read_change(value: Mapping[str, Any]) -> ChangeRecord:
    """A change as docs/api.md describes it.

    Raises:
        BadPayloadError: naming the field.
    """
    node = Node(value)
    _refuse_unknown(node, CHANGE_KEYS)
    kind: Any = _one_of(node, "kind", KINDS) or "pull_request"
    merged_at = node.moment("merged_at")
    state: Any = _one_of(node, "state", STATES) or ("merged" if merged_at else None)
    if (state == "merged") != (merged_at is not None):
        raise node.refuse("merged_at", "a moment exactly when the state is merged")
    moments = (node.moment("observed_at"), merged_at, node.moment("closed_at"))
    observed = next((each for each in moments if each), None) or node.need_moment("created_at")
    external_id = node.need("external_id", 200)
    is_commit = kind == "commit"
    return ChangeRecord(
        repository=repository_key(node.need("repository", 300)),
        repository_url=_address(node),
        kind=kind,
        external_id=(node.sha("external_id") or "") if is_commit else external_id,
        observed_at=observed,
        state="merged" if is_commit else state,
        title=node.text("title"),
        message=node.text("message", 65_536),
        url=node.text("url"),
        author=_author(node),
        created_at=node.moment("created_at"),
        first_commit_at=node.moment("first_commit_at"),
        merged_at=merged_at,
        closed_at=node.moment("closed_at"),
        merge_sha=node.sha("external_id") if is_commit else node.sha("merge_sha"),
        squash_sha=node.sha("squash_sha"),
        head_sha=node.sha("head_sha"),
        base_ref=node.text("base_ref", 250),
        head_ref=node.text("head_ref", 250),
        labels=node.texts("labels", 100),
        commits=_commits(node),
        commits_truncated=node.flag("commits_truncated"),
        paths=node.texts("paths", 500),
        files_changed=node.number("files_changed"),
        additions=node.number("additions"),
        deletions=node.number("deletions"),
    )


def _address(node: Node) -> str | None:
    found = node.text("repository", 300)
    return found if found and found.startswith(("https://", "http://")) else None


def _author(node: Node) -> Account | None:
    author = node.at("author")
    _refuse_unknown(author, frozenset({"login", "email", "name"}))
    email, login = author.text("email", 254), author.text("login", 200)
    if email:
        return Account("git_email", email, author.text("name", 200) or "")
    return Account("login", login, author.text("name", 200) or login) if login else None


def _commits(node: Node) -> tuple[SaidCommit, ...] | None:
    """Commits as shas, or as objects with message, author and time."""
    found = node.value.get("commits")
    if found is None:
        return None
    if isinstance(found, list) and all(isinstance(item, str) for item in found):
        return tuple(SaidCommit(Node({"commits": sha}).sha("commits") or "") for sha in found)
    commits = []
    for item in node.items("commits"):
        author = item.at("author")
        email = author.text("email", 254)
        commits.append(
            SaidCommit(
                item.sha("sha") or "",
                item.text("message", 65_536) or "",
                item.moment("authored_at"),
                Person(author.text("name", 200) or "", email) if email else None,
            )
        )
    return tuple(commits)


def read_deployment(value: Mapping[str, Any]) -> DeploymentRecord:
    """A deployment as docs/api.md describes it.

    Raises:
        BadPayloadError: naming the field.
    """
    node = Node(value)
    _refuse_unknown(node, DEPLOYMENT_KEYS)
    status = _one_of(node, "status", STATUSES)
    if status is None:
        raise node.refuse("status", f"one of {', '.join(STATUSES)}")
    started, finished = node.moment("started_at"), node.moment("finished_at")
    if finished and started and finished < started:
        raise node.refuse("finished_at", "a moment that is not before started_at")
    if status == "succeeded" and finished is None:
        raise node.refuse("finished_at", "a moment; a deployment that succeeded has ended")
    moments = (node.moment("observed_at"), finished, started)
    observed = next((each for each in moments if each), None) or node.need_moment("queued_at")
    repository = node.text("repository", 300)
    if repository is None and "service" not in node:
        raise node.refuse("repository", "a repository, or a service that is known")
    return DeploymentRecord(
        external_id=node.need("external_id", 200),
        repository=repository_key(repository) if repository else None,
        repository_url=_address(node),
        observed_at=observed,
        status=status,
        raw_status=status,
        status_at=observed,
        service=node.text("service", 200),
        environment=node.need("environment", 120),
        tier=_one_of(node, "tier", TIERS),
        version=node.text("version", 200),
        sha=node.sha("sha"),
        ref=node.text("ref", 250),
        url=node.text("url"),
        artifact=node.text("artifact", 300),
        trigger=node.text("trigger", 60),
        group_id=node.text("group_id", 200),
        queued_at=node.moment("queued_at"),
        started_at=started,
        finished_at=finished,
        included=node.texts("included"),
        included_commits=node.texts("included_commits", 64),
        is_rollback=node.flag("is_rollback"),
        rolls_back_to=node.text("rolls_back_to", 200),
        fixes=node.text("fixes", 200),
    )


def read_incident(value: Mapping[str, Any]) -> IncidentRecord:
    """An incident as docs/api.md describes it.

    Raises:
        BadPayloadError: naming the field.
    """
    node = Node(value)
    _refuse_unknown(node, INCIDENT_KEYS)
    opened, resolved = node.moment("opened_at"), node.moment("resolved_at")
    acknowledged = node.moment("acknowledged_at")
    if opened and resolved and resolved < opened:
        raise node.refuse("resolved_at", "a moment that is not before opened_at")
    moments = (node.moment("observed_at"), resolved, acknowledged, opened)
    observed = next((each for each in moments if each), None) or node.need_moment("opened_at")
    severity = _one_of(node, "severity", SEVERITIES)
    return IncidentRecord(
        external_id=node.need("external_id", 200),
        observed_at=observed,
        opened_at=opened,
        service=node.text("service", 200),
        title=node.text("title"),
        url=node.text("url"),
        severity=severity,
        raw_severity=severity or "",
        downgraded_from=_one_of(node, "downgraded_from", SEVERITIES),
        human_actioned=node.flag("human_actioned"),
        acknowledged_at=acknowledged,
        resolved_at=resolved,
        caused_by_deployment=node.text("caused_by_deployment", 200),
        caused_by_change=node.text("caused_by_change", 200),
        fixed_by_deployment=node.text("fixed_by_deployment", 200),
    )
