"""Polling GitLab by REST: merge requests with their commits, and deployments with the merge
requests that GitLab itself lists as shipped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from adoption.deploys.payload import BadPayloadError, Node, repository_key
from adoption.sources.gitlab.config import GitLabConfig
from adoption.sources.gitlab.normaliser import STATUSES, TERMINAL, merge_request, username
from adoption.sources.records import ChangeRecord, DeploymentRecord, Person, Reading, SaidCommit
from portal.imports.contracts import Ask, FetchJob, FetchSpec, SourceUnavailableError

PER_PAGE = 100
MOST_PAGES = 300


def _origin(config: Mapping[str, Any]) -> str:
    parts = urlsplit(GitLabConfig.model_validate(dict(config)).base_url)
    return f"{parts.scheme}://{parts.netloc}"


def _headers(secret: Any) -> dict[str, Any]:
    return {} if secret is None else {"PRIVATE-TOKEN": secret}


def pages(
    ask: Ask, endpoint: str, path: str, params: Iterable[tuple[str, str]] = ()
) -> Iterator[Any]:
    for number in range(1, MOST_PAGES + 1):
        query = [*params, ("per_page", str(PER_PAGE)), ("page", str(number))]
        place = endpoint if number == 1 else f"{endpoint} {(number - 1) * PER_PAGE}"
        page = ask(place, path, query)
        if not isinstance(page, list):
            raise SourceUnavailableError(f"{path} did not answer with a list")
        yield page
        if len(page) < PER_PAGE:
            return
    raise SourceUnavailableError(f"{path} has more than {MOST_PAGES} pages")


def _project_path(config: GitLabConfig, name: str) -> str:
    base = urlsplit(config.base_url).path.rstrip("/")
    return f"{base}/api/v4/projects/{quote(name, safe='')}"


def fetch(job: FetchJob) -> None:
    """Ask for what was updated since the first day."""
    config = GitLabConfig.model_validate(dict(job.config))
    since = [("order_by", "updated_at"), ("updated_after", f"{job.start.isoformat()}T00:00:00Z")]
    for name in config.poll_projects.split():
        path = _project_path(config, name)
        for page in pages(job.ask, f"merge_requests {name}", f"{path}/merge_requests", since):
            for item in page:
                if item.get("state") in ("merged", "opened"):
                    number = int(item["iid"])
                    inner = f"{path}/merge_requests/{number}/commits"
                    for _ in pages(job.ask, f"commits {name} {number}", inner):
                        pass
        for page in pages(job.ask, f"deployments {name}", f"{path}/deployments", since):
            for item in page:
                if item.get("status") == "success":
                    number = int(item["id"])
                    inner = f"{path}/deployments/{number}/merge_requests"
                    for _ in pages(job.ask, f"shipped {name} {number}", inner):
                        pass


def _probe(job: FetchJob) -> None:
    config = GitLabConfig.model_validate(dict(job.config))
    for name in config.poll_projects.split()[:1]:
        job.ask("probe", _project_path(config, name))


def read_page(endpoint: str, body: Any, config: GitLabConfig) -> Iterator[Reading]:
    """What one spooled answer says.

    Raises:
        BadPayloadError: a field is missing or of the wrong kind.
    """
    kind, _, rest = endpoint.partition(" ")
    name, number, start = [*rest.split(" "), "", ""][:3]
    if kind == "probe":
        return
    if not isinstance(body, list) or not all(isinstance(item, Mapping) for item in body):
        raise BadPayloadError("body", body, "a list of objects")
    address = f"{config.base_url.rstrip('/')}/{name}"
    place = (repository_key(address), address)
    nodes = [Node(item, f"body.{index}") for index, item in enumerate(body)]
    if kind == "merge_requests":
        found = (
            merge_request(node, place, username(node.at("author")), node.need_moment("updated_at"))
            for node in nodes
        )
        yield Reading(changes=tuple(found))
    elif kind == "commits" and nodes:
        yield Reading(changes=(_commits(nodes, number, place, int(start or 0)),))
    elif kind == "deployments":
        yield Reading(deployments=tuple(rest_deployment(node, place) for node in nodes))
    elif kind == "shipped" and nodes:
        yield Reading(deployments=(_shipped(nodes, number, place, bool(start)),))


def _commits(nodes: list[Node], number: str, place: tuple[str, str], start: int) -> ChangeRecord:
    said = tuple(
        SaidCommit(
            node.sha("id") or "",
            node.text("message", 65_536) or "",
            node.moment("authored_date"),
            Person(node.text("author_name", 200) or "", node.text("author_email", 254) or ""),
        )
        for node in nodes
    )
    moments = [each.authored_at for each in said if each.authored_at]
    if not moments:
        raise nodes[0].refuse("authored_date", "commits with the date of their author")
    return ChangeRecord(
        repository=place[0],
        repository_url=place[1],
        kind="merge_request",
        external_id=number,
        observed_at=max(moments),
        first_commit_at=None if start else min(moments),
        commits=said,
        commits_from=start,
    )


def rest_deployment(node: Node, place: tuple[str, str]) -> DeploymentRecord:
    """A deployment. Its own status counts, not that of its job, which may differ; one that was
    made through the API has no job, and its end is when it was last updated."""
    raw, at = node.need("status", 40), node.need_moment("updated_at")
    status = STATUSES.get(raw, "unknown")
    job = node.at("deployable")
    return DeploymentRecord(
        external_id=f"deployment:{node.need('id', 40)}",
        repository=place[0],
        repository_url=place[1],
        observed_at=at,
        status=status,
        raw_status=raw,
        status_at=at,
        environment=node.at("environment").need("name", 120),
        tier=node.at("environment").text("tier", 20),
        sha=node.sha("sha"),
        ref=node.text("ref", 250),
        url=job.text("web_url"),
        trigger="job" if job.value else "api",
        queued_at=node.moment("created_at"),
        started_at=job.moment("started_at"),
        finished_at=(job.moment("finished_at") or at) if status in TERMINAL else None,
    )


def _shipped(
    nodes: list[Node], number: str, place: tuple[str, str], goes_on: bool
) -> DeploymentRecord:
    """GitLab's own list of what a deployment shipped; it lists only for successful ones."""
    merged = [node.need_moment("merged_at") for node in nodes]
    return DeploymentRecord(
        external_id=f"deployment:{number}",
        repository=place[0],
        repository_url=place[1],
        observed_at=max(merged),
        # The list says nothing about the status: the least that can be said, before all else.
        status="queued",
        raw_status="listed",
        status_at=min(merged),
        included=tuple(node.need("iid", 20) for node in nodes),
        included_goes_on=goes_on,
    )


FETCH = FetchSpec(
    origin=_origin, headers=_headers, fetch=fetch, probe=_probe, reread_days=2, weekly_days=14
)
