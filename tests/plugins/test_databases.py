"""A test's database is as it was made, whatever the test before left of it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from portal.approvals import triggers as guards
from portal.audit import triggers
from portal.choices import Role
from portal.models import AuditEvent, Connection, User
from tests.imports import make_connection, make_person
from tests.plugins.databases import clean

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]


def test_all_rows_are_gone_also_governed_ones_and_ids_go_on() -> None:
    make_person("ada", Role.FINANCE)
    first = make_connection("first")
    assert AuditEvent.objects.exists()
    assert clean(connection)
    assert not Connection.objects.exists()
    assert not User.objects.exists()
    assert not AuditEvent.objects.exists()
    assert make_connection("second").pk > first.pk


def test_what_was_there_from_the_beginning_is_there_again() -> None:
    before = list(Permission.objects.order_by("pk").values())
    assert before
    Permission.objects.filter(pk=before[0]["id"]).delete()
    Permission.objects.filter(pk=before[1]["id"]).update(name="Another name")
    ContentType.objects.create(app_label="nowhere", model="nothing")
    assert clean(connection)
    assert list(Permission.objects.order_by("pk").values()) == before
    assert not ContentType.objects.filter(app_label="nowhere").exists()


def test_triggers_that_a_test_took_away_are_there_again() -> None:
    triggers.remove(connection)
    guards.remove(connection)
    assert triggers.altered_triggers(connection)
    assert guards.altered_guards(connection)
    assert clean(connection)
    assert triggers.altered_triggers(connection) == []
    assert guards.altered_guards(connection) == []


def test_a_table_that_a_test_dropped_or_made_is_put_right(engine: str) -> None:
    if engine == "postgres":
        pytest.skip("PostgreSQL loses rows alone; whoever changes its tables puts them back")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE left_behind (id integer)")
        cursor.execute("DROP TABLE portal_idempotencykey")
    assert clean(connection)
    names = connection.introspection.table_names()
    assert "left_behind" not in names
    assert "portal_idempotencykey" in names


def test_a_database_that_was_not_made_here_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.plugins.databases.CLEANERS", {})
    make_connection("first")
    assert not clean(connection)
    assert Connection.objects.exists()
