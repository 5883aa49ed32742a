"""Dashboards and snapshots by API: approved only, exact bytes, tags, what goes along."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from rest_framework.test import APIClient

from adoption.choices import StandingStatus
from adoption.metrics import verify_snapshot as offline
from adoption.models import Dashboard, DashboardAccess, MetricStanding, MetricValue, UseCase
from adoption.services.dashboard_approvals import VALID_FOR
from adoption.services.snapshot_heads import trusted_keys
from adoption.services.snapshots import publish_snapshot
from portal.models import User
from tests.adoption.api.conftest import client_of
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.adoption.served import catalogue, goal, make_dashboard, make_value, restate, submit
from tests.approving import approve

LATER = NOW + dt.timedelta(hours=1)


@pytest.fixture
def client(db: None) -> APIClient:
    return client_of(make_user())


@pytest.fixture
def board(db: None, tmp_path: Path, settings: Any) -> Iterator[Dashboard]:
    settings.AUDIT_HEADS_DIR = tmp_path
    use_case = make_use_case(title="Drafts")
    with catalogue(use_case) as versions, time_machine.travel(LATER, tick=False):
        dashboard = make_dashboard(use_case, versions)
        approve(submit(dashboard))
        yield dashboard


def path(board: Dashboard) -> str:
    return f"/api/v1/dashboards/{board.slug}/"


def test_an_approved_dashboard_says_everything(client: APIClient, board: Dashboard) -> None:
    found = client.get(path(board)).json()
    assert (found["status"], found["version"], found["worst_standing"]) == (
        "approved", 1, "certified",
    )  # fmt: skip
    number, trend, spread = found["tiles"]
    assert [len(tile["values"]) for tile in (number, trend, spread)] == [1, 3, 3]
    value = trend["values"][0]
    assert value["window"] == {"from": "2026-08-31", "to": "2026-09-28", "zone": "UTC"}
    assert (value["value"], value["n"], value["contributors_at_least"]) == ("0.291666666", 24, 10)
    assert value["interval"]["high"] is None
    snapshot = json.loads(publish_snapshot(at=NOW).snapshot.document)
    hashes = {entry["facts_sha256"] for entry in snapshot["values"]}
    assert value["facts_sha256"] in hashes


def test_what_is_not_approved_is_409_with_its_status(client: APIClient, board: Dashboard) -> None:
    draft = make_dashboard(goal(board).use_case, [], title="Draft")
    answer = client.get(path(draft))
    assert (answer.status_code, "status: draft" in answer.json()["detail"]) == (409, True)
    with time_machine.travel(NOW + VALID_FOR, tick=False):
        answer = client_of(make_user()).get(path(board))
    assert (answer.status_code, "status: review_due" in answer.json()["detail"]) == (409, True)
    assert client.get("/api/v1/dashboards/none/").status_code == 404


def test_a_tile_that_is_no_longer_approved_gives_no_figure(
    client: APIClient, board: Dashboard
) -> None:
    MetricStanding.objects.filter(metric_version__key="held_rate").update(
        status=StandingStatus.REVIEW_DUE
    )
    found = client.get(path(board)).json()
    assert (found["worst_standing"], found["tiles"][0]["values"]) == ("review_due", [])
    assert "due for review" in found["tiles"][0]["reason"]
    assert len(found["tiles"][1]["values"]) == 3


def test_a_tag_holds_until_something_changes(client: APIClient, board: Dashboard) -> None:
    tag = client.get(path(board))["ETag"]

    def again() -> int:
        return int(client.get(path(board), headers={"if-none-match": tag}).status_code)

    assert again() == 304
    value = MetricValue.objects.filter(metric_version__key="review_hours").earliest("pk")
    restate(value, {"part": 1, "whole": 24, "contributors": 19})
    assert again() == 200
    tag = client.get(path(board))["ETag"]
    MetricStanding.objects.filter(metric_version__key="team_score").update(version=2)
    assert again() == 200
    tag = client.get(path(board))["ETag"]
    with time_machine.travel(LATER + dt.timedelta(days=1), tick=False):
        assert again() == 200
    assert DashboardAccess.objects.get(day=LATER.date()).count == 5


def test_a_tag_ends_with_the_names_that_the_answer_has(client: APIClient, board: Dashboard) -> None:
    for change in (
        lambda: User.objects.filter(pk=board.owner_id).update(full_name="Olga Other"),
        lambda: UseCase.objects.update(title="Drafts of answers"),
    ):
        first = client.get(path(board))
        kept = client.get(path(board), headers={"if-none-match": first["ETag"]})
        assert kept.status_code == 304
        change()
        other = client.get(path(board), headers={"if-none-match": first["ETag"]})
        assert other.status_code == 200
        assert other.json() != first.json()


def test_a_small_group_is_told_as_that(client: APIClient, board: Dashboard) -> None:
    value = MetricValue.objects.filter(metric_version__key="held_rate").latest("pk")
    make_value(
        value.metric_version, value.scope_id, {"part": 1, "whole": 3, "contributors": 9}, week=9
    )
    newest = client.get(path(board)).json()["tiles"][0]["values"][0]
    assert (newest["value"], newest["reason"], newest["n"]) == (None, "small_group", None)
    assert (newest["facts_sha256"], newest["coverage"]) == (None, None)


def test_a_snapshot_is_given_byte_for_byte_and_for_ever(
    client: APIClient, board: Dashboard
) -> None:
    publish_snapshot(at=NOW)
    restate(MetricValue.objects.earliest("pk"), {"part": 0, "whole": 24, "contributors": 19})
    publish_snapshot(at=LATER)
    listed = client.get("/api/v1/snapshots/").json()["results"]
    assert [row["number"] for row in listed] == [2, 1]
    files = [client.get(row["url"]) for row in listed[::-1]]
    named = [(str(place), answer.content) for place, answer in enumerate(files)]
    assert len(offline.verify(named, trusted_keys(), None, whole=False)) == 2
    assert "immutable" in files[0]["Cache-Control"]
    assert files[0]["ETag"] == f'"{listed[1]["sha256"]}"'
    kept = client.get(listed[1]["url"], headers={"if-none-match": files[0]["ETag"]})
    assert (kept.status_code, kept.content) == (304, b"")
    assert client.get("/api/v1/snapshots/3/").status_code == 404
