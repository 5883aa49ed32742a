"""Approvals over the API: reading, deciding on exactly what was read, and never by a token."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from portal.models import ApprovalRequest, Connection, User
from portal.services.api_tokens import create_api_token
from tests.portal.approvals.people import Cast

pytestmark = pytest.mark.django_db
BASE = "/api/v1/approvals/"


@pytest.fixture
def api_of() -> Callable[[User], APIClient]:
    def sign_in(person: User) -> APIClient:
        client = APIClient(raise_request_exception=False)
        client.force_login(person)
        return client

    return sign_in


def post(client: APIClient, asked: ApprovalRequest, action: str, **more: Any) -> Any:
    tag = more.pop("tag", None)
    tag = client.get(f"{BASE}{asked.pk}/")["ETag"] if tag is None else tag
    headers = {"If-Match": tag} if tag else {}
    return client.post(
        f"{BASE}{asked.pk}/{action}/",
        more.pop("body", {}),
        format="json",
        headers=headers | more.pop("headers", {}),
    )


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def test_a_request_is_listed_and_read_with_what_would_change(
    cast: Cast, api_of: Callable[[User], APIClient]
) -> None:
    asked = cast.ask()
    client = api_of(cast.kwame)
    assert [each["id"] for each in client.get(f"{BASE}?view=waiting").json()["results"]] == [
        asked.pk
    ]
    assert api_of(cast.mira).get(f"{BASE}?view=waiting").json()["results"] == []
    assert len(api_of(cast.ruth).get(f"{BASE}?view=mine&status=pending").json()["results"]) == 1
    answer = client.get(f"{BASE}{asked.pk}/")
    found = answer.json()
    assert found["changes"] == [
        {"field": "Name", "change": "changed", "before": "Cloud", "after": "New"}
    ]
    assert found["parties"] == [
        {"user": "ed", "part": "editor"},
        {"user": "ruth", "part": "author"},
    ]
    assert found["may_decide"] is True
    assert answer["ETag"].startswith(f'"{asked.content_hash}-')
    again = client.get(f"{BASE}{asked.pk}/", headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304


def test_approving_once_with_a_key_is_answered_again_and_not_done_again(
    cast: Cast, api_of: Callable[[User], APIClient]
) -> None:
    asked = cast.ask()
    client = api_of(cast.kwame)
    tag = client.get(f"{BASE}{asked.pk}/")["ETag"]
    headers = {"Idempotency-Key": "once"}
    for replayed in (None, "true"):
        answer = post(client, asked, "approve", tag=tag, headers=headers)
        assert answer.status_code == 200
        assert answer.get("Idempotency-Replayed") == replayed
        assert answer.json()["decision"]["channel"] == "api"
    assert Connection.objects.get().name == "New"
    assert code(post(client, asked, "approve")) == (409, "not-pending")


def test_a_decision_names_what_was_read(cast: Cast, api_of: Callable[[User], APIClient]) -> None:
    asked = cast.ask()
    client = api_of(cast.kwame)
    assert code(post(client, asked, "approve", tag="")) == (428, "version-required")
    assert code(post(client, asked, "approve", tag='"v1-00"')) == (412, "stale-version")
    assert code(post(client, asked, "approve", tag=f'"{"0" * 64}"')) == (412, "stale-version")
    assert code(post(client, asked, "reject")) == (400, "invalid")
    tag = client.get(f"{BASE}{asked.pk}/")["ETag"]
    Connection.objects.update(is_active=False)
    assert code(post(client, asked, "approve", tag=tag)) == (409, "changed-since")
    asked.refresh_from_db()
    assert asked.status == "voided"
    assert Connection.objects.get().name == "Cloud"


@pytest.mark.parametrize(
    ("who", "problem"),
    [("ruth", "second-person"), ("ed", "second-person"), ("ada", "forbidden"),
     ("mira", "forbidden")],
)  # fmt: skip
def test_who_may_not_decide_is_told_why(
    cast: Cast, api_of: Callable[[User], APIClient], who: str, problem: str
) -> None:
    asked = cast.ask()
    client = api_of(getattr(cast, who))
    assert client.get(f"{BASE}{asked.pk}/").json()["may_decide"] is False
    for action in ("approve", "reject"):
        assert code(post(client, asked, action, body={"reason": "x"})) == (403, problem)


def test_only_the_author_withdraws(cast: Cast, api_of: Callable[[User], APIClient]) -> None:
    asked = cast.ask()
    assert code(post(api_of(cast.kwame), asked, "withdraw")) == (403, "forbidden")
    answer = post(api_of(cast.ruth), asked, "withdraw", body={"reason": "A mistake."})
    assert answer.json()["status"] == "withdrawn"


def test_a_token_reads_with_its_scope_and_never_decides(
    cast: Cast, api_of: Callable[[User], APIClient]
) -> None:
    asked = cast.ask()
    now = timezone.now()
    client = APIClient(raise_request_exception=False)
    for scope, status in (("approvals:read", 200), ("metrics:read", 403)):
        _, text = create_api_token(
            owner=cast.kwame,
            name=scope,
            scopes=[scope],
            expires_at=now + dt.timedelta(days=1),
            actor=cast.kwame,
            at=now,
        )
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
        assert client.get(BASE).status_code == status
        tag = f'"{asked.content_hash}"'
        for action in ("approve", "reject", "withdraw"):
            answer = post(client, asked, action, tag=tag, body={"reason": "x"})
            assert code(answer) == (403, "person-needed")
            assert "never by a token" in answer.json()["detail"]
    assert ApprovalRequest.objects.get().status == "pending"


def test_fields_that_nobody_writes_are_refused(
    cast: Cast, api_of: Callable[[User], APIClient]
) -> None:
    asked = cast.ask()
    answer = post(
        api_of(cast.kwame), asked, "approve", body={"status": "approved", "approver": "ruth"}
    )
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"status", "approver"}
