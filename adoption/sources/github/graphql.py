"""Polling GitHub by GraphQL: a hundred requests with their commits, labels and size in one answer,
and deployments with all their statuses, where REST needs a call for each.

It costs points by what is asked for, not calls: each answer says what is left, and the poll stops
before there is nothing. A query that takes GitHub too long is asked for in smaller parts.
GraphQL does not say whether an environment is production; what hooks say of it outranks the poll.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from adoption.deploys.moments import read_moment
from adoption.deploys.payload import BadPayloadError, Node
from adoption.sources.github.config import GitHubConfig
from adoption.sources.github.normaliser import (
    MOST_COMMITS,
    is_delivery,
    said_commits,
    said_status,
)
from adoption.sources.records import (
    Account,
    ChangeRecord,
    DeploymentRecord,
    Person,
    Reading,
    SaidCommit,
)
from portal.imports.contracts import FetchJob, ImportRefusedError, SourceUnavailableError
from portal.imports.outbound.errors import SourceBusyError

PULLS, COMMITS, DEPLOYMENTS = "graphql-pulls", "graphql-commits", "graphql-deployments"
KINDS = frozenset({PULLS, COMMITS, DEPLOYMENTS})
AT_ONCE = 50  # requests in one answer: with 100 commits each, one point
FEWEST = 5  # below it a timeout is no matter of size
MOST_PAGES = 600
COME_BACK_AFTER = 900.0  # seconds; points are given back by the hour
_SPARE = 3  # answers' worth of points that are left to others who use the same token
_SLOW = re.compile(r"time(d )?\s?out|something went wrong", re.IGNORECASE)
_JUST_BEFORE = timedelta(microseconds=1)

_COMMIT = "commit { oid message authoredDate author { name email } }"
_LIMITS = "rateLimit { cost remaining resetAt }"
_PULLS_QUERY = f"""query($owner: String!, $name: String!, $first: Int!, $cursor: String) {{
 {_LIMITS}
 repository(owner: $owner, name: $name) {{
  pullRequests(first: $first, after: $cursor, orderBy: {{field: UPDATED_AT, direction: DESC}}) {{
   pageInfo {{ hasNextPage endCursor }}
   nodes {{
    number state title body url createdAt updatedAt mergedAt closedAt
    author {{ __typename login ... on User {{ name }} }}
    mergeCommit {{ oid }} headRefOid baseRefName headRefName
    additions deletions changedFiles
    labels(first: 50) {{ nodes {{ name }} }}
    commits(first: 100) {{
     totalCount pageInfo {{ hasNextPage endCursor }} nodes {{ {_COMMIT} }}
    }}
   }}
  }}
 }}
}}"""
_COMMITS_QUERY = f"""query($owner: String!, $name: String!, $number: Int!, $cursor: String) {{
 {_LIMITS}
 repository(owner: $owner, name: $name) {{
  pullRequest(number: $number) {{
   commits(first: 100, after: $cursor) {{
    totalCount pageInfo {{ hasNextPage endCursor }} nodes {{ {_COMMIT} }}
   }}
  }}
 }}
}}"""
_DEPLOYMENTS_QUERY = f"""query($owner: String!, $name: String!, $first: Int!, $cursor: String) {{
 {_LIMITS}
 repository(owner: $owner, name: $name) {{
  deployments(first: $first, after: $cursor, orderBy: {{field: CREATED_AT, direction: DESC}}) {{
   pageInfo {{ hasNextPage endCursor }}
   nodes {{
    databaseId task environment commitOid createdAt updatedAt ref {{ name }}
    statuses(first: 100) {{ nodes {{ state createdAt logUrl }} }}
   }}
  }}
 }}
}}"""


def fetch(job: FetchJob) -> None:
    """Ask for requests with their commits and deployments with their statuses since the first day.

    Raises:
        SourceBusyError: the points of this hour are spent.
        SourceUnavailableError: an answer is not whole, or there is no end to the pages.
        ImportRefusedError: the repository is not there, or the token may not read it.
    """
    config = GitHubConfig.model_validate(dict(job.config))
    for name in config.poll_repositories.split():
        poll = _Poll(job, config.graphql_path, name)
        for page in poll.pages(PULLS, _PULLS_QUERY, "pullRequests"):
            for pull in page:
                _fetch_more_commits(poll, pull)
            if page and _is_before(page[-1]["updatedAt"], job.start):
                break
        for page in poll.pages(DEPLOYMENTS, _DEPLOYMENTS_QUERY, "deployments"):
            if page and _is_before(page[-1]["createdAt"], job.start):
                break


def _is_before(moment: str, day: date) -> bool:
    return read_moment(moment) < datetime(day.year, day.month, day.day, tzinfo=UTC)


def _fetch_more_commits(poll: _Poll, pull: Mapping[str, Any]) -> None:
    """The few requests of more than a hundred commits: their next ones, up to what GitHub lists."""
    commits, seen = pull["commits"], len(pull["commits"]["nodes"])
    while commits["pageInfo"]["hasNextPage"] and seen < MOST_COMMITS:
        where = {"number": pull["number"], "cursor": commits["pageInfo"]["endCursor"]}
        endpoint = f"{COMMITS} {poll.name} {pull['number']} {seen}"
        answer = poll.ask(endpoint, _COMMITS_QUERY, where)
        commits = _at(answer, "pullRequest", "commits")
        if not commits["nodes"]:
            return
        seen += len(commits["nodes"])


class _Poll:
    """Asking about one repository."""

    def __init__(self, job: FetchJob, path: str, name: str) -> None:
        self._job, self._path, self.name = job, path, name
        self._owner, _, self._repository = name.partition("/")
        self._first = AT_ONCE

    def pages(self, endpoint: str, query: str, connection: str) -> Iterator[list[Any]]:
        """The nodes of every page, each page in smaller parts where GitHub takes too long."""
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            answer = self._page(f"{endpoint} {self.name}", query, cursor)
            found = _at(answer, connection)
            yield found["nodes"]
            if not found["pageInfo"]["hasNextPage"]:
                return
            if found["pageInfo"]["endCursor"] in (None, cursor):
                raise SourceUnavailableError(f"{connection} of {self.name} go round in a circle")
            cursor = found["pageInfo"]["endCursor"]
        raise SourceUnavailableError(f"{connection} of {self.name} have over {MOST_PAGES} pages")

    def _page(self, endpoint: str, query: str, cursor: str | None) -> Mapping[str, Any]:
        while True:
            try:
                return self.ask(endpoint, query, {"first": self._first, "cursor": cursor})
            except _TooSlowError as error:
                if self._first <= FEWEST:
                    raise SourceUnavailableError(str(error)) from None
                self._first = max(FEWEST, self._first // 2)

    def ask(self, endpoint: str, query: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        """The repository of one whole answer.

        Raises:
            _TooSlowError: GitHub gave the query up; a smaller one may go well.
        """
        where = {"owner": self._owner, "name": self._repository, **variables}
        answer = self._job.ask(endpoint, self._path, body={"query": query, "variables": where})
        if not isinstance(answer, Mapping):
            raise SourceUnavailableError("GraphQL did not answer with an object")
        if answer.get("errors"):
            raise _error_of(answer["errors"], self.name)
        data = answer.get("data") or {}
        if not isinstance(data.get("repository"), Mapping):
            raise ImportRefusedError("not_found", f"there is no repository {self.name}")
        _leave_some(data.get("rateLimit"))
        found: Mapping[str, Any] = data["repository"]
        return found


class _TooSlowError(Exception):
    """GitHub gave a query up after ten seconds."""


def _error_of(errors: Any, name: str) -> Exception:
    """What errors in an answer of status 200 mean."""
    first = errors[0] if isinstance(errors, list) and isinstance(errors[0], Mapping) else {}
    kind, text = str(first.get("type", "")), str(first.get("message", "an error without words"))
    if kind == "RATE_LIMITED":
        return SourceBusyError(
            "GitHub's points of this hour are spent", retry_after=COME_BACK_AFTER
        )
    if kind in ("NOT_FOUND", "FORBIDDEN", "INSUFFICIENT_SCOPES"):
        return ImportRefusedError(
            "not_readable",
            f"GitHub does not show {name}: {text[:200]}",
            expected="a name as in the address, and a token that may read the repository",
        )
    if not kind and _SLOW.search(text):
        return _TooSlowError(f"GitHub gave up a query about {name}: {text[:200]}")
    return SourceUnavailableError(f"GitHub answered with an error about {name}: {text[:200]}")


def _leave_some(limit: Any) -> None:
    """Stop before the points run out: what comes next would be refused half-way."""
    if not isinstance(limit, Mapping):
        return
    cost, remaining = limit.get("cost"), limit.get("remaining")
    if isinstance(cost, int) and isinstance(remaining, int) and remaining < max(1, cost) * _SPARE:
        raise SourceBusyError(
            f"{remaining} of GitHub's points are left until {limit.get('resetAt')}",
            retry_after=COME_BACK_AFTER,
        )


def _at(answer: Mapping[str, Any], *path: str) -> Any:
    found: Any = answer
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping) or not isinstance(found.get("nodes"), list):
        raise SourceUnavailableError(f"GraphQL's answer has no {'.'.join(path)}")
    return found


# --- what the answers say -------------------------------------------------------------------------


def read_answer(
    kind: str, number: str, start: str, body: Any, place: tuple[str, str]
) -> Iterator[Reading]:
    """What one spooled answer says; nothing where it was an error, which was asked again.

    Args:
        number, start: of a page of commits: whose, and how many came before it.

    Raises:
        BadPayloadError: a field is missing or of the wrong kind.
    """
    if not isinstance(body, Mapping):
        raise BadPayloadError("body", body, "an object")
    if body.get("errors"):
        return
    repository = Node(body, "body").at("data").at("repository")
    if kind == PULLS:
        nodes = list(repository.at("pullRequests").items("nodes"))
        yield Reading(changes=tuple(_change(node, place) for node in nodes))
        for node in nodes:
            yield from _commits(node.at("commits"), node.need("number", 20), 0, place)
    elif kind == COMMITS:
        found = repository.at("pullRequest").at("commits")
        yield from _commits(found, number, int(start or 0), place)
    elif kind == DEPLOYMENTS:
        nodes = list(repository.at("deployments").items("nodes"))
        wanted = [node for node in nodes if is_delivery(node.text("task", 60))]
        yield Reading(deployments=tuple(each for node in wanted for each in _told(node, place)))


def _change(node: Node, place: tuple[str, str]) -> ChangeRecord:
    merged_at, state = node.moment("mergedAt"), node.need("state", 20)
    return ChangeRecord(
        repository=place[0],
        repository_url=place[1],
        kind="pull_request",
        external_id=node.need("number", 20),
        observed_at=node.need_moment("updatedAt"),
        state="merged" if merged_at else ("closed" if state == "CLOSED" else "open"),
        title=node.text("title"),
        message=node.text("body", 65_536),
        url=node.text("url"),
        author=_author(node.at("author")),
        created_at=node.moment("createdAt"),
        merged_at=merged_at,
        closed_at=node.moment("closedAt"),
        merge_sha=node.at("mergeCommit").sha("oid") if merged_at else None,
        head_sha=node.sha("headRefOid"),
        base_ref=node.text("baseRefName", 250),
        head_ref=node.text("headRefName", 250),
        labels=tuple(
            sorted(
                filter(None, (item.text("name", 100) for item in node.at("labels").items("nodes")))
            )
        ),
        files_changed=node.number("changedFiles"),
        additions=node.number("additions"),
        deletions=node.number("deletions"),
    )


def _author(node: Node) -> Account | None:
    """REST and hooks call robots `name[bot]`, GraphQL leaves that out."""
    login = node.text("login", 100)
    if not login:
        return None
    if node.text("__typename", 40) == "Bot" and not login.endswith("[bot]"):
        login = f"{login}[bot]"
    return Account("github_login", login, node.text("name", 200) or login)


def _commits(node: Node, number: str, start: int, place: tuple[str, str]) -> Iterator[Reading]:
    said = []
    for each in node.items("nodes"):
        commit = each.at("commit")
        author = commit.at("author")
        said.append(
            SaidCommit(
                commit.sha("oid") or "",
                commit.text("message", 65_536) or "",
                commit.moment("authoredDate"),
                Person(author.text("name", 200) or "", author.text("email", 254) or ""),
            )
        )
    if said:
        total = node.number("totalCount")
        is_cut = total is not None and total > MOST_COMMITS
        found = said_commits(said, number, place, start=start, is_cut=is_cut, node=node)
        yield Reading(changes=(found,))


def _told(node: Node, place: tuple[str, str]) -> Iterator[DeploymentRecord]:
    """The deployment, said just before everything else about it, and each of its statuses."""
    number, created = node.need("databaseId", 40), node.need_moment("createdAt")
    yield DeploymentRecord(
        external_id=f"deployment:{number}",
        repository=place[0],
        repository_url=place[1],
        observed_at=created - _JUST_BEFORE,
        status="queued",
        raw_status="created",
        status_at=created - _JUST_BEFORE,
        environment=node.text("environment", 120),
        sha=node.sha("commitOid"),
        ref=node.at("ref").text("name", 250),
        trigger=node.text("task", 60),
        queued_at=created,
    )
    for status in node.at("statuses").items("nodes"):
        raw = status.need("state", 40).lower()
        at = status.need_moment("createdAt")
        yield said_status(number, place, raw, at, url=status.text("logUrl"))
