"""GitLab's objects as records. Webhooks and REST name many things differently."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from adoption.deploys.payload import Node, repository_key
from adoption.sources.records import Account, ChangeRecord, DeploymentRecord

STATUSES = {
    "created": "queued",
    "blocked": "queued",
    "pending": "queued",
    "waiting_for_resource": "queued",
    "running": "running",
    "success": "succeeded",
    "failed": "failed",
    "canceled": "canceled",
    "skipped": "skipped",
}
TERMINAL = frozenset({"succeeded", "failed", "canceled", "skipped"})


def project_of(node: Node) -> tuple[str, str]:
    """Key and web address of a project."""
    address = node.text("web_url") or node.text("homepage") or node.need("git_http_url")
    return repository_key(address), address


def username(node: Node) -> Account | None:
    """Who a user object is."""
    found = node.text("username", 200)
    return Account("gitlab_username", found, node.text("name", 200) or found) if found else None


def hook_deployment(node: Node) -> DeploymentRecord:
    """A deployment event. It has no whole commit: the end of `commit_url` is one."""
    key, address = project_of(node.at("project"))
    raw = node.need("status", 40)
    status = STATUSES.get(raw, "unknown")
    at = node.need_moment("status_changed_at")
    return DeploymentRecord(
        external_id=f"deployment:{node.need('deployment_id', 40)}",
        repository=key,
        repository_url=address,
        observed_at=at,
        status=status,
        raw_status=raw,
        status_at=at,
        environment=node.need("environment", 120),
        tier=node.text("environment_tier", 20),
        sha=_sha_of(node),
        ref=node.text("ref", 250),
        url=node.text("deployable_url"),
        trigger="job" if "deployable_id" in node else "api",
        started_at=at if status == "running" else None,
        finished_at=at if status in TERMINAL else None,
    )


def _sha_of(node: Node) -> str | None:
    address = node.text("commit_url")
    if address is None:
        return None
    return Node({"commit_url": urlsplit(address).path.rpartition("/")[2]}).sha("commit_url")


def merge_request(
    node: Node, project: tuple[str, str], author: Account | None, observed_at: datetime
) -> ChangeRecord:
    """A merge request, from `object_attributes` of a hook or from REST.

    Hooks have no `merged_at`: the moment of the action `merge` is it.
    """
    state = node.need("state", 20)
    is_merged = state == "merged"
    merged_at = node.moment("merged_at")
    if is_merged and merged_at is None:
        merged_at = observed_at
    last = node.at("last_commit")
    return ChangeRecord(
        repository=project[0],
        repository_url=project[1],
        kind="merge_request",
        external_id=node.need("iid", 20),
        observed_at=observed_at,
        state="merged" if is_merged else ("closed" if state == "closed" else "open"),
        title=node.text("title"),
        message=node.text("description", 65_536),
        url=node.text("web_url") or node.text("url"),
        author=author,
        created_at=node.moment("created_at"),
        merged_at=merged_at if is_merged else None,
        closed_at=node.moment("closed_at"),
        merge_sha=_merge_sha(node) if is_merged else None,
        squash_sha=node.sha("squash_commit_sha") if is_merged else None,
        head_sha=node.sha("sha") or last.sha("id"),
        base_ref=node.text("target_branch", 250),
        head_ref=node.text("source_branch", 250),
        labels=_labels(node),
    )


def _merge_sha(node: Node) -> str | None:
    """The merge commit; a fast-forward has none, and then the squashed or the last commit is it."""
    return (
        node.sha("merge_commit_sha")
        or node.sha("squash_commit_sha")
        or node.sha("sha")
        or node.at("last_commit").sha("id")
    )


def _labels(node: Node) -> tuple[str, ...] | None:
    found = node.value.get("labels")
    if not isinstance(found, list):
        return None
    if all(isinstance(item, str) for item in found):
        return tuple(sorted(item[:100] for item in found))
    return tuple(sorted(filter(None, (item.text("title", 100) for item in node.items("labels")))))
