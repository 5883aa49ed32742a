"""Attested milestones through the API: the same two persons, evidence and policies as the pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from adoption.models import Milestone, MilestoneAttestation
from portal.choices import Role
from portal.models import ApprovalRequest, User
from tests.adoption.api.conftest import World, client_of
from tests.adoption.factories import NOW, make_user
from tests.api_tokens import bearer, make_token

PROMISE = {"title": "Every agent is trained", "outcome": "training", "due_on": "2026-12-15"}
SAID = {
    "statement": "All 40 agents of the desk have been trained; the list is in the wiki.",
    "link": "https://wiki.example/training",
    "happened_on": "2026-11-10",
}


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def promised(world: World) -> Milestone:
    answer = client_of(world.owner).post(
        f"{world.milestones_path}attested/", PROMISE, format="json"
    )
    assert answer.status_code == 201, answer.content
    return Milestone.objects.get(pk=answer.json()["id"])


def attest(
    world: World, milestone: Milestone, user: User, said: dict[str, Any] = SAID, **headers: str
) -> Any:
    client = client_of(user)
    path = f"{world.milestones_path}{milestone.pk}/"
    given = {"if-match": client.get(path)["ETag"], **headers}
    return client.post(f"{path}attestation/", said, format="json", headers=given)


@pytest.mark.both_engines
def test_one_attests_another_confirms_and_only_then_it_is_reached(
    world: World, promised: Milestone
) -> None:
    made = attest(world, promised, world.owner)
    assert made.status_code == 201, made.content
    found = made.json()
    assert (found["status"], found["statement"]) == ("pending", SAID["statement"])
    assert made["Location"] == found["url"]
    promised.refresh_from_db()
    assert promised.state == "open"
    own = client_of(world.owner)
    tag = own.get(found["url"])["ETag"]
    refused = own.post(f"{found['url']}approve/", {}, format="json", headers={"if-match": tag})
    assert refused.status_code == 403
    second = client_of(make_user(Role.APPROVER))
    tag = second.get(found["url"])["ETag"]
    done = second.post(f"{found['url']}approve/", {}, format="json", headers={"if-match": tag})
    assert done.status_code == 200, done.content
    promised.refresh_from_db()
    assert (promised.state, promised.reached_at) == (
        "reached", dt.datetime(2026, 11, 10, tzinfo=dt.UTC),
    )  # fmt: skip
    assert MilestoneAttestation.objects.get().attested_by == world.owner


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"link": "https://github.com/acme/desk/pull/7"}, "link"),
        ({"statement": "Done."}, "statement"),
        ({"happened_on": "2026-11-21"}, "happened_on"),
    ],
)
def test_what_the_page_refuses_is_refused_with_the_field(
    world: World, promised: Milestone, said: dict[str, str], field: str
) -> None:
    answer = attest(world, promised, world.owner, SAID | said)
    assert answer.status_code in (400, 409, 422), answer.content
    assert field in answer.content.decode()
    assert not ApprovalRequest.objects.exists()


def test_a_promise_of_usage_is_refused(world: World) -> None:
    answer = client_of(world.owner).post(
        f"{world.milestones_path}attested/",
        PROMISE | {"title": "80 % of developers use it daily"},
        format="json",
    )
    assert answer.status_code in (400, 409, 422)
    assert "title" in answer.content.decode()
    assert Milestone.objects.count() == 1


@pytest.mark.both_engines
def test_it_is_about_exactly_the_version_that_was_read(world: World, promised: Milestone) -> None:
    path = f"{world.milestones_path}{promised.pk}/attestation/"
    client = client_of(world.owner)
    assert client.post(path, SAID, format="json").status_code == 428
    stale = client.post(path, SAID, format="json", headers={"if-match": '"v7"'})
    assert stale.status_code == 412
    assert not ApprovalRequest.objects.exists()


@pytest.mark.both_engines
def test_a_repeated_attestation_is_one_request(world: World, promised: Milestone) -> None:
    key = {"idempotency-key": "a1"}
    first, second = (attest(world, promised, world.owner, SAID, **key) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] == second.json()["id"]
    assert ApprovalRequest.objects.count() == 1


def test_who_may_not_edit_the_use_case_neither_promises_nor_attests(
    world: World, promised: Milestone
) -> None:
    assert attest(world, promised, world.employee).status_code == 403
    client = client_of(world.employee)
    assert (
        client.post(f"{world.milestones_path}attested/", PROMISE, format="json").status_code == 403
    )


def test_what_is_measured_is_not_attested(world: World) -> None:
    assert attest(world, world.milestone, world.owner).status_code == 404


def test_a_token_attests_and_never_confirms(world: World, promised: Milestone) -> None:
    client = bearer(make_token(world.owner, "registry:read", "registry:write")[1])
    path = f"{world.milestones_path}{promised.pk}/"
    tag = client.get(path)["ETag"]
    made = client.post(f"{path}attestation/", SAID, format="json", headers={"if-match": tag})
    assert made.status_code == 201, made.content
    lead = bearer(make_token(make_user(Role.APPROVER), "approvals:read", "registry:write")[1])
    url = made.json()["url"]
    tag = lead.get(url)["ETag"]
    refused = lead.post(f"{url}approve/", {}, format="json", headers={"if-match": tag})
    assert refused.status_code == 403


def edit(
    world: World, milestone: Milestone, user: User, data: dict[str, Any], tag: str = ""
) -> Any:
    client = client_of(user)
    path = f"{world.milestones_path}{milestone.pk}/"
    given = {"if-match": tag or client.get(path)["ETag"]}
    return client.patch(f"{path}attested/", data, format="json", headers=given)


def test_an_edit_keeps_what_it_does_not_name_and_voids_what_was_attested(
    world: World, promised: Milestone
) -> None:
    url = attest(world, promised, world.owner).json()["url"]
    before = client_of(world.owner).get(f"{world.milestones_path}{promised.pk}/").json()
    answer = edit(world, promised, world.lead, {"due_on": "2026-12-20"})
    assert answer.status_code == 200, answer.content
    after = answer.json()
    assert {name for name in after if after[name] != before[name]} == {"due_on", "version"}
    assert (after["outcome"], after["state"]) == ("training", "open")
    assert ApprovalRequest.objects.get().status == "voided"
    second = client_of(make_user(Role.APPROVER))
    tag = second.get(url)["ETag"]
    refused = second.post(f"{url}approve/", {}, format="json", headers={"if-match": tag})
    assert refused.status_code == 409
    promised.refresh_from_db()
    assert promised.state == "open"
    assert attest(world, promised, world.owner).status_code == 201


def test_an_edit_is_about_exactly_the_version_that_was_read(
    world: World, promised: Milestone
) -> None:
    path = f"{world.milestones_path}{promised.pk}/"
    client = client_of(world.owner)
    tag = client.get(path)["ETag"]
    assert client.patch(f"{path}attested/", {"title": "T"}, format="json").status_code == 428
    assert edit(world, promised, world.lead, {"title": "All are trained"}).status_code == 200
    assert edit(world, promised, world.owner, {"title": "No, mine"}, tag).status_code == 412
    promised.refresh_from_db()
    assert promised.title == "All are trained"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"outcome": "code"}, "outcome"),
        ({"due_on": "2031-01-01"}, "due_on"),
        ({"title": "80 % of developers use it daily"}, "title"),
        ({"state": "reached"}, "state"),
        ({"metric_key": "things"}, "metric_key"),
    ],
)
def test_an_edit_that_cannot_hold_is_refused_by_field(
    world: World, promised: Milestone, data: dict[str, str], field: str
) -> None:
    answer = edit(world, promised, world.owner, data)
    assert answer.status_code == 400, answer.content
    assert field in answer.json()["errors"]
    promised.refresh_from_db()
    assert (promised.version, promised.title) == (1, PROMISE["title"])


def test_of_a_reached_promise_only_the_title_changes(world: World, promised: Milestone) -> None:
    url = attest(world, promised, world.owner).json()["url"]
    second = client_of(make_user(Role.APPROVER))
    tag = second.get(url)["ETag"]
    second.post(f"{url}approve/", {}, format="json", headers={"if-match": tag})
    assert edit(world, promised, world.owner, {"due_on": "2026-12-20"}).status_code == 409
    answer = edit(world, promised, world.owner, {"title": "All were trained"})
    assert answer.status_code == 200
    assert (answer.json()["title"], answer.json()["state"]) == ("All were trained", "reached")


def test_measured_ones_and_strangers(world: World, promised: Milestone) -> None:
    assert edit(world, world.milestone, world.owner, {"title": "Mine"}).status_code == 404
    assert edit(world, promised, world.employee, {"title": "Mine"}).status_code == 403
