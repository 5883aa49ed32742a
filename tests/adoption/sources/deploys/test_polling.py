"""Polling asks for all since a day and nothing more, and reads what hooks would have said."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from adoption.deploys.payload import BadPayloadError, Node
from adoption.sources.github import client as github
from adoption.sources.github.config import GitHubConfig
from adoption.sources.gitlab import client as gitlab
from adoption.sources.gitlab.config import GitLabConfig
from adoption.sources.gitlab.normaliser import merge_request
from portal.imports.contracts import FetchJob, SourceUnavailableError
from tests.adoption.histories import make_sha

START = dt.date(2026, 3, 1)


class Provider:
    """Answers by path, in pages; keeps what it was asked and what it said."""

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.spool: list[tuple[str, Any]] = []

    def __call__(
        self,
        endpoint: str,
        path: str,
        params: Sequence[tuple[str, str]] = (),
        *,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        page = int(dict(params).get("page", "1"))
        self.asked.append(f"{path} {page}")
        found = self.answers[path]
        if isinstance(found, list):
            found = found[(page - 1) * 100 : page * 100]
        self.spool.append((endpoint, found))
        return found


def pull(number: int, day: int, *, merged: bool = True) -> dict[str, Any]:
    at = f"2026-{2 if day > 20 else 3:02}-{day:02}T10:00:00Z"
    return {
        "number": number, "state": "closed", "title": f"Change {number}", "updated_at": at,
        "created_at": at, "merged_at": at if merged else None, "merge_commit_sha": make_sha(number),
        "user": {"login": "mira"}, "head": {"sha": make_sha(900 + number), "ref": "b"},
        "base": {"ref": "main"},
    }  # fmt: skip


COMMIT = {"sha": make_sha(55), "commit": {"message": "One", "author": {
    "name": "Mira", "email": "mira@acme.example", "date": "2026-02-28T10:00:00Z"}}}  # fmt: skip


def test_github_is_read_back_to_the_day_and_no_further() -> None:
    pulls = [pull(number, 5) for number in range(1, 100)] + [pull(100, 25), pull(101, 24)]
    answers: dict[str, Any] = {
        "/repos/acme/shop/pulls": pulls,
        "/repos/acme/shop/deployments": [
            {"id": 7, "sha": make_sha(1), "task": "deploy", "environment": "production",
             "created_at": "2026-03-05T10:00:00Z", "updated_at": "2026-03-05T10:05:00Z"},
            {"id": 8, "sha": make_sha(1), "task": "deploy:db", "environment": "production",
             "created_at": "2026-03-05T10:00:00Z", "updated_at": "2026-03-05T10:05:00Z"},
        ],
        "/repos/acme/shop/deployments/7/statuses": [
            {"state": "success", "created_at": "2026-03-05T10:05:00Z"}],
        **{f"/repos/acme/shop/pulls/{number}/commits": [COMMIT] for number in range(1, 100)},
    }  # fmt: skip
    provider = Provider(answers)
    config = GitHubConfig(poll_repositories="acme/shop")
    github.fetch(FetchJob(config.model_dump(), START, dt.date(2026, 3, 9), provider))
    assert provider.asked.count("/repos/acme/shop/pulls 1") == 1
    assert "/repos/acme/shop/pulls 2" not in provider.asked  # the page ends before the day
    assert sum("commits" in each for each in provider.asked) == 99
    readings = [r for end, body in provider.spool for r in github.read_page(end, body, config)]
    changes = [change for reading in readings for change in reading.changes]
    assert Counter(change.external_id for change in changes)["1"] == 2  # itself, and its commits
    named = next(change for change in changes if change.commits)
    assert (named.repository, named.first_commit_at) == (
        "github.com/acme/shop", dt.datetime(2026, 2, 28, 10, tzinfo=dt.UTC),
    )  # fmt: skip
    deployments = [each for reading in readings for each in reading.deployments]
    assert [each.external_id for each in deployments] == ["deployment:7"] * 2
    assert [each.status for each in deployments] == ["queued", "succeeded"]


def test_gitlab_lists_what_a_deployment_shipped() -> None:
    path = "/api/v4/projects/acme%2Fshop"
    request = {"iid": 3, "state": "merged", "title": "T", "updated_at": "2026-03-05T10:00:00Z",
               "merged_at": "2026-03-05T10:00:00Z", "merge_commit_sha": make_sha(3)}  # fmt: skip
    deployment = {"id": 9, "status": "success", "sha": make_sha(3), "ref": "main",
                  "created_at": "2026-03-05T11:00:00Z", "updated_at": "2026-03-05T11:05:00Z",
                  "environment": {"name": "production"}, "deployable": None}  # fmt: skip
    provider = Provider({
        f"{path}/merge_requests": [request],
        f"{path}/merge_requests/3/commits": [],
        f"{path}/deployments": [deployment],
        f"{path}/deployments/9/merge_requests": [request],
    })  # fmt: skip
    config = GitLabConfig(poll_projects="acme/shop")
    gitlab.fetch(FetchJob(config.model_dump(), START, dt.date(2026, 3, 9), provider))
    readings = [r for end, body in provider.spool for r in gitlab.read_page(end, body, config)]
    whole, listed = [each for reading in readings for each in reading.deployments]
    assert (whole.status, whole.finished_at) == (
        "succeeded", dt.datetime(2026, 3, 5, 11, 5, tzinfo=dt.UTC),
    )  # fmt: skip
    assert (listed.external_id, listed.included) == (whole.external_id, ("3",))


def test_a_deployment_that_shipped_more_than_a_page_lists_them_all() -> None:
    path = "/api/v4/projects/acme%2Fshop"
    requests = [
        {"iid": number, "state": "merged", "title": "T", "updated_at": "2026-03-05T10:00:00Z",
         "merged_at": "2026-03-05T10:00:00Z", "merge_commit_sha": make_sha(number)}
        for number in range(1, 151)
    ]  # fmt: skip
    deployment = {"id": 9, "status": "success", "sha": make_sha(3), "ref": "main",
                  "created_at": "2026-03-05T11:00:00Z", "updated_at": "2026-03-05T11:05:00Z",
                  "environment": {"name": "production"}, "deployable": None}  # fmt: skip
    provider = Provider({
        f"{path}/merge_requests": [],
        f"{path}/deployments": [deployment],
        f"{path}/deployments/9/merge_requests": requests,
    })  # fmt: skip
    config = GitLabConfig(poll_projects="acme/shop")
    gitlab.fetch(FetchJob(config.model_dump(), START, dt.date(2026, 3, 9), provider))
    readings = [r for end, body in provider.spool for r in gitlab.read_page(end, body, config)]
    listed = [each for r in readings for each in r.deployments if each.included]
    assert [(len(each.included or ()), each.included_goes_on) for each in listed] == [
        (100, False), (50, True),
    ]  # fmt: skip


def test_what_is_not_whole_is_not_taken() -> None:
    endless = [pull(1, 5, merged=False)] * 100 * (github.MOST_PAGES + 1)
    config = GitHubConfig(poll_repositories="acme/shop").model_dump()
    job = FetchJob(config, START, START, Provider({"/repos/acme/shop/pulls": endless}))
    with pytest.raises(SourceUnavailableError, match="more than"):
        github.fetch(job)
    with pytest.raises(SourceUnavailableError, match="list"):
        github.fetch(FetchJob(config, START, START, Provider({"/repos/acme/shop/pulls": {}})))
    with pytest.raises(BadPayloadError, match="list of objects"):
        list(gitlab.read_page("deployments acme/shop", {"message": "no"}, GitLabConfig()))


def test_recorded_rows_of_gitlab(shared_data: Path) -> None:
    def rows(name: str) -> list[Any]:
        path = shared_data / "payloads" / "devlake_raw" / f"{name}.csv"
        with path.open(newline="", encoding="utf-8-sig") as file:
            return [json.loads(row["data"]) for row in csv.DictReader(file)]

    place = ("gitlab.com/acme/shop", "https://gitlab.com/acme/shop")
    found = [gitlab.rest_deployment(Node(row), place) for row in rows("gitlab_deployments")]
    assert Counter(each.status for each in found) == {"queued": 2, "succeeded": 1, "failed": 1}
    nodes = [Node(row) for row in rows("gitlab_merge_requests")]
    requests = [merge_request(node, place, None, node.need_moment("updated_at")) for node in nodes]
    assert Counter(each.state for each in requests) == {"merged": 4, "closed": 2, "open": 3}
    assert sum(each.merge_sha is not None for each in requests) == 4
    assert sum(each.merged_at is not None for each in requests) == 4
