"""Incidents from programs, CDEvents and DevLake meet in one row, in any order."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pytest
from rest_framework.test import APIClient

from adoption.deploys.config import DeployConfig
from adoption.deploys.payload import BadPayloadError
from adoption.deploys.severities import severity_of
from adoption.models import Incident
from adoption.services.incident_store import store_incident
from adoption.sources.cdevents.config import CDEventsConfig
from adoption.sources.cdevents.hook import read_hook as read_cdevents
from adoption.sources.generic.hook import read_hook as read_generic
from adoption.sources.generic.parser import read_incident
from portal.choices import Role
from tests.adoption.api.conftest import client_of
from tests.adoption.factories import make_user
from tests.adoption.sending import Sender, make_connection

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]

OPENED: dict[str, Any] = {
    "external_id": "INC-7", "service": "billing", "title": "Mails twice", "severity": "critical",
    "opened_at": "2026-08-03T10:00:00Z", "caused_by_deployment": "d-2",
}  # fmt: skip
LOWERED: dict[str, Any] = {
    "external_id": "INC-7", "severity": "low", "human_actioned": True,
    "observed_at": "2026-08-03T11:00:00Z", "acknowledged_at": "2026-08-03T10:05:00Z",
}  # fmt: skip
CLOSED: dict[str, Any] = {
    "external_id": "INC-7", "resolved_at": "2026-08-03T12:00:00Z", "fixed_by_deployment": "d-3",
}  # fmt: skip


def at(hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, 8, 3, hour, minute, tzinfo=dt.UTC)


def post(client: APIClient, body: Any) -> Any:
    return client.post("/api/v1/incidents/", body, format="json")


def outcomes(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [item["status"] for item in answer.json()["items"]]


def test_any_order_and_repetition_end_at_the_same_row() -> None:
    connection = make_connection("generic", "own")
    expected = None
    for number, order in enumerate(itertools.permutations((OPENED, LOWERED, CLOSED))):
        name = f"INC-{number}"
        for item in (*order, order[0]):
            store_incident(read_incident(item | {"external_id": name}), connection=connection)
        row = Incident.objects.filter(external_id=name).values(
            *(
                each.name
                for each in Incident._meta.concrete_fields
                if each.name not in ("id", "external_id")
            )
        )[0]
        expected = expected or row
        assert row == expected
    assert expected is not None
    assert (expected["severity"], expected["worst"]) == ("low", "critical")
    assert expected["downgraded_from"] == "critical"
    assert (expected["opened_at"], expected["acknowledged_at"]) == (at(10), at(10, 5))
    assert (expected["resolved_at"], expected["human_actioned"]) == (at(12), True)
    assert (expected["caused_by_deployment"], expected["fixed_by_deployment"]) == ("d-2", "d-3")


def test_items_are_answered_one_by_one() -> None:
    make_connection("generic", "own")
    client = client_of(make_user(Role.PROGRAMME_LEAD))
    bad = [
        {},
        OPENED | {"severity": "awful"},
        OPENED | {"resolved_at": "2026-08-03T09:00:00Z"},
        OPENED | {"paged": "Mira"},
        {"external_id": "INC-9"},
        OPENED | {"human_actioned": "yes"},
    ]
    answer = post(client, {"connection": "own", "items": [*bad, OPENED, OPENED, LOWERED]})
    assert outcomes(answer) == ["rejected"] * 6 + ["created", "unchanged", "updated"]
    fields = [item["errors"][0]["field"] for item in answer.json()["items"][1:6]]
    assert fields == ["severity", "resolved_at", "paged", "opened_at", "human_actioned"]
    assert outcomes(post(client, {"connection": "own", **CLOSED})) == ["updated"]
    assert Incident.objects.get().human_actioned is True
    assert post(client_of(make_user()), {}).status_code == 403


def test_what_the_sender_calls_lowered_is_kept_without_an_earlier_statement() -> None:
    connection = make_connection("generic", "own")
    said = OPENED | {"severity": "low", "downgraded_from": "high"}
    store_incident(read_incident(said), connection=connection)
    row = Incident.objects.get()
    assert (row.severity, row.worst, row.downgraded_from) == ("low", "high", "high")


def event(name: str, hour: int, **content: Any) -> dict[str, Any]:
    return {
        "context": {"specversion": "0.5.1", "id": f"e-{name}-{hour}", "source": "/watch",
                    "type": f"dev.cdevents.incident.{name}.0.3.0",
                    "timestamp": f"2026-08-03T{hour:02d}:00:00Z"},
        "subject": {"id": "incident-1", "content": content},
    }  # fmt: skip


def test_cdevents_open_and_resolve_through_the_hook_address() -> None:
    sender = Sender(make_connection("cdevents"))
    place = {"environment": {"id": "prod-eu"}, "service": {"id": "billing"}}
    assert sender.take(event("resolved", 12, **place)).state == "processed"
    row = Incident.objects.get()
    assert (row.opened_at, row.resolved_at) == (None, at(12))
    sender.take(event("reported", 10, **place, ticketURI="https://tickets.example/7"))
    sender.take(event("detected", 9, **place, description="p95 is 4 s"))
    row = Incident.objects.get()
    assert (row.opened_at, row.resolved_at, row.service_key) == (at(9), at(12), "billing")
    assert (row.title, row.url) == ("p95 is 4 s", "https://tickets.example/7")
    assert (row.severity, row.human_actioned) == ("unknown", None)
    elsewhere = event("detected", 9, environment={"id": "staging"})
    assert "not production" in read_cdevents("", elsewhere, CDEventsConfig()).ignored


def test_incidents_of_the_devlake_shape() -> None:
    body = {"issueKey": "OPS-1", "type": "INCIDENT", "title": "Down", "status": "TODO",
            "severity": "SEV-2", "component": "billing",
            "createdDate": "2026-08-03T10:00:00Z"}  # fmt: skip
    (found,) = read_generic("", body, DeployConfig()).incidents
    assert (found.severity, found.service, found.resolved_at) == ("high", "billing", None)
    done = body | {"status": "DONE", "resolutionDate": "2026-08-03T12:00:00Z"}
    assert read_generic("", done, DeployConfig()).incidents[0].resolved_at == at(12)
    with pytest.raises(BadPayloadError, match="resolutionDate"):
        read_generic("", body | {"status": "DONE"}, DeployConfig())
    assert "BUG" in read_generic("", body | {"type": "BUG"}, DeployConfig()).ignored
    own = read_generic("", {"incident": OPENED, "incidents": [CLOSED]}, DeployConfig())
    assert [each.external_id for each in own.incidents] == ["INC-7", "INC-7"]


@pytest.mark.parametrize(
    ("raw", "severity"),
    [
        ("SEV1", "critical"),
        ("p-2", "high"),
        ("Major", "high"),
        ("SEV 3", "medium"),
        ("??", "unknown"),
    ],
)
def test_words_of_senders(raw: str, severity: str) -> None:
    assert severity_of(raw) == severity
