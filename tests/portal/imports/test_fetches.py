"""The buttons that ask a provider: who may, and what a person is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from pydantic import SecretStr

from portal.choices import Role
from portal.imports import fetching
from portal.models import Connection, ImportRun, WorkItem
from portal.services.connections import create_connection
from portal.services.credentials import CredentialChange
from tests.imports import START, make_connection
from tests.portal.imports.conftest import SignedIn
from tests.portal.imports.outbound.faults import LOOPBACK, FaultServer, Script, answer
from tests.portal.imports.test_connections import text_of

pytestmark = pytest.mark.django_db
PAGE = "/imports/connections/provider/"
SECRET = "sk-canary-5b1fe0c2d94a7733"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    monkeypatch.setattr(fetching, "outbound_policy", lambda: LOOPBACK)
    with FaultServer() as found:
        yield found


def make_provider(port: int = 1, secret: str = SECRET) -> Connection:
    change = CredentialChange(secret=SecretStr(secret)) if secret else CredentialChange()
    return create_connection(
        slug="provider",
        source="openai",
        config={"base_url": f"http://127.0.0.1:{port}/v1"},
        at=START,
        credential=change,
    )


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (answer(), "The connection works"),
        (answer(401), "does not work: 127.0.0.1/v1/organization/costs answered 401"),
        (answer(503), "cannot be reached just now: 127.0.0.1/v1/organization/costs answered 503"),
        (answer(429, Retry_After="5"), "cannot be reached just now"),
        (answer(200, b"<html>", kind="text/html"), "a page where JSON was expected"),
        (answer(200, b'{"data": 1}'), "another shape than is documented"),
    ],
)
def test_a_test_says_what_came_of_it_and_stores_nothing(
    signed_in: SignedIn, server: FaultServer, script: Script, said: str
) -> None:
    server.scripts = [script]
    make_provider(server.port)
    person = signed_in(Role.FINANCE)
    assert "Test connection" in text_of(person.get(PAGE))
    response = person.post(f"{PAGE}probe/", follow=True)
    assert said in text_of(response)
    assert SECRET not in response.content.decode()
    assert b"Authorization: Bearer " + SECRET.encode() in server.requests[0]
    assert len(server.requests) == 1  # a person waits, so it is tried once
    assert not ImportRun.objects.exists()


def test_a_test_without_a_credential_says_what_to_do(signed_in: SignedIn) -> None:
    make_provider(secret="")
    response = signed_in(Role.ADMINISTRATOR).post(f"{PAGE}probe/", follow=True)
    assert "has no credential" in text_of(response)


def test_a_source_of_files_has_no_such_buttons(signed_in: SignedIn) -> None:
    make_connection("cloud")
    person = signed_in(Role.FINANCE)
    page = text_of(person.get("/imports/connections/cloud/"))
    assert "Test connection" not in page
    assert "Fetch now" not in page
    response = person.post("/imports/connections/cloud/probe/", follow=True)
    assert "takes files and is not fetched" in text_of(response)
    response = person.get("/imports/connections/cloud/fetch/", follow=True)
    assert "its source is not fetched" in text_of(response)


def test_days_are_asked_for_in_pieces(signed_in: SignedIn) -> None:
    make_provider()
    person = signed_in(Role.PROGRAMME_LEAD)
    assert "Fetch now" in text_of(person.get(PAGE))
    end = timezone.now().date()
    form = person.get(f"{PAGE}fetch/").content.decode()
    assert f'type="date" name="end" value="{end}"' in " ".join(form.split())
    start = end - dt.timedelta(days=40)
    response = person.post(f"{PAGE}fetch/", {"start": start, "end": end}, follow=True)
    assert "2 fetches asked for" in text_of(response)
    items = WorkItem.objects.filter(kind="portal.fetch-connection")
    assert {item.requested_by_id for item in items} != {None}
    person.post(f"{PAGE}fetch/", {"start": start, "end": end})
    assert items.count() == 2  # asking twice queues nothing twice


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"start": "2026-05-03", "end": "2026-05-03"}, "It must be after the first day"),
        ({"start": "2025-01-01", "end": "2026-05-03"}, "At most 366 days"),
        ({"start": "2999-01-01", "end": "2999-02-01"}, "no whole day"),
        ({"start": "soon", "end": ""}, "Enter a valid date"),
    ],
)
def test_days_that_cannot_be_fetched_are_said(
    signed_in: SignedIn, data: dict[str, str], said: str
) -> None:
    make_provider()
    response: Any = signed_in(Role.FINANCE).post(f"{PAGE}fetch/", data)
    assert said in text_of(response)
    assert not WorkItem.objects.filter(kind="portal.fetch-connection").exists()


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.APPROVER])
def test_who_only_looks_cannot_ask(signed_in: SignedIn, role: Role) -> None:
    make_provider()
    person = signed_in(role)
    assert "Test connection" not in text_of(person.get(PAGE))
    assert person.post(f"{PAGE}probe/").status_code == 403
    assert person.get(f"{PAGE}fetch/").status_code == 403
