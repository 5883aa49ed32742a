"""Polling GitHub by REST (2022-11-28): what hooks may have missed, and the commits of requests.
For a connection that says so, `graphql.py` asks for the same in fewer and larger answers.

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
from adoption.sources.github import graphql
from adoption.sources.github.config import GitHubConfig
from adoption.sources.github.normaliser import (
    MOST_COMMITS,
    deployment,
    is_delivery,
    log_of,
    pull_request,
    said_commits,
    said_status,
)
from adoption.sources.records import ChangeRecord, DeploymentRecord, Person, Reading, SaidCommit
from portal.imports.contracts import Ask, FetchJob, FetchSpec, SourceUnavailableError

PER_PAGE = 100
MOST_PAGES = 300


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


def pages(
    ask: Ask, endpoint: str, path: str, params: Iterable[tuple[str, str]] = ()
) -> Iterator[Any]:
    """Every page until one is not full.

    Raises:
        SourceUnavailableError: there is no end to them.
    """
    for number in range(1, MOST_PAGES + 1):
        # Of a list that goes on, each page says where it begins: read alone it must not look whole.
        place = endpoint if number == 1 else f"{endpoint} {(number - 1) * PER_PAGE}"
        page = ask(place, path, [*params, ("per_page", str(PER_PAGE)), ("page", str(number))])
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
    if config.poll_with == "graphql":
        graphql.fetch(job)
        return
    for name in config.poll_repositories.split():
        path = f"{config.base_path}/repos/{quote(name)}"
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
        job.ask("probe", f"{config.base_path}/repos/{quote(name)}")


def read_page(endpoint: str, body: Any, config: GitHubConfig) -> Iterator[Reading]:
    """What one spooled answer says.

    Raises:
        BadPayloadError: a field is missing or of the wrong kind.
    """
    kind, _, rest = endpoint.partition(" ")
    name, number, start = [*rest.split(" "), "", ""][:3]
    if kind == "probe":
        return
    key = repository_key(name, config.host)
    place = (key, f"https://{key}")
    if kind in graphql.KINDS:
        yield from graphql.read_answer(kind, number, start, body, place)
        return
    if not isinstance(body, list) or not all(isinstance(item, Mapping) for item in body):
        raise BadPayloadError("body", body, "a list of objects")
    nodes = [Node(item, f"body.{index}") for index, item in enumerate(body)]
    if kind == "pulls":
        yield Reading(changes=tuple(pull_request(node, place) for node in nodes))
    elif kind == "commits" and nodes:
        yield Reading(changes=(_commits(nodes, number, place, int(start or 0)),))
    elif kind == "deployments":
        found = (node for node in nodes if is_delivery(node.text("task", 60)))
        yield Reading(deployments=tuple(deployment(node, place) for node in found))
    elif kind == "statuses":
        yield Reading(deployments=tuple(_status(node, number, place) for node in nodes))


def _commits(nodes: list[Node], number: str, place: tuple[str, str], start: int) -> ChangeRecord:
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
    return said_commits(
        said, number, place, start=start, is_cut=start + len(said) >= MOST_COMMITS, node=nodes[0]
    )


def _status(node: Node, number: str, place: tuple[str, str]) -> DeploymentRecord:
    raw, at = node.need("state", 40), node.need_moment("created_at")
    return said_status(number, place, raw, at, url=log_of(node))


FETCH = FetchSpec(
    origin=_origin, headers=_headers, fetch=fetch, probe=_probe, reread_days=2, weekly_days=14
)
