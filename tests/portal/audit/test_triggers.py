"""Every way of writing to a governed table is recorded, with the same content on both engines."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from portal.audit import triggers
from portal.audit.context import Channel, acting
from portal.choices import ImportKind, Role
from portal.models import (
    AuditEvent,
    AuditName,
    AuditPersonal,
    Connection,
    RoleGrant,
    User,
)

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db]
AT = dt.datetime(2026, 11, 2, 9, 30, tzinfo=dt.UTC)


def make(slug: str, **fields: Any) -> Connection:
    return Connection(
        slug=slug, name=slug.title(), source="focus", kind=ImportKind.COSTS, created_at=AT, **fields
    )


def events(table: str = "portal_connection") -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(table=table).order_by("pk"))


def written(event: AuditEvent) -> tuple[Any, Any]:
    return (
        json.loads(event.before) if event.before else None,
        json.loads(event.after) if event.after else None,
    )


def test_saving_records_all_columns_then_only_what_changed() -> None:
    row = make("cloud", config={"tags": ["a"]})
    row.save()
    row.name, row.is_active = 'It\'s "new"', False
    row.save()
    key = str(row.pk)
    row.delete()
    added, changed, removed = events()
    assert [one.operation for one in (added, changed, removed)] == ["insert", "update", "delete"]
    assert {one.key for one in (added, changed, removed)} == {key}
    before, after = written(added)
    assert before is None
    assert after["slug"] == "cloud"
    assert after["config"] == {"tags": ["a"]}
    assert after["is_active"] is True
    assert after["created_by_id"] is None
    assert written(changed) == (
        {"name": "Cloud", "is_active": True},
        {"name": 'It\'s "new"', "is_active": False},
    )
    assert written(removed)[0]["name"] == 'It\'s "new"'
    assert written(removed)[1] is None


def test_bulk_writes_and_raw_sql_are_recorded_row_by_row() -> None:
    rows = Connection.objects.bulk_create([make("a"), make("b"), make("c")])
    assert [one.operation for one in events()] == ["insert"] * 3
    Connection.objects.update(name="All alike")
    for row in rows:
        row.name = "Each by itself"
    Connection.objects.bulk_update(rows, ["name"])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE portal_connection SET source = 'other' WHERE slug <> 'a'")
        cursor.execute("DELETE FROM portal_connection WHERE slug = 'c'")
    Connection.objects.all().delete()
    assert [one.operation for one in events()] == (["insert"] * 3 + ["update"] * 8 + ["delete"] * 3)


def test_what_a_deletion_takes_along_is_recorded_too() -> None:
    person = User.objects.create(username="ida")
    RoleGrant.objects.create(user=person, role=Role.AUDITOR, granted_at=AT)
    person.delete()
    assert [one.operation for one in events("portal_rolegrant")] == ["insert", "delete"]
    assert [one.operation for one in events("portal_user")] == ["insert", "delete"]


def test_an_upsert_and_a_replacing_insert_leave_nothing_out() -> None:
    make("a").save()
    row = make("a")
    row.name = "Second"
    Connection.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["slug"], update_fields=["name"]
    )
    assert written(events()[-1]) == ({"name": "A"}, {"name": "Second"})
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT OR REPLACE INTO portal_connection SELECT * FROM portal_connection"
            )
        assert [one.operation for one in events()[-2:]] == ["delete", "insert"]


def test_a_write_that_changes_nothing_or_only_noise_records_nothing() -> None:
    row = make("a")
    row.save()
    row.save()
    Connection.objects.update(name="A")
    person = User.objects.create(username="ida")
    User.objects.update(last_login=timezone.now())
    assert len(events()) == 1
    assert len(events("portal_user")) == 1
    assert person.pk


def test_secrets_are_not_recorded_and_personal_values_lie_apart() -> None:
    person = User(username="ida", full_name="Ida Holm", email="ida@example.org")
    person.set_password("one long secret phrase")
    person.save()
    first_hash = person.password
    person.set_password("another secret phrase")
    person.full_name = "Ida Lund"
    person.save()
    added, changed = events("portal_user")
    everything = "".join(str(value) for one in (added, changed) for value in vars(one).values())
    assert first_hash not in everything
    assert person.password not in everything
    assert "Ida" not in everything
    assert written(added)[1]["email"] == "(personal)"
    assert written(changed) == (
        {"password": "(hidden)", "full_name": "(personal)"},
        {"password": "(hidden)", "full_name": "(personal)"},
    )
    assert changed.personal_id is not None
    aside = AuditPersonal.objects.get(pk=changed.personal_id)
    assert json.loads(aside.value) == {
        "before": {"full_name": "Ida Holm"},
        "after": {"full_name": "Ida Lund"},
    }
    assert aside.person_id == person.pk
    assert len(changed.personal_commitment) == 64


def test_who_acted_why_and_by_which_way_stands_in_the_event() -> None:
    with acting(
        channel=Channel.PAGE, user_id=7, name="Ines", token_id=3, request_id="r-1", reason="typo"
    ):
        make("a").save()
        make("b").save()
    make("c").save()
    first, second, third = events()
    assert (first.channel, first.actor_id, first.token_id) == ("page", 7, 3)
    assert (first.request_id, first.reason) == ("r-1", "typo")
    assert first.name_id is not None
    assert AuditName.objects.get(pk=first.name_id).name == "Ines"
    assert first.name_id == second.name_id
    assert (third.channel, third.actor_id, third.name_id) == ("system", None, None)
    assert abs(timezone.now() - first.at) < dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE portal_auditevent SET reason = 'x'",
        "DELETE FROM portal_auditevent",
        "UPDATE portal_auditname SET name = 'x'",
        "UPDATE portal_auditname SET name = '', salt = ''",
        "DELETE FROM portal_auditname",
        "UPDATE portal_auditpersonal SET value = 'x', salt = '', erasure_id = 1",
        "DELETE FROM portal_auditpersonal",
    ],
)
def test_the_audit_is_append_only(statement: str) -> None:
    with acting(name="Ines"):
        User.objects.create(username="ida")
    refused = pytest.raises(IntegrityError, match="append-only")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("table", ["portal_auditevent", "portal_auditseal", "portal_user"])
def test_postgresql_refuses_to_truncate(table: str) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    refused = pytest.raises(IntegrityError, match="append-only")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {table} CASCADE")


def test_a_missing_and_an_altered_trigger_are_found_and_made_anew() -> None:
    assert triggers.altered_triggers(connection) == []
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER plumbline_audit_update_portal_user")
            cursor.execute("DROP TRIGGER plumbline_audit_keep_delete_portal_auditevent")
            cursor.execute(
                "CREATE TRIGGER plumbline_audit_keep_delete_portal_auditevent BEFORE DELETE "
                "ON portal_auditevent BEGIN SELECT 1; END"
            )
        else:
            cursor.execute("ALTER TABLE portal_user DISABLE TRIGGER plumbline_audit_row")
            cursor.execute(
                "CREATE OR REPLACE FUNCTION plumbline_audit_refuse() RETURNS trigger "
                "LANGUAGE plpgsql AS $$BEGIN RETURN NULL; END$$"
            )
    found = triggers.altered_triggers(connection)
    assert len(found) == 2
    assert len(triggers.trigger_problems()) == 2
    triggers.install(connection)
    assert triggers.altered_triggers(connection) == []


@pytest.mark.parametrize("lost", ["VIEW plumbline_audit_entry", "TRIGGER plumbline_audit_enter"])
def test_without_the_entry_that_all_triggers_share_nothing_is_written(lost: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has functions for it")
    texts = triggers._found_sqlite(connection).values()
    assert sum("INSERT INTO portal_auditevent" in text for text in texts) == 1
    with connection.cursor() as cursor:
        cursor.execute(f"DROP {lost}")
    assert lost.split()[1] in triggers.altered_triggers(connection)
    with pytest.raises(OperationalError, match="plumbline_audit_entry"), transaction.atomic():
        make("cloud").save()
    triggers.install(connection)
    assert triggers.altered_triggers(connection) == []
    make("cloud").save()
    assert [event.operation for event in events()] == ["insert"]
