"""The inbox, its one-click answers, the API beside it, and everything that is stored about one."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from adoption.models import Change, Delivery, Identity, Suggestion, UseCase, UseCaseMark
from portal.choices import Role
from portal.models import User
from tests.adoption.factories import make_use_case, make_user
from tests.adoption.suggestion_stories import NOW, link, make_request, offer, suggested
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def mira(client: Client) -> User:
    found = make_user(name="Mira Secret-Name")
    client.force_login(found)
    return found


@pytest.fixture
def change(mira: User) -> Change:
    found = make_request(mira, 1, strength="assisted", involvement="ai", title="Dunning mails")
    link(make_use_case(title="Answer drafts"))
    offer()
    return found


def text_of(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def answer(client: Client, row: Suggestion, **sent: Any) -> str:
    response = client.post(reverse("suggestion-answer", args=[row.pk]), sent, follow=True)
    assert response.redirect_chain[0][0].endswith("#inbox")
    return response.content.decode()


def test_the_inbox_says_why_and_one_click_logs_it(
    client: Client, mira: User, change: Change
) -> None:
    for url in (reverse("my-deliveries"), "/"):
        text = text_of(client, url)
        assert "Dunning mails" in text
        assert "linked repository shop" in text
    text = answer(client, suggested(mira, change), act="confirm")
    assert "Logged for “Answer drafts”." in text
    assert Delivery.objects.get().change == change
    answer(client, suggested(mira, change), act="confirm")
    assert Delivery.objects.count() == 1
    assert "Nothing waits for you" in text_of(client, reverse("my-deliveries"))


@pytest.mark.parametrize("act", ["not_ai", "not_this"])
def test_putting_aside_logs_nothing(client: Client, mira: User, change: Change, act: str) -> None:
    answer(client, suggested(mira, change), act=act)
    change.refresh_from_db()
    assert (change.involvement == "human") == (act == "not_ai")
    assert not Delivery.objects.exists()
    assert suggested(mira, change).dismissal == act


def test_another_use_case_and_several_at_once(client: Client, mira: User, change: Change) -> None:
    other = make_use_case(title="Billing")
    answer(client, suggested(mira, change), act="confirm", use_case=other.pk)
    assert Delivery.objects.get().use_case == other
    more = [make_request(mira, n, strength="assisted", involvement="ai") for n in (2, 3)]
    offer()
    pks = [suggested(mira, each).pk for each in more]
    url = reverse("suggestions-confirm")
    response = client.post(url, {"suggestion": [*pks, "x", "9" * 30]}, follow=True)
    assert "2 logged." in response.content.decode()
    assert "Nothing was ticked" in client.post(url, follow=True).content.decode()


def test_somebody_elses_suggestion_is_not_there(client: Client, mira: User, change: Change) -> None:
    theirs = make_request(make_user(), 9, strength="assisted", involvement="ai")
    offer()
    row = Suggestion.objects.get(change=theirs)
    assert client.post(reverse("suggestion-answer", args=[row.pk])).status_code == 404
    for verb, body in (("confirm", {}), ("dismiss", {"why": "not_this"})):
        response = client.post(
            f"/api/v1/suggestions/{row.pk}/{verb}/", json.dumps(body), "application/json"
        )
        assert response.status_code == 404
    assert not Delivery.objects.exists()


# --- API -------------------------------------------------------------------------------------


def test_the_api_lists_confirms_and_dismisses_ones_own(
    client: Client, mira: User, change: Change
) -> None:
    make_request(make_user(), 9, strength="assisted", involvement="ai")
    other = make_request(mira, 2, strength="assisted", involvement="ai")
    offer()
    (found,) = [each for each in client.get("/api/v1/suggestions/?state=offered").json()["results"]
                if each["change"]["title"] == "Dunning mails"]  # fmt: skip
    assert found["reasons"][0] == "linked repository shop"
    assert (found["use_case"], found["delivery"]) == ("answer-drafts", None)
    assert len(client.get("/api/v1/suggestions/").json()["results"]) == 2

    def post(number: int, verb: str, **body: Any) -> Any:
        return client.post(
            f"/api/v1/suggestions/{number}/{verb}/", json.dumps(body), "application/json"
        )

    first = post(found["id"], "confirm")
    again = post(found["id"], "confirm")
    assert (first.status_code, again.json()["id"]) == (200, first.json()["id"])
    row = suggested(mira, other)
    assert post(row.pk, "confirm", use_case="no-such").status_code == 400
    assert post(row.pk, "dismiss").status_code == 400
    dismissed = post(row.pk, "dismiss", why="not_ai").json()
    assert (dismissed["state"], dismissed["change"]["involvement"]) == ("dismissed", "human")
    assert post(row.pk, "confirm").status_code == 409


# --- marks -----------------------------------------------------------------------------------


def test_the_owner_says_by_what_changes_are_recognised(client: Client, change: Change) -> None:
    use_case = UseCase.objects.get()
    client.force_login(use_case.owner)
    url = reverse("use-case-marks", args=[use_case.slug])
    bad = client.post(url, {"tickets": "not a key", "paths": "", "labels": ""})
    assert "is no ticket key" in bad.content.decode()
    sent = {"tickets": "bill\nOPS-1", "paths": "/services/a/\n\n", "labels": "Billing"}
    assert client.post(url, sent).status_code == 302
    rows = UseCaseMark.objects.order_by("kind", "value").values_list("kind", "value")
    assert list(rows) == [
        ("label", "billing"), ("path", "services/a/"), ("ticket", "BILL"), ("ticket", "OPS-1"),
    ]  # fmt: skip
    assert "OPS-1" in text_of(client, url)


# --- what is stored about me -----------------------------------------------------------------


def export(client: Client, section: str) -> list[dict[str, str]]:
    response = client.get(reverse("own-data-export"), {"section": section})
    assert response.status_code == 200
    body = b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(body)))


def test_a_person_sees_and_takes_along_everything_that_is_theirs(
    client: Client, mira: User, change: Change
) -> None:
    answer(client, suggested(mira, change), act="confirm")
    text = text_of(client, reverse("own-data"))
    for words in ("Dunning mails", f"dev{mira.pk}", "Sign in events", "Delivery events"):
        assert words in text
    whole = client.get(reverse("own-data-export")).json()["sections"]
    assert [row["title"] for row in whole["deliveries"]] == ["Dunning mails"]
    assert whole["suggestions"][0]["state"] == "confirmed"
    assert whole["delivery_events"][0]["to_state"] == "deployed"
    assert whole["identities"][0]["value"] == f"dev{mira.pk}"
    assert [row["title"] for row in export(client, "deliveries")] == ["Dunning mails"]
    assert client.get(reverse("own-data-export"), {"section": "nobodys"}).status_code == 400


def test_corrections_hold_and_a_disowned_name_takes_its_suggestions_along(
    client: Client, mira: User, change: Change
) -> None:
    correct = reverse("change-correct", args=[change.pk])
    for says, expected in (("human", "human"), ("ai", "ai"), ("nothing", "unknown")):
        assert client.post(correct, {"says": says}).status_code == 302
        change.refresh_from_db()
        assert change.involvement == expected
    assert client.post(correct, {"says": "x"}).status_code == 400
    identity = Identity.objects.get(user=mira)
    assert client.post(reverse("identity-disown", args=[identity.pk])).status_code == 302
    assert not Identity.objects.filter(user=mira).exists()
    assert suggested(mira, change).state == "withdrawn"
    assert client.post(correct, {"says": "ai"}).status_code == 404


@pytest.mark.parametrize("role", [None, *Role])
def test_no_role_sees_what_is_suggested_to_or_logged_by_another(
    client: Client, mira: User, change: Change, role: Role | None
) -> None:
    offered = make_request(mira, 2, strength="assisted", involvement="ai", title="Mark-4711 mails")
    offer()
    answer(client, suggested(mira, change), act="confirm")
    use_case = UseCase.objects.get()
    somebody = make_user(*([role] if role else []))
    client.force_login(somebody)
    for name in ("my-deliveries", "own-data", "own-data-export", "home", "notice-settings"):
        text = text_of(client, reverse(name))
        assert "Mark-4711" not in text, name
        assert "Mira Secret-Name" not in text, name
    assert client.get("/api/v1/suggestions/").json()["results"] == []
    assert client.get("/api/v1/deliveries/").json()["results"] == []
    for url in (reverse("use-case-deliveries", args=[use_case.slug]),
                f"/api/v1/use-cases/{use_case.slug}/deliveries/"):  # fmt: skip
        assert "Mira Secret-Name" not in text_of(client, url)
    # Deliveries group by state and use case, and by no person, in every table and export.
    exported = client.get(reverse("use-case-deliveries", args=[use_case.slug]), {"export": "csv"})
    body = b"".join(exported.streaming_content).decode()  # type: ignore[attr-defined]
    assert str(mira.username) not in body
    assert offered.title not in body


@pytest.mark.parametrize("role", sampled([None, *Role], Role.PROGRAMME_LEAD))
def test_no_parameter_finds_who_logged_something(
    client: Client, mira: User, change: Change, role: Role | None
) -> None:
    """What would filter by her is refused, or leaves her delivery among the others."""
    answer(client, suggested(mira, change), act="confirm")
    use_case = UseCase.objects.get()
    client.force_login(make_user(*([role] if role else [])))
    for url in (reverse("use-case-deliveries", args=[use_case.slug]),
                f"/api/v1/use-cases/{use_case.slug}/deliveries/"):  # fmt: skip
        for key in ("claimed_by", "user", "author", "suggestion", "person"):
            for value in (mira.pk, mira.username):
                response = client.get(url, {key: value})
                assert response.status_code == 400 or "Dunning mails" in response.content.decode()
