"""Polling GitHub by REST (2022-11-28): what hooks may have missed, and the commits of requests.

Requests are read newest first and no further than the day that is wanted. The commits of a request
are asked for while it is open and when it was merged: later a squash or
a forced push may have lost what they say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from adoption.deploys.moments import read_moment
from adoption.deploys.payload import BadPayloadError, Node, repository_key
from adoption.sources.github.config import GitHubConfig
from adoption.sources.github.normaliser import (
    STATUSES,
    TERMINAL,
    deployment,
    is_delivery,
    pull_request,
)
from adoption.sources.records import ChangeRecord, DeploymentRecord, Person, Reading, SaidCommit
from portal.imports.contracts import Ask, FetchJob, FetchSpec, SourceUnavailableError

PER_PAGE = 100
MOST_PAGES = 300
MOST_COMMITS = 250  # GitHub lists no more of one request


def _origin(config: Mapping[str, Any]) -> str:
    parts = urlsplit(GitHubConfig.model_validate(dict(config)).base_url)
    return f"{parts.scheme}://{parts.netloc}"


def _headers(secret: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    if secret is not None:
        found["Authorization"] = type(secret)(f"Bearer {secret.get_secret_value()}")
    return found


def _base(config: GitHubConfig) -> str:
    return urlsplit(config.base_url).path.rstrip("/")


def pages(
    ask: Ask, endpoint: str, path: str, params: Iterable[tuple[str, str]] = ()
) -> Iterator[Any]:
    """Every page until one is not full.

    Raises:
        SourceUnavailableError: there is no end to them.
    """
    for number in range(1, MOST_PAGES + 1):
        page = ask(endpoint, path, [*params, ("per_page", str(PER_PAGE)), ("page", str(number))])
        if not isinstance(page, list):
            raise SourceUnavailableError(f"{path} did not answer with a list")
        yield page
        if len(page) < PER_PAGE:
            return
    raise SourceUnavailableError(f"{path} has more than {MOST_PAGES} pages")


def _is_before(item: Mapping[str, Any], key: str, day: date) -> bool:
    return read_moment(item[key]) < datetime(day.year, day.month, day.day, tzinfo=UTC)


def fetch(job: FetchJob) -> None:
    """Ask for requests, their commits, deployments and their statuses, since the first day."""
    config = GitHubConfig.model_validate(dict(job.config))
    for name in config.poll_repositories.split():
        path = f"{_base(config)}/repos/{quote(name)}"
        _fetch_pulls(job, name, path)
        _fetch_deployments(job, name, path)


def _fetch_pulls(job: FetchJob, name: str, path: str) -> None:
    order = [("state", "all"), ("sort", "updated"), ("direction", "desc")]
    for page in pages(job.ask, f"pulls {name}", f"{path}/pulls", order):
        for item in page:
            is_wanted = item.get("merged_at") or item.get("state") == "open"
            if is_wanted and not _is_before(item, "updated_at", job.start):
                number = int(item["number"])
                endpoint = f"commits {name} {number}"
                for _ in pages(job.ask, endpoint, f"{path}/pulls/{number}/commits"):
                    pass
        if page and _is_before(page[-1], "updated_at", job.start):
            return


def _fetch_deployments(job: FetchJob, name: str, path: str) -> None:
    for page in pages(job.ask, f"deployments {name}", f"{path}/deployments"):
        for item in page:
            if is_delivery(item.get("task")) and not _is_before(item, "updated_at", job.start):
                number = int(item["id"])
                endpoint = f"statuses {name} {number}"
                for _ in pages(job.ask, endpoint, f"{path}/deployments/{number}/statuses"):
                    pass
        if page and _is_before(page[-1], "created_at", job.start):
            return


def _probe(job: FetchJob) -> None:
    config = GitHubConfig.model_validate(dict(job.config))
    for name in config.poll_repositories.split()[:1]:
        job.ask("probe", f"{_base(config)}/repos/{quote(name)}")


def read_page(endpoint: str, body: Any, config: GitHubConfig) -> Iterator[Reading]:
    """What one spooled answer says.

    Raises:
        BadPayloadError: a field is missing or of the wrong kind.
    """
    kind, _, rest = endpoint.partition(" ")
    name, _, number = rest.partition(" ")
    if kind == "probe":
        return
    if not isinstance(body, list) or not all(isinstance(item, Mapping) for item in body):
        raise BadPayloadError("body", body, "a list of objects")
    host = urlsplit(config.base_url).hostname or ""
    key = repository_key(name, "github.com" if host == "api.github.com" else host)
    place = (key, f"https://{key}")
    nodes = [Node(item, f"body.{index}") for index, item in enumerate(body)]
    if kind == "pulls":
        yield Reading(changes=tuple(pull_request(node, place) for node in nodes))
    elif kind == "commits" and nodes:
        yield Reading(changes=(_commits(nodes, number, place),))
    elif kind == "deployments":
        found = (node for node in nodes if is_delivery(node.text("task", 60)))
        yield Reading(deployments=tuple(deployment(node, place) for node in found))
    elif kind == "statuses":
        yield Reading(deployments=tuple(_status(node, number, place) for node in nodes))


def _commits(nodes: list[Node], number: str, place: tuple[str, str]) -> ChangeRecord:
    said = []
    for node in nodes:
        inner = node.at("commit")
        author = inner.at("author")
        said.append(
            SaidCommit(
                node.sha("sha") or "",
                inner.text("message", 65_536) or "",
                author.moment("date"),
                Person(author.text("name", 200) or "", author.text("email", 254) or ""),
            )
        )
    moments = [each.authored_at for each in said if each.authored_at]
    if not moments:
        raise nodes[0].refuse("commit", "commits with the date of their author")
    return ChangeRecord(
        repository=place[0],
        repository_url=place[1],
        kind="pull_request",
        external_id=number,
        observed_at=max(moments),
        first_commit_at=min(moments),
        commits=tuple(said),
        commits_truncated=len(said) >= MOST_COMMITS or None,
    )


def _status(node: Node, number: str, place: tuple[str, str]) -> DeploymentRecord:
    raw, at = node.need("state", 40), node.need_moment("created_at")
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
        url=node.text("log_url") or node.text("target_url"),
    )


FETCH = FetchSpec(
    origin=_origin, headers=_headers, fetch=fetch, probe=_probe, reread_days=2, weekly_days=14
)
