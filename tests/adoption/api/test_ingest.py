"""Programs send changes and deployments: outcomes by item, and the same again changes nothing."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from rest_framework.test import APIClient

from adoption.models import Change, Deployment, PullRequest
from portal.choices import Role
from tests.adoption.api.conftest import client_of
from tests.adoption.factories import make_user
from tests.adoption.sending import make_connection, place_all

pytestmark = pytest.mark.django_db

CHANGE = {
    "external_id": "812", "repository": "https://git.example/acme/billing", "title": "Dunning",
    "state": "merged", "merged_at": "2026-08-01T12:00:05Z", "merge_sha": "aa" * 20,
    "head_sha": "bb" * 20, "labels": ["ai-assisted"], "author": {"login": "mira"},
    "commits": [{"sha": "cc" * 20, "authored_at": "2026-07-29T15:20:11Z",
                 "message": "x\n\nCo-Authored-By: Claude <noreply@anthropic.com>",
                 "author": {"name": "Mira", "email": "mira@acme.example"}}],
}  # fmt: skip
DEPLOYMENT = {
    "external_id": "d-2", "repository": "git.example/acme/billing", "environment": "prod-eu-1",
    "status": "succeeded", "sha": "aa" * 20, "started_at": "2026-08-03T09:10:01Z",
    "finished_at": "2026-08-03T09:14:22Z",
}  # fmt: skip
BASELINE = DEPLOYMENT | {
    "external_id": "d-1", "sha": "00" * 19 + "01", "started_at": "2026-07-01T09:00:00Z",
    "finished_at": "2026-07-01T09:10:00Z",
}  # fmt: skip


@pytest.fixture
def client() -> APIClient:
    make_connection("generic", "own")
    return client_of(make_user(Role.PROGRAMME_LEAD))


def post(client: APIClient, noun: str, body: Any, **headers: str) -> Any:
    return client.post(f"/api/v1/{noun}/", body, format="json", headers=headers)


def outcomes(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [item["status"] for item in answer.json()["items"]]


@pytest.mark.both_engines
def test_one_and_many_are_created_unchanged_and_updated(client: APIClient) -> None:
    one = {"connection": "own", **CHANGE}
    assert outcomes(post(client, "changes", one)) == ["created"]
    assert outcomes(post(client, "changes", one)) == ["unchanged"]
    renamed = CHANGE | {"title": "Dunning mails", "observed_at": "2026-08-02T00:00:00Z"}
    many = {"connection": "own", "items": [renamed, CHANGE, CHANGE | {"external_id": "813"}]}
    assert outcomes(post(client, "changes", many)) == ["updated", "unchanged", "created"]
    assert PullRequest.objects.get(number="812").title == "Dunning mails"
    both = {"connection": "own", "items": [BASELINE, DEPLOYMENT]}
    assert outcomes(post(client, "deployments", both)) == ["created", "created"]
    assert outcomes(post(client, "deployments", both)) == ["unchanged", "unchanged"]
    place_all()
    change = Change.objects.get(external_id="812")
    assert change.delivered_at == dt.datetime(2026, 8, 3, 9, 14, 22, tzinfo=dt.UTC)
    assert change.delivered_how == "sha"
    assert change.strength == "assisted"
    assert change.first_commit_at == dt.datetime(2026, 7, 29, 15, 20, 11, tzinfo=dt.UTC)
    assert Deployment.objects.get(external_id="d-1").is_baseline


def test_a_bad_item_never_fails_the_others(client: APIClient) -> None:
    bad = [
        {},
        "text",
        CHANGE | {"misspelt": 1},
        CHANGE | {"merged_at": "yesterday"},
        CHANGE | {"state": "open"},
        CHANGE | {"merge_sha": "xyz"},
        CHANGE | {"observed_at": "2199-01-01T00:00:00Z"},
    ]
    answer = post(client, "changes", {"connection": "own", "items": [*bad, CHANGE]})
    assert outcomes(answer) == ["rejected"] * 7 + ["created"]
    fields = [item["errors"][0]["field"] for item in answer.json()["items"][:7]]
    assert fields == ["", "", "misspelt", "merged_at", "merged_at", "merge_sha", "observed_at"] or (
        fields[2:] == ["misspelt", "merged_at", "merged_at", "merge_sha", "observed_at"]
    )
    assert PullRequest.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"status": "done"}, "status"),
        ({"finished_at": None}, "finished_at"),
        ({"finished_at": "2026-08-03T09:00:00Z"}, "finished_at"),
        ({"tier": "prod"}, "tier"),
        ({"environment": ""}, "environment"),
        ({"repository": None}, "repository"),
    ],
)
def test_deployments_that_are_rejected_by_name(
    client: APIClient, changes: dict[str, Any], field: str
) -> None:
    answer = post(client, "deployments", {"connection": "own", **DEPLOYMENT, **changes})
    assert outcomes(answer) == ["rejected"]
    assert answer.json()["items"][0]["errors"][0]["field"] == field
    assert not Deployment.objects.exists()


@pytest.mark.both_engines
def test_a_state_never_goes_back(client: APIClient) -> None:
    running = DEPLOYMENT | {"status": "running", "finished_at": None}
    running["observed_at"] = "2026-08-03T09:10:01Z"
    for item in (DEPLOYMENT, running):
        post(client, "deployments", {"connection": "own", **item})
    assert Deployment.objects.get().status == "succeeded"


@pytest.mark.both_engines
def test_the_same_key_is_answered_again(client: APIClient) -> None:
    body = {"connection": "own", **CHANGE}
    first = post(client, "changes", body, **{"Idempotency-Key": "k1"})
    again = post(client, "changes", body, **{"Idempotency-Key": "k1"})
    assert first.content == again.content
    assert outcomes(again) == ["created"]
    other = post(client, "changes", body | {"title": "Other"}, **{"Idempotency-Key": "k1"})
    assert other.status_code == 422


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**CHANGE}, "connection"),
        ({"connection": "nowhere", **CHANGE}, "connection"),
        ({"connection": "own", "items": []}, "items"),
        ({"connection": "own", "items": [CHANGE] * 501}, "items"),
        ({"connection": "own", "items": [CHANGE], "title": "x"}, "title"),
        ([CHANGE], "non_field_errors"),
    ],
)
def test_a_request_that_is_wrong_as_a_whole(client: APIClient, body: Any, field: str) -> None:
    answer = post(client, "changes", body)
    assert answer.status_code == 400
    assert field in answer.json()["errors"]


def test_who_may_not_send(client: APIClient) -> None:
    assert post(client_of(make_user()), "changes", {}).status_code == 403
    assert post(APIClient(), "changes", {}).status_code == 401
