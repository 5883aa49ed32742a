"""GitHub by GraphQL: whole pages, points, slow queries, and the same records as by REST."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from adoption.sources.github import client as github
from adoption.sources.github import graphql
from adoption.sources.github.config import GitHubConfig
from adoption.sources.records import ChangeRecord, DeploymentRecord
from portal.imports.contracts import FetchJob, ImportRefusedError, SourceUnavailableError
from portal.imports.outbound.errors import SourceBusyError
from tests.adoption.histories import make_sha

START = dt.date(2026, 3, 1)
CONFIG = GitHubConfig(poll_repositories="acme/shop", poll_with="graphql")
SLOW = {"data": None, "errors": [{"message": "Something went wrong while executing your query."}]}


def commit(number: int, day: int = 5) -> dict[str, Any]:
    author = {"name": "Mira", "email": "mira@acme.example"}
    return {"commit": {"oid": make_sha(number), "message": f"Step {number}", "author": author,
                       "authoredDate": f"2026-02-{day:02}T10:00:00Z"}}  # fmt: skip


def pull(number: int, at: str = "2026-03-05T10:00:00Z", *, commits: int = 1, **fields: Any) -> Any:
    known = [commit(1000 * number + step) for step in range(commits)]
    return {
        "number": number, "state": "MERGED", "title": f"Change {number}", "body": "",
        "url": f"https://github.com/acme/shop/pull/{number}", "createdAt": at, "updatedAt": at,
        "mergedAt": at, "closedAt": at, "mergeCommit": {"oid": make_sha(number)},
        "author": {"__typename": "User", "login": "mira", "name": "Mira"},
        "headRefOid": make_sha(900 + number), "headRefName": "b", "baseRefName": "main",
        "additions": 3, "deletions": 1, "changedFiles": 2,
        "labels": {"nodes": [{"name": "ai"}]}, "all_commits": known, **fields,
    }  # fmt: skip


class Server:
    """Answers GraphQL as GitHub does: pages by cursor, points, and a limit of size."""

    def __init__(self, pulls: Sequence[Any] = (), deployments: Sequence[Any] = ()) -> None:
        self.pulls, self.deployments = list(pulls), list(deployments)
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.spool: list[tuple[str, Any]] = []
        self.remaining, self.cost = 5000, 1
        self.largest = 100  # nodes in one answer before the query takes too long
        self.instead: Any = None

    def __call__(
        self, endpoint: str, path: str, params: Any = (), *, body: Mapping[str, Any] | None = None
    ) -> Any:
        assert (path, body is not None, params) == ("/graphql", True, ())
        assert body is not None
        variables = body["variables"]
        assert (variables["owner"], variables["name"]) == ("acme", "shop")
        self.asked.append((endpoint, variables))
        answer = self.instead
        if answer is None:
            answer = self._answer(body["query"], variables)
        self.spool.append((endpoint, answer))
        return answer

    def _answer(self, query: str, variables: Mapping[str, Any]) -> Any:
        if variables.get("first", 0) > self.largest:
            return SLOW
        self.remaining -= self.cost
        limits = {"cost": self.cost, "remaining": self.remaining,
                  "resetAt": "2026-03-09T11:00:00Z"}  # fmt: skip
        return {"data": {"rateLimit": limits, "repository": self._repository(query, variables)}}

    def _repository(self, query: str, variables: Mapping[str, Any]) -> Any:
        if "pullRequest(number" in query:
            found = next(each for each in self.pulls if each["number"] == variables["number"])
            return {"pullRequest": {"commits": self._commits(found, variables["cursor"])}}
        if "pullRequests(" in query:
            page = self._page(self.pulls, variables["first"], variables["cursor"])
            for each in page["nodes"]:
                each["commits"] = self._commits(each, None)
            return {"pullRequests": page}
        return {
            "deployments": self._page(self.deployments, variables["first"], variables["cursor"])
        }

    def _commits(self, found: Any, cursor: str | None) -> Any:
        page = self._page(found["all_commits"], 100, cursor)
        return page | {"totalCount": len(found["all_commits"])}

    @staticmethod
    def _page(items: Sequence[Any], first: int, cursor: str | None) -> dict[str, Any]:
        start = int(cursor or 0)
        end = start + first
        more = {"hasNextPage": end < len(items), "endCursor": str(end)}
        return {"pageInfo": more, "nodes": [dict(each) for each in items[start:end]]}


def fetch(server: Server) -> tuple[list[ChangeRecord], list[DeploymentRecord]]:
    github.fetch(FetchJob(CONFIG.model_dump(), START, dt.date(2026, 3, 9), server))
    readings = [r for end, body in server.spool for r in github.read_page(end, body, CONFIG)]
    return (
        [change for reading in readings for change in reading.changes],
        [each for reading in readings for each in reading.deployments],
    )


def endpoints(server: Server) -> list[str]:
    return [endpoint for endpoint, _ in server.asked]


def test_a_hundred_requests_with_their_commits_are_two_answers() -> None:
    server = Server([pull(number) for number in range(1, 101)])
    changes, _ = fetch(server)
    assert endpoints(server) == ["graphql-pulls acme/shop"] * 2 + ["graphql-deployments acme/shop"]
    assert len({change.external_id for change in changes}) == 100
    first = [change for change in changes if change.external_id == "7"]
    whole, commits = first
    assert (whole.state, whole.merge_sha, whole.labels) == ("merged", make_sha(7), ("ai",))
    assert (whole.files_changed, whole.additions) == (2, 3)
    assert [each.message for each in commits.commits or ()] == ["Step 7000"]
    assert commits.first_commit_at == dt.datetime(2026, 2, 5, 10, tzinfo=dt.UTC)


def test_it_is_read_back_to_the_day_and_no_further() -> None:
    pulls = [pull(number) for number in range(1, 50)] + [
        pull(number, "2026-02-20T10:00:00Z") for number in range(50, 200)
    ]
    server = Server(pulls)
    fetch(server)
    assert endpoints(server).count("graphql-pulls acme/shop") == 1


def test_commits_beyond_a_hundred_are_asked_for_and_join_in_their_order() -> None:
    server = Server([pull(1, commits=230)])
    changes, _ = fetch(server)
    assert endpoints(server)[1:3] == ["graphql-commits acme/shop 1 100", "graphql-commits acme/shop 1 200"]  # fmt: skip  # noqa: E501
    pages = [(each.commits_from, len(each.commits or ())) for each in changes if each.commits]
    assert pages == [(0, 100), (100, 100), (200, 30)]
    assert not any(each.commits_truncated for each in changes)
    server = Server([pull(1, commits=400)])
    changes, _ = fetch(server)
    assert sum(len(each.commits or ()) for each in changes) == 300
    assert any(each.commits_truncated for each in changes)


def test_an_unmerged_request_has_no_merge_commit_and_a_robot_its_whole_name() -> None:
    open_one = pull(3, state="OPEN", mergedAt=None, closedAt=None,
                    author={"__typename": "Bot", "login": "dependabot"})  # fmt: skip
    closed = pull(4, state="CLOSED", mergedAt=None, author=None, mergeCommit=None)
    changes, _ = fetch(Server([open_one, closed]))
    found = {each.external_id: each for each in changes if each.state}
    assert (found["3"].state, found["3"].merge_sha) == ("open", None)
    assert found["3"].author is not None
    assert found["3"].author.value == "dependabot[bot]"
    assert (found["4"].state, found["4"].author) == ("closed", None)


def test_deployments_come_with_all_their_statuses_and_say_nothing_about_production() -> None:
    at = "2026-03-05T10:00:00Z"
    deployment = {
        "databaseId": 7, "task": "deploy", "environment": "blue", "commitOid": make_sha(1),
        "createdAt": at, "updatedAt": at, "ref": None,
        "statuses": {"nodes": [
            {"state": "IN_PROGRESS", "createdAt": "2026-03-05T10:01:00Z", "logUrl": None},
            {"state": "SUCCESS", "createdAt": "2026-03-05T10:05:00Z", "logUrl": "https://ci/1"},
            {"state": "INACTIVE", "createdAt": "2026-03-06T10:05:00Z", "logUrl": None},
        ]},
    }  # fmt: skip
    other = deployment | {"databaseId": 8, "task": "deploy:migrations"}
    _, found = fetch(Server(deployments=[deployment, other]))
    assert {each.external_id for each in found} == {"deployment:7"}
    assert [each.status for each in found] == ["queued", "running", "succeeded", "superseded"]
    assert found[0].environment == "blue"
    assert [each.is_production for each in found] == [None] * 4
    # A hook's statement of the same moment about the environment is the later one.
    assert found[0].observed_at < dt.datetime(2026, 3, 5, 10, tzinfo=dt.UTC)
    assert found[2].finished_at == dt.datetime(2026, 3, 5, 10, 5, tzinfo=dt.UTC)


def test_a_query_that_takes_too_long_is_asked_for_in_smaller_parts() -> None:
    server = Server([pull(number) for number in range(1, 41)])
    server.largest = 12
    changes, _ = fetch(server)
    sizes = [variables["first"] for end, variables in server.asked if "pulls" in end]
    assert sizes == [50, 25, 12, 12, 12, 12]
    assert len([each for each in changes if each.state]) == 40  # none twice, none left out
    server.largest = 0
    with pytest.raises(SourceUnavailableError, match="gave up"):
        fetch(server)


def test_the_poll_stops_before_the_points_are_spent() -> None:
    server = Server([pull(number) for number in range(1, 300)])
    server.remaining, server.cost = 60, 20
    with pytest.raises(SourceBusyError, match="points are left until") as stopped:
        fetch(server)
    assert stopped.value.retry_after == graphql.COME_BACK_AFTER
    assert server.remaining >= 0


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ({"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]},
         SourceBusyError, "spent"),
        ({"data": {"repository": None}, "errors": [{"type": "NOT_FOUND", "message": "No"}]},
         ImportRefusedError, "does not show acme/shop"),
        ({"errors": [{"type": "FORBIDDEN", "message": "Resource not accessible"}]},
         ImportRefusedError, "not accessible"),
        ({"errors": [{"message": "Field 'x' doesn't exist"}]}, SourceUnavailableError, "Field"),
        ({"data": {"repository": None}}, ImportRefusedError, "no repository"),
        ({"data": {"repository": {}}}, SourceUnavailableError, "has no pullRequests"),
        ([], SourceUnavailableError, "object"),
    ],
)  # fmt: skip
def test_an_error_comes_with_status_200_and_is_told_apart(
    answer: Any, error: type[Exception], words: str
) -> None:
    server = Server()
    server.instead = answer
    with pytest.raises(error, match=words):
        fetch(server)


def test_a_cursor_that_stands_still_is_no_endless_poll() -> None:
    class Circle(Server):
        @staticmethod
        def _page(items: Sequence[Any], first: int, cursor: str | None) -> dict[str, Any]:
            return {"pageInfo": {"hasNextPage": True, "endCursor": "same"}, "nodes": []}

    with pytest.raises(SourceUnavailableError, match="circle"):
        fetch(Circle())


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("https://api.github.com", "/graphql"),
        ("https://git.acme.example/api/v3", "/api/graphql"),
    ],
)
def test_where_graphql_is(base: str, path: str) -> None:
    assert GitHubConfig(base_url=base).graphql_path == path
