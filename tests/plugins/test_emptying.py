"""Emptying leaves no row and the schema as it was; a damaged file is said to be damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from portal.audit import triggers
from portal.models import AuditEvent, Connection
from tests.imports import make_connection
from tests.plugins.emptying import _schema, empty, problem_of_the_file

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]


def test_governed_rows_and_their_audit_go_and_every_trigger_stays() -> None:
    before = _schema(connection)
    make_connection()
    assert AuditEvent.objects.exists()
    empty(connection)
    assert not Connection.objects.exists()
    assert not AuditEvent.objects.exists()
    assert ContentType.objects.exists()
    assert _schema(connection) == before


def test_a_trigger_that_a_test_took_away_is_there_again() -> None:
    triggers.remove(connection)
    assert triggers.altered_triggers(connection)
    make_connection()
    empty(connection)
    assert triggers.altered_triggers(connection) == []
    assert not Connection.objects.exists()


def test_a_damaged_file_is_told_from_a_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "own.sqlite3"
    with closing(sqlite3.connect(path)) as own:
        own.execute("CREATE TABLE a (b)")
        own.executemany("INSERT INTO a VALUES (?)", [["x" * 3000]] * 9)
        own.commit()

    def problem() -> str:
        with closing(sqlite3.connect(path)) as own:
            return problem_of_the_file(
                SimpleNamespace(vendor="sqlite", cursor=lambda: closing(own.cursor()))
            )

    assert problem() == ""
    content = bytearray(path.read_bytes())
    content[4096:4200] = b"\x09" * 104
    path.write_bytes(content)
    assert problem() != ""
