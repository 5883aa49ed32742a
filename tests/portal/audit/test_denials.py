"""Refused attempts are recorded, once, and also when their transaction is rolled back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path, reverse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from portal.audit.context import acting
from portal.models import AuditEvent, AuditName, User
from portal.services.audit import record_denied

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]


@transaction.atomic
def refuse_twice(request: HttpRequest) -> HttpResponse:
    """Writes, is refused in two places, and is rolled back."""
    User.objects.create(username="undone")
    record_denied("approve", "rule 7", "the author may not")
    record_denied("approve", "rule 7", "the author may not")
    raise PermissionDenied


class RefusingEndpoint(APIView):
    """Answers with a problem, through the API's own handler."""

    def get(self, request: Request) -> Response:
        raise PermissionDenied


urlpatterns = [
    path("refuse/", refuse_twice, name="refuse"),
    path("api/v1/refuse/", RefusingEndpoint.as_view(), name="api-refuse"),
]


def denied() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(operation="denied").order_by("pk"))


@pytest.fixture
def nora(client: Client) -> Client:
    client.force_login(User.objects.create_user("nora", full_name="Nora Vik"))
    return client


def test_a_refused_page_and_a_refused_api_call_are_each_recorded_once(
    nora: Client, settings: Any
) -> None:
    assert nora.get(reverse("connection-list")).status_code == 403
    settings.ROOT_URLCONF = __name__
    answer = nora.get("/api/v1/refuse/")
    assert (answer.status_code, answer["Content-Type"]) == (403, "application/problem+json")
    page, api = denied()
    assert (page.table, page.key, page.channel) == ("GET connection-list", "/imports/", "page")
    assert (api.table, api.key, api.channel) == ("GET api-refuse", "/api/v1/refuse/", "api")
    assert AuditName.objects.get(pk=page.name_id or 0).name == "Nora Vik"
    assert page.actor_id == User.objects.get(username="nora").pk
    assert page.request_id


def test_what_was_refused_stays_although_the_request_is_rolled_back(
    nora: Client, settings: Any
) -> None:
    settings.ROOT_URLCONF = __name__
    assert nora.get("/refuse/").status_code == 403
    assert not User.objects.filter(username="undone").exists()
    (event,) = denied()
    assert (event.table, event.key) == ("approve", "rule 7")
    assert json.loads(event.after) == {"detail": "the author may not"}
    assert event.actor_id == User.objects.get(username="nora").pk


def test_an_answer_that_refuses_nothing_records_nothing(nora: Client) -> None:
    assert nora.get(reverse("home")).status_code == 200
    assert nora.get("/nowhere/").status_code == 404
    assert denied() == []


def test_outside_a_request_it_is_written_at_once() -> None:
    with acting(name="cron"):
        record_denied("restore", "backup 3")
    (event,) = denied()
    assert (event.table, event.key, event.after) == ("restore", "backup 3", "{}")


def test_a_database_that_cannot_record_it_does_not_turn_the_refusal_into_an_error(
    nora: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db.utils import OperationalError

    from portal.audit import denials

    def fail(**_: object) -> int:
        raise OperationalError("the database is away")

    monkeypatch.setattr(denials, "record_event", fail)
    assert nora.get(reverse("connection-list")).status_code == 403
