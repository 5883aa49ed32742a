"""Milestones through the API: promised by people, measured by nobody's hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine

from adoption.models import Milestone
from adoption.services.milestones import measure_milestones
from portal.models import User
from tests.adoption.api.conftest import World, client_of
from tests.adoption.factories import NOW, make_milestone, registered_metric

PROMISE = {
    "title": "25 held deliveries",
    "due_on": "2026-12-31",
    "metric_key": "things",
    "comparator": "gte",
    "threshold": "25",
}


def patch(world: World, user: User, data: dict[str, Any], tag: str | None = None) -> Any:
    client = client_of(user)
    tag = tag or client.get(world.milestone_path)["ETag"]
    return client.patch(world.milestone_path, data, format="json", headers={"if-match": tag})


def test_a_milestone_that_was_not_measured_says_so(world: World) -> None:
    found = client_of(world.employee).get(world.milestone_path).json()
    assert found["threshold"] == "2"
    assert found["measured"] == {
        "value": None,
        "reason": "not_measured",
        "unit": "count",
        "currency": None,
        "basis": None,
        "status": None,
        "as_of": None,
        "lineage_url": None,
    }


def test_a_measured_value_carries_what_a_reader_needs(world: World) -> None:
    world.metric.set(world.use_case, 1, 2, 3)
    client = client_of(world.employee)
    tag = client.get(world.milestones_path)["ETag"]
    measure_milestones(use_case_ids=[world.use_case.pk], at=NOW)
    with time_machine.travel(NOW, tick=False):
        response = client.get(world.milestones_path, headers={"if-none-match": tag})
    assert response.status_code == 200
    (found,) = response.json()["results"]
    assert found["state"] == "reached"
    assert found["reached_at"] == "2026-10-02T12:00:00Z"
    measured = found["measured"]
    assert measured["value"] == "3"
    assert measured["reason"] is None
    assert measured["status"] == "provisional"
    assert measured["as_of"] == "2026-11-20T12:00:00Z"
    assert world.use_case.slug in measured["lineage_url"]


def test_a_value_that_grows_old_changes_the_tag(world: World) -> None:
    world.metric.set(world.use_case, 1)
    measure_milestones(use_case_ids=[world.use_case.pk], at=NOW)
    client = client_of(world.employee)
    with time_machine.travel(NOW, tick=False):
        tag = client.get(world.milestones_path)["ETag"]
    with time_machine.travel(NOW + dt.timedelta(days=8), tick=False):
        client = client_of(world.employee)
        response = client.get(world.milestones_path, headers={"if-none-match": tag})
    assert response.status_code == 200
    assert response.json()["results"][0]["measured"]["status"] == "stale"


def test_owner_promises_and_finds_it_again(world: World) -> None:
    client = client_of(world.owner)
    response = client.post(world.milestones_path, PROMISE, format="json")
    assert response.status_code == 201
    made = response.json()
    assert {name: made[name] for name in PROMISE} == PROMISE
    assert made["state"] == "open"
    assert made["currency"] is None
    read = client.get(response["Location"])
    assert read.json() == made
    assert read["ETag"] == response["ETag"]


def test_money_is_promised_exactly_and_in_the_currency_of_the_programme(world: World) -> None:
    client = client_of(world.owner)
    with registered_metric("cost", unit="money"):
        data = PROMISE | {"metric_key": "cost", "comparator": "lt", "threshold": "39.123456789"}
        made = client.post(world.milestones_path, data, format="json").json()
        assert (made["threshold"], made["currency"]) == ("39.123456789", "USD")
        assert made["measured"]["unit"] == "money"
        refused = client.post(world.milestones_path, data | {"currency": "EUR"}, format="json")
    assert refused.status_code == 400
    assert "USD" in refused.json()["errors"]["threshold"][0]["detail"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("metric_key", "tokens"),
        ("threshold", "0"),
        ("threshold", "2.5"),
        ("threshold", "1e400"),
        ("threshold", "NaN"),
        ("threshold", "9999999999"),
        ("threshold", "0.0000000001"),
        ("comparator", "eq"),
        ("due_on", "2027-01-01"),
        ("due_on", "tomorrow"),
        ("title", ""),
        ("title", "a\0b"),
    ],
)
def test_a_promise_that_cannot_hold_is_refused_by_field(
    world: World, field: str, value: str
) -> None:
    response = client_of(world.owner).post(
        world.milestones_path, PROMISE | {field: value}, format="json"
    )
    assert response.status_code == 400
    assert field in response.json()["errors"]


@pytest.mark.parametrize(
    "field", ["state", "measured", "measured_nano", "reached_at", "version", "use_case"]
)
def test_what_the_measure_says_cannot_be_written(world: World, field: str) -> None:
    created = client_of(world.owner).post(
        world.milestones_path, PROMISE | {field: "reached"}, format="json"
    )
    for response in (created, patch(world, world.owner, {field: "reached"})):
        assert response.status_code == 400
        assert response.json()["errors"][field][0]["code"] == "not_writable"
    assert set(Milestone.objects.values_list("state", flat=True)) == {"open"}


def test_an_edit_keeps_what_it_does_not_name(world: World) -> None:
    before = client_of(world.owner).get(world.milestone_path).json()
    response = patch(world, world.owner, {"threshold": "3"})
    assert response.status_code == 200
    after = response.json()
    assert {name for name in after if after[name] != before[name]} == {"threshold", "version"}


def test_an_edit_of_an_older_version_is_refused(world: World) -> None:
    tag = client_of(world.owner).get(world.milestone_path)["ETag"]
    assert patch(world, world.lead, {"title": "Mine"}).status_code == 200
    assert patch(world, world.owner, {"title": "No, mine"}, tag).status_code == 412
    world.milestone.refresh_from_db()
    assert world.milestone.title == "Mine"


def test_measuring_makes_no_edit_stale(world: World) -> None:
    tag = client_of(world.owner).get(world.milestone_path)["ETag"]
    world.metric.set(world.use_case, 1)
    measure_milestones(use_case_ids=[world.use_case.pk], at=NOW)
    assert client_of(world.owner).get(world.milestone_path)["ETag"] != tag
    assert patch(world, world.owner, {"title": "Better words"}, tag).status_code == 200


def test_a_reached_promise_is_history(world: World) -> None:
    world.metric.set(world.use_case, 1, 2)
    measure_milestones(use_case_ids=[world.use_case.pk], at=NOW)
    response = patch(world, world.owner, {"threshold": "5"})
    assert response.status_code == 409
    assert response.json()["type"].endswith(":conflict")


def test_a_repeated_promise_is_made_once(world: World) -> None:
    client = client_of(world.owner)
    for _ in range(2):
        response = client.post(
            world.milestones_path, PROMISE, format="json", headers={"idempotency-key": "m1"}
        )
        assert response.status_code == 201
    assert Milestone.objects.count() == 2


def test_the_list_is_in_order_of_days_and_costs_the_same_queries(
    world: World, django_assert_num_queries: Any
) -> None:
    for day in (3, 1, 2):
        make_milestone(world.use_case, due_on=dt.date(2026, 12, day))
    client = client_of(world.employee)
    with django_assert_num_queries(4):  # session, user, use case, page
        found = client.get(world.milestones_path).json()["results"]
    assert [row["due_on"][-2:] for row in found] == ["01", "02", "03", "31"]
