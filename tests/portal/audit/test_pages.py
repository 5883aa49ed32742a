"""Auditors find every event, see what it changed, and verify; nobody else gets in."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from portal.audit.context import Channel, acting
from portal.audit.triggers import lifted
from portal.choices import ImportKind, Role
from portal.models import AuditEvent, Connection, RoleGrant, User
from portal.services.audit import erase_person, seal_audit

pytestmark = pytest.mark.django_db
AT = dt.datetime(2026, 11, 2, 9, 30, tzinfo=dt.UTC)


@pytest.fixture
def auditor(db: None, client: Client) -> Client:
    person = User.objects.create_user("audrey", full_name="Audrey Lane")
    RoleGrant.objects.create(user=person, role=Role.AUDITOR, granted_at=AT)
    client.force_login(person)
    return client


@pytest.fixture
def renamed(db: None) -> AuditEvent:
    """A connection added by Ines and renamed by Otto, who said why."""
    with acting(channel=Channel.PAGE, user_id=71, name="Ines Okafor", request_id="req-1"):
        row = Connection.objects.create(
            slug="cloud", name="Cloud", source="focus", kind=ImportKind.COSTS, created_at=AT
        )
    with acting(
        channel=Channel.TOKEN, user_id=72, name="Otto Kern", request_id="req-2", reason="a typo"
    ):
        Connection.objects.filter(pk=row.pk).update(name="Cloud <b>bill</b>", is_active=False)
    return AuditEvent.objects.latest("pk")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("subject=portal_connection", 2),
        ("who=okafor", 1),
        ("who=72", 1),
        ("operation=update&subject=portal_connection", 1),
        ("request=req-2", 1),
        ("since=2000-01-01&until=2000-01-02", 0),
        ("subject=portal_connection&since=2000-01-01", 2),
        ("who=99999999999999999999999999", 0),
    ],
)
def test_events_are_found_by_subject_actor_period_and_request(
    auditor: Client, renamed: AuditEvent, query: str, found: int
) -> None:
    page = auditor.get(f"{reverse('audit')}?{query}").content.decode()
    assert page.count("/audit/events/") == found
    lines = b"".join(auditor.get(f"{reverse('audit-export')}?{query}")).splitlines()
    assert len(lines) == found
    rows = b"".join(auditor.get(f"{reverse('audit')}?{query}&export=csv")).splitlines()
    assert len(rows) == found + 1


def test_an_export_has_before_and_after_and_no_personal_values(
    auditor: Client, renamed: AuditEvent
) -> None:
    lines = b"".join(auditor.get(reverse("audit-export"))).decode().splitlines()
    newest = json.loads(lines[0])
    assert newest["before"] == {"name": "Cloud", "is_active": True}
    assert newest["after"] == {"name": "Cloud <b>bill</b>", "is_active": False}
    assert (newest["actor"], newest["reason"], newest["channel"]) == (
        "Otto Kern",
        "a typo",
        "token",
    )
    person = next(one for one in map(json.loads, lines) if one["table"] == "portal_user")
    assert person["after"]["full_name"] == "(personal)"
    assert auditor.get(f"{reverse('audit-export')}?since=yesterday").status_code == 400


def test_an_event_shows_who_and_why_and_the_difference(
    auditor: Client, renamed: AuditEvent
) -> None:
    page = auditor.get(reverse("audit-event", args=[renamed.pk])).content.decode()
    for text in ("Otto Kern", "a typo", "req-2", "Cloud &lt;b&gt;bill&lt;/b&gt;", "is active"):
        assert text in page
    assert "<b>bill" not in page
    assert "newer than the last seal" in page


def test_a_name_stays_as_it_was_until_it_is_erased(auditor: Client) -> None:
    person = User.objects.create_user("ida", full_name="Ida Holm")
    with acting(channel=Channel.PAGE, user_id=person.pk, name="Ida Holm"):
        User.objects.filter(pk=person.pk).update(full_name="Ida Lund")
    event = AuditEvent.objects.latest("pk")
    address = reverse("audit-event", args=[event.pk])
    page = auditor.get(address).content.decode()
    assert "Ida Holm" in page
    assert "Ida Lund" in page
    User.objects.filter(pk=person.pk).update(full_name="gone", username="gone")
    erase_person(person=person, reason="asked for it", actor=None, at=AT)
    page = auditor.get(address).content.decode()
    assert "Ida" not in page
    assert "(erased)" in page
    assert "Ida" not in auditor.get(reverse("audit")).content.decode()


def test_an_event_of_something_deleted_is_still_there_to_read(
    auditor: Client, renamed: AuditEvent
) -> None:
    Connection.objects.all().delete()
    page = auditor.get(f"{reverse('audit')}?subject=portal_connection&key={renamed.key}")
    assert page.content.decode().count("/audit/events/") == 3
    assert auditor.get(reverse("audit-event", args=[renamed.pk])).status_code == 200


def test_the_seals_page_verifies_and_names_what_is_wrong(
    auditor: Client,
    renamed: AuditEvent,
    heads_dir: Path,
    django_capture_on_commit_callbacks: Any,
) -> None:
    address = reverse("audit-seals")
    assert "No seal yet" in auditor.get(address).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        seal_audit(at=AT)
    assert "The audit is whole." in auditor.post(address).content.decode()
    with lifted(connection), connection.cursor() as cursor:
        cursor.execute("UPDATE portal_auditevent SET reason = '' WHERE id = %s", [renamed.pk])
    page = auditor.post(address).content.decode()
    assert f"event {renamed.pk} was altered" in page


@pytest.mark.parametrize("role", [role for role in Role if role != Role.AUDITOR])
def test_nobody_else_gets_in(role: Role, client: Client, renamed: AuditEvent) -> None:
    person = User.objects.create_user("nora")
    RoleGrant.objects.create(user=person, role=role, granted_at=AT)
    client.force_login(person)
    for name, values in (
        ("audit", []),
        ("audit-event", [renamed.pk]),
        ("audit-seals", []),
        ("audit-export", []),
    ):
        assert client.get(reverse(name, args=values)).status_code == 403
    assert client.post(reverse("audit-seals")).status_code == 403
