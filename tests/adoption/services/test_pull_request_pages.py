"""Lists of more than a hundred: their pages join, whatever order their dates have."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from adoption.deploys.payload import Node
from adoption.models import Deployment, PullRequest
from adoption.services.deploy_store import DeployStore
from adoption.sources.github.normaliser import said_commits
from adoption.sources.records import ChangeRecord, DeploymentRecord, Person, SaidCommit
from tests.adoption.histories import make_sha
from tests.adoption.sending import make_connection

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
PLACE = ("github.com/acme/shop", "https://github.com/acme/shop")


def page(start: int, count: int, hour: int) -> ChangeRecord:
    """`count` commits from `start` on, of some hour before now."""
    at = NOW - dt.timedelta(hours=hour)
    said = [
        SaidCommit(make_sha(number), f"Step {number}", at, Person("Mira", "mira@acme.example"))
        for number in range(start, start + count)
    ]
    return said_commits(said, "7", PLACE, start=start, is_cut=False, node=Node({}))


def stored(*pages: ChangeRecord) -> PullRequest:
    store = DeployStore(make_connection("github"), at=NOW)
    for each in pages:
        store.store(each)
    return PullRequest.objects.get()


@pytest.mark.parametrize("hours", [(5, 4, 3), (3, 9, 7)])
def test_pages_join_in_the_order_of_the_list(hours: tuple[int, int, int]) -> None:
    row = stored(page(0, 100, hours[0]), page(100, 100, hours[1]), page(200, 30, hours[2]))
    assert [each["sha"] for each in row.commits] == [make_sha(number) for number in range(230)]
    assert row.first_commit_at == NOW - dt.timedelta(hours=max(hours))


def test_the_same_pages_again_change_nothing() -> None:
    pages = (page(0, 100, 5), page(100, 20, 9))
    row = stored(*pages)
    before = (row.commits, row.stamps, row.first_commit_at)
    store = DeployStore(make_connection("github", "again"), at=NOW)
    assert [store.store(each).outcome for each in pages][1] == "unchanged"
    row.refresh_from_db()
    assert (row.commits, row.stamps, row.first_commit_at) == before


def test_a_page_without_the_one_before_it_is_not_taken_for_the_whole() -> None:
    assert stored(page(100, 20, 5)).commits == []


def test_a_list_of_what_was_shipped_joins_its_pages() -> None:
    store = DeployStore(make_connection("gitlab"), at=NOW)
    known = DeploymentRecord(
        external_id="deployment:9", repository=PLACE[0], observed_at=NOW, status="succeeded",
        raw_status="success", status_at=NOW, environment="production", included=("1", "2"),
    )  # fmt: skip
    older = NOW - dt.timedelta(days=1)
    more = replace(known, observed_at=older, included=("3",), included_goes_on=True)
    for each in (known, more, known, more):
        store.store(each)
    assert Deployment.objects.get().included == ["1", "2", "3"]
    store.store(replace(known, observed_at=NOW + dt.timedelta(hours=1), included=("1",)))
    assert Deployment.objects.get().included == ["1"]  # the list itself, said anew
