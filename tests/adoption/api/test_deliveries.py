"""Deliveries through the API: logged once, shown without saying who logged them."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any

import pytest
import time_machine

from adoption.models import Change, Delivery, Deployment, Repository, Service
from adoption.services.deliveries import log_delivery
from portal.choices import ImportKind
from portal.models import Connection
from tests.adoption.api.conftest import World, client_of
from tests.adoption.factories import NOW, make_use_case, move_stage

OWN = "/api/v1/deliveries/"
MERGED, DELIVERED = NOW - dt.timedelta(days=40), NOW - dt.timedelta(days=30)


def make_change(sha: str, **fields: Any) -> Change:
    repository, _ = Repository.objects.get_or_create(key="example.org/app", name="app")
    values: dict[str, Any] = {
        "title": f"Change {sha[:7]}",
        "strength": "assisted",
        "merged_at": MERGED,
    }
    return Change.objects.create(
        repository=repository,
        kind="commit",
        external_id=sha,
        sha=sha,
        url=f"https://example.org/app/commit/{sha}",
        content=uuid.uuid4(),
        **(values | fields),
    )


def deliver(change: Change, version: str) -> None:
    connection, _ = Connection.objects.get_or_create(
        slug="app", defaults={"name": "app", "kind": ImportKind.DELIVERIES, "created_at": NOW}
    )
    service, _ = Service.objects.get_or_create(
        key="app", defaults={"name": "app", "repository": change.repository}
    )
    change.delivered_by = Deployment.objects.create(
        connection=connection,
        service=service,
        external_id=version,
        environment="production",
        tier="production",
        status="succeeded",
        version=version,
        sha=change.sha,
        finished_at=DELIVERED,
        content=uuid.uuid4(),
    )
    change.delivered_at = DELIVERED
    change.save()


def log(world: World, **fields: Any) -> Any:
    data = {"use_case": world.use_case.slug, **fields}
    with time_machine.travel(NOW, tick=False):
        return client_of(world.employee).post(OWN, data, format="json")


def test_a_change_is_logged_with_what_is_known_of_it(world: World) -> None:
    change = make_change("a" * 40)
    deliver(change, "v2.0")
    response = log(world, change="a" * 7, assistance="assisted")
    assert response.status_code == 201
    found = response.json()
    assert found["change"] == {
        "sha": "a" * 40,
        "title": "Change aaaaaaa",
        "url": change.url,
        "strength": "assisted",
        "delivered_by": "v2.0",
    }
    assert found["state"] == "held"
    assert found["deployed_at"] == "2026-10-21T12:00:00Z"
    assert found["is_own"] is True
    assert client_of(world.employee).get(OWN).json()["results"] == [found]


def test_a_link_to_a_change_is_that_change(world: World) -> None:
    change = make_change("b" * 40)
    found = log(world, link=change.url).json()
    assert found["change"]["sha"] == change.sha
    assert found["state"] == "merged"


def test_work_that_is_not_code_waits_for_a_reviewer(world: World) -> None:
    found = log(world, link="https://example.org/handbook", title="Handbook").json()
    assert found["change"] is None
    assert found["state"] == "claimed"
    assert found["state_reason"] == "Waits for a reviewer."


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "link"),
        ({"link": "https://example.org/unknown"}, "title"),
        ({"link": "javascript:alert(1)"}, "link"),
        ({"change": "abc"}, "change"),
        ({"change": "f" * 40}, "change"),
        ({"change": "cc" * 4}, "change"),
        ({"use_case": "nowhere", "link": "https://example.org/"}, "use_case"),
        ({"link": "https://example.org/", "title": "x", "assistance": "12 hours"}, "assistance"),
        ({"link": "https://example.org/", "title": "x", "state": "held"}, "state"),
        ({"link": "https://example.org/", "title": "x", "claimed_by": 1}, "claimed_by"),
        ({"link": "https://example.org/", "title": "x", "hours_saved": 3}, "hours_saved"),
    ],
)
def test_what_cannot_be_logged_is_named(world: World, fields: dict[str, Any], named: str) -> None:
    make_change("c" * 40)
    make_change("c" * 39 + "d")
    response = log(world, **fields)
    assert response.status_code == 400
    assert named in response.json()["errors"]
    assert not Delivery.objects.exists()


def test_a_change_is_delivered_once_whoever_logs_it(world: World) -> None:
    make_change("a" * 40)
    assert log(world, change="a" * 40).status_code == 201
    data = {"use_case": world.use_case.slug, "change": "a" * 40}
    response = client_of(world.lead).post(OWN, data, format="json")
    assert response.status_code == 400
    assert "already" in response.json()["errors"]["change"][0]["detail"]
    assert Delivery.objects.count() == 1


def test_a_closed_use_case_takes_no_delivery(world: World) -> None:
    move_stage(world.use_case, "stopped", reason="No effect.", actor=world.lead, at=NOW)
    response = log(world, link="https://example.org/", title="x")
    assert response.status_code == 400
    assert "use_case" in response.json()["errors"]


def test_a_repeated_request_logs_once(world: World) -> None:
    data = {"use_case": world.use_case.slug, "link": "https://example.org/", "title": "x"}
    client = client_of(world.employee)
    answers = [
        client.post(OWN, data, format="json", headers={"idempotency-key": "d1"}) for _ in range(2)
    ]
    assert answers[0].content == answers[1].content
    assert Delivery.objects.count() == 1


def test_nobody_learns_who_logged_a_delivery(world: World) -> None:
    for person in (world.owner, world.employee):
        log_delivery(
            use_case=world.use_case,
            actor=person,
            at=NOW,
            link=f"https://example.org/{person.pk}",
            title="Handbook",
        )
    path = f"{world.path}deliveries/"
    rows = client_of(world.employee).get(path).json()["results"]
    assert [row["is_own"] for row in rows] == [True, False]
    text = json.dumps(client_of(world.lead).get(path).json())
    for person in (world.owner, world.employee):
        assert person.username not in text
        assert person.get_full_name() not in text
    assert "claimed_by" not in text
    own = client_of(world.employee).get(OWN).json()["results"]
    assert [row["link"] for row in own] == [f"https://example.org/{world.employee.pk}"]
    assert client_of(world.lead).get(OWN).json()["results"] == []


@pytest.mark.parametrize("parameter", ["claimed_by", "person", "owner"])
def test_no_filter_singles_out_a_person(world: World, parameter: str) -> None:
    for path in (OWN, f"{world.path}deliveries/"):
        response = client_of(world.lead).get(path, {parameter: "1"})
        assert response.status_code == 400


def test_filters_by_state_and_use_case(world: World) -> None:
    make_change("a" * 40)
    log(world, change="a" * 40)
    log(world, link="https://example.org/", title="x")
    client = client_of(world.employee)
    assert len(client.get(OWN, {"state": "claimed"}).json()["results"]) == 1
    assert len(client.get(OWN, {"use_case": world.use_case.slug}).json()["results"]) == 2
    assert client.get(OWN, {"use_case": make_use_case().slug}).json()["results"] == []
    path = f"{world.path}deliveries/"
    assert len(client.get(path, {"state": "merged"}).json()["results"]) == 1


def test_the_list_is_newest_first_and_pages_without_loss(
    world: World, django_assert_num_queries: Any
) -> None:
    for number in range(7):
        log_delivery(
            use_case=world.use_case,
            actor=world.owner,
            at=NOW - dt.timedelta(hours=number // 2),
            link=f"https://example.org/{number}",
            title=f"{number}",
        )
    client = client_of(world.employee)
    address: str | None = f"{world.path}deliveries/?limit=3"
    seen = []
    while address:
        with django_assert_num_queries(4):  # session, user, use case, page
            answer = client.get(address).json()
        seen += [row["title"] for row in answer["results"]]
        address = answer["next"]
    assert seen == ["1", "0", "3", "2", "5", "4", "6"]


def test_a_state_that_moves_changes_the_tag(world: World) -> None:
    change = make_change("a" * 40)
    log(world, change="a" * 40)
    client = client_of(world.employee)
    tag = client.get(OWN)["ETag"]
    assert client.get(OWN, headers={"if-none-match": tag}).status_code == 304
    deliver(change, "v2")
    assert client.get(OWN, headers={"if-none-match": tag}).status_code == 200


def test_the_time_of_day_of_a_claim_is_not_told(world: World) -> None:
    make_change("b" * 40)
    assert log(world, change="b" * 40).status_code == 201

    address = f"/api/v1/use-cases/{world.use_case.slug}/deliveries/"
    answer = client_of(world.owner).get(address).json()

    assert [row["claimed_on"] for row in answer["results"]] == [NOW.date().isoformat()]
    assert "claimed_at" not in json.dumps(answer)
