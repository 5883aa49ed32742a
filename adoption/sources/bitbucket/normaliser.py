"""Bitbucket Cloud's objects, in webhooks and REST, as records."""

from __future__ import annotations

from adoption.deploys.payload import Node, repository_key
from adoption.sources.records import Account, ChangeRecord, DeploymentRecord

STATUSES = {
    "PENDING": "queued",
    "PAUSED": "queued",
    "IN_PROGRESS": "running",
    "SUCCESSFUL": "succeeded",
    "COMPLETED": "succeeded",
    "FAILED": "failed",
    "ERROR": "failed",
    "STOPPED": "canceled",
    "CANCELLED": "canceled",
    "UNDEPLOYED": "superseded",
}
_TIERS = {"Production": "production", "Staging": "staging", "Test": "testing"}
_STATES = {"MERGED": "merged", "OPEN": "open", "DECLINED": "closed", "SUPERSEDED": "closed"}


def repository_of(node: Node) -> tuple[str, str]:
    """Key and web address of a repository object."""
    address = node.at("links").at("html").text("href")
    if address:
        return repository_key(address), address
    key = repository_key(node.need("full_name", 200), "bitbucket.org")
    return key, f"https://{key}"


def pull_request(node: Node, repository: tuple[str, str]) -> ChangeRecord:
    """A pull request. Commits in it have twelve digits unless the whole hash is given, and the
    merge commit then waits for the push that names it whole."""
    raw = node.need("state", 40)
    at = node.need_moment("updated_on")
    is_merged = raw == "MERGED"
    author = node.at("author")
    name = author.text("nickname", 200) or author.text("display_name", 200)
    return ChangeRecord(
        repository=repository[0],
        repository_url=repository[1],
        kind="pull_request",
        external_id=node.need("id", 20),
        observed_at=at,
        state="merged" if is_merged else ("open" if _STATES.get(raw) == "open" else "closed"),
        title=node.text("title"),
        message=node.text("description", 65_536),
        url=node.at("links").at("html").text("href"),
        author=Account("bitbucket_nickname", name, author.text("display_name", 200) or name)
        if name
        else None,
        created_at=node.moment("created_on"),
        merged_at=(node.moment("closed_on") or at) if is_merged else None,
        closed_at=at if raw in ("DECLINED", "SUPERSEDED") else None,
        merge_sha=node.at("merge_commit").short_sha("hash") if is_merged else None,
        head_sha=node.at("source").at("commit").short_sha("hash"),
        base_ref=node.at("destination").at("branch").text("name", 250),
        head_ref=node.at("source").at("branch").text("name", 250),
    )


def deployment(node: Node, repository: tuple[str, str]) -> DeploymentRecord:
    """A deployment. `COMPLETED` alone says only that it ended; an inner status says how."""
    state = node.at("state")
    raw = state.at("status").text("name", 40) or state.need("name", 40)
    status = STATUSES.get(raw, "unknown")
    environment = node.at("environment")
    release = node.at("release")
    completed = state.moment("completed_on")
    at = node.moment("last_update_time") or completed or release.need_moment("created_on")
    kind = environment.at("environment_type").text("name", 40) or ""
    is_done = status in ("succeeded", "failed", "canceled")
    return DeploymentRecord(
        external_id=f"deployment:{node.need('uuid', 100)}",
        repository=repository[0],
        repository_url=repository[1],
        observed_at=at,
        status=status,
        raw_status=raw,
        status_at=completed or at,
        environment=environment.text("name", 120) or kind or None,
        tier=_TIERS.get(kind),
        version=release.text("name", 200),
        sha=release.at("commit").sha("hash"),
        url=release.text("url"),
        trigger="pipeline",
        queued_at=release.moment("created_on"),
        started_at=state.moment("started_on"),
        finished_at=(completed or at) if is_done else None,
    )
