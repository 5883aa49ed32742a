"""GitHub's objects, the same in webhooks and REST, as records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from adoption.deploys.payload import Node, repository_key
from adoption.sources.records import Account, ChangeRecord, DeploymentRecord, SaidCommit

# §9.6 of the format notes. `inactive` means replaced or torn down, never failed.
STATUSES = {
    "queued": "queued",
    "pending": "queued",
    "waiting": "queued",
    "in_progress": "running",
    "success": "succeeded",
    "active": "succeeded",
    "failure": "failed",
    "error": "failed",
    "abandoned": "canceled",
    "inactive": "superseded",
    "destroyed": "superseded",
}
MOST_COMMITS = 250  # GitHub lists no more of one request
TERMINAL = frozenset({"succeeded", "failed", "canceled"})


def repository_of(node: Node) -> tuple[str, str]:
    """Key and web address of a repository object."""
    address = node.text("html_url") or node.need("full_name", 200)
    key = repository_key(address, "" if "://" in address else "github.com")
    return key, address if "://" in address else f"https://{key}"


def pull_request(node: Node, repository: tuple[str, str]) -> ChangeRecord:
    """A pull request. Before the merge, and when it is closed without one, `merge_commit_sha`
    names a test merge that is in no branch: it counts only with `merged_at`."""
    merged_at = node.moment("merged_at")
    state = node.need("state", 20)
    user = node.at("user")
    login = user.text("login", 100)
    return ChangeRecord(
        repository=repository[0],
        repository_url=repository[1],
        kind="pull_request",
        external_id=node.need("number", 20),
        observed_at=node.need_moment("updated_at"),
        state="merged" if merged_at else ("closed" if state == "closed" else "open"),
        title=node.text("title"),
        message=node.text("body", 65_536),
        url=node.text("html_url"),
        author=Account("github_login", login, user.text("name", 200) or login) if login else None,
        created_at=node.moment("created_at"),
        merged_at=merged_at,
        closed_at=node.moment("closed_at"),
        merge_sha=node.sha("merge_commit_sha") if merged_at else None,
        head_sha=node.at("head").sha("sha"),
        base_ref=node.at("base").text("ref", 250),
        head_ref=node.at("head").text("ref", 250),
        labels=_labels(node),
        files_changed=node.number("changed_files"),
        additions=node.number("additions"),
        deletions=node.number("deletions"),
    )


def _labels(node: Node) -> tuple[str, ...] | None:
    if "labels" not in node:
        return None
    return tuple(sorted(filter(None, (item.text("name", 100) for item in node.items("labels")))))


def deployment(
    node: Node, repository: tuple[str, str], status: Node | None = None
) -> DeploymentRecord:
    """A deployment, with one of its statuses when there is one."""
    raw = status.need("state", 40) if status else "created"
    at = (status or node).need_moment("created_at")
    mapped = STATUSES.get(raw.lower(), "unknown") if status else "queued"
    return DeploymentRecord(
        external_id=f"deployment:{node.need('id', 40)}",
        repository=repository[0],
        repository_url=repository[1],
        observed_at=at,
        status=mapped,
        raw_status=raw,
        status_at=at,
        environment=node.text("environment", 120),
        tier="preview" if node.flag("transient_environment") else None,
        is_production=node.flag("production_environment"),
        sha=node.sha("sha"),
        ref=node.text("ref", 250),
        trigger=node.text("task", 60),
        url=log_of(status) if status else None,
        queued_at=node.moment("created_at"),
        started_at=at if mapped == "running" else None,
        finished_at=at if mapped in TERMINAL else None,
    )


def log_of(status: Node) -> str | None:
    """Where the log of a status is."""
    return status.text("log_url") or status.text("target_url")


def said_status(
    number: str, place: tuple[str, str], raw: str, at: datetime, *, url: str | None
) -> DeploymentRecord:
    """One status of a deployment, by itself."""
    status = STATUSES.get(raw.lower(), "unknown")
    return DeploymentRecord(
        external_id=f"deployment:{number}",
        repository=place[0],
        repository_url=place[1],
        observed_at=at,
        status=status,
        raw_status=raw,
        status_at=at,
        started_at=at if status == "running" else None,
        finished_at=at if status in TERMINAL else None,
        url=url,
    )


def said_commits(
    said: Sequence[SaidCommit],
    number: str,
    place: tuple[str, str],
    *,
    start: int = 0,
    is_cut: bool,
    node: Node,
) -> ChangeRecord:
    """The commits of a pull request, or those from `start` on.

    Raises:
        BadPayloadError: none of them has the date of its author; `node` is where they stand.
    """
    moments = [each.authored_at for each in said if each.authored_at]
    if not moments:
        raise node.refuse("commit", "commits with the date of their author")
    return ChangeRecord(
        repository=place[0],
        repository_url=place[1],
        kind="pull_request",
        external_id=number,
        observed_at=max(moments),
        first_commit_at=None if start else min(moments),
        commits=tuple(said),
        commits_truncated=is_cut or None,
        commits_from=start,
    )


def is_delivery(task: str | None) -> bool:
    """Whether a task of a deployment delivers. Anything can be a task; only `deploy` is one."""
    return task in (None, "deploy")


def release(node: Node, repository: tuple[str, str], observed_at: datetime) -> DeploymentRecord:
    """A published release. `target_commitish` may be a branch, which says nothing about where the
    tag points: then the commit stays unknown until a poll has resolved the tag."""
    target = node.text("target_commitish", 250) or ""
    is_sha = len(target) in (40, 64) and set(target) <= set("0123456789abcdef")
    return DeploymentRecord(
        external_id=f"release:{node.need('id', 40)}",
        repository=repository[0],
        repository_url=repository[1],
        observed_at=observed_at,
        status="succeeded",
        raw_status="published",
        status_at=observed_at,
        environment="release",
        tier="other" if node.flag("prerelease") else "production",
        version=node.need("tag_name", 200),
        sha=target if is_sha else None,
        url=node.text("html_url"),
        trigger="release",
        finished_at=observed_at,
    )
