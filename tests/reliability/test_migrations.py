"""Migrations that are killed, and two migrators at once: one more run makes the schema whole."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.plugins.proofs import Figures
from tests.plugins.workers import test_database_variables as database_variables
from tests.reliability.kills.driver import Databases
from tests.reliability.schemas import difference, parts_of, schema, schema_of

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]
MIGRATE = ("manage.py", "migrate", "--no-input", "--verbosity", "0")


@pytest.fixture
def databases(engine: str, tmp_path: Path, transactional_db: None) -> Iterator[Databases]:
    found = Databases(engine, tmp_path / "migrated")
    yield found
    found.close()


def url_of(name: str) -> str:
    own = str(connection.settings_dict["NAME"])
    return database_variables()["DATABASE_URL"].replace(own, name)


def begin(name: str, *command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *(command or MIGRATE)],
        env={**os.environ, "DATABASE_URL": url_of(name)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(name: str, *command: str) -> None:
    ended = begin(name, *command)
    said = ended.communicate(timeout=600)[1]
    assert ended.returncode == 0, said.decode()[-3000:]


@pytest.mark.prove("Migrations killed on the way")
def test_row_70_a_migration_killed_anywhere_is_finished_by_the_next(
    databases: Databases, figures: Figures
) -> None:
    expected = schema()
    assert expected
    kills = figures.scaled(20)
    name = databases.empty("killed migration")
    killed = 0
    began = time.monotonic()
    finish(name)
    usual = time.monotonic() - began
    assert schema_of(name) == expected
    for _ in figures.progress(range(kills), "kills"):
        name = databases.empty("killed migration")
        migrating = begin(name)
        time.sleep(figures.random.uniform(usual * 0.2, usual))
        killed += migrating.poll() is None
        migrating.kill()
        migrating.communicate()
        finish(name)
        if schema_of(name) != expected:
            figures.bad("another schema after a killed migration")
    figures("kills in the midst of migrations", killed, kills // 2)


@pytest.mark.prove("Two migrators at once")
def test_row_70_of_two_migrators_at_once_one_wins_and_the_schema_is_whole(
    databases: Databases, figures: Figures
) -> None:
    expected = schema()
    rounds = figures.scaled(5)
    for _ in figures.progress(range(rounds), "pairs"):
        name = databases.empty("two migrators")
        pair = [begin(name), begin(name)]
        for each in pair:
            each.communicate(timeout=600)
        finish(name)
        if schema_of(name) != expected:
            figures.bad("another schema after two migrators at once")
    figures("pairs", rounds, rounds)


@pytest.mark.prove("A database of the releases before is upgraded")
def test_a_database_of_the_releases_before_is_migrated_to_what_a_new_one_is(
    databases: Databases, figures: Figures
) -> None:
    """Installations that began with the migrations one by one, and those of the squashed ones."""
    name = databases.empty("began in november")
    finish(name, "-m", "tests.reliability.november")
    began = schema_of(name)
    assert any("portal_auditevent" in line for line in began)
    finish(name)
    upgraded, new = schema_of(name), schema()
    assert difference(upgraded, new) == ""
    figures("tables, columns, indexes, constraints, triggers alike", len(upgraded & new), 1000)


def test_a_column_that_is_missing_or_loosened_is_no_equal_schema(databases: Databases) -> None:
    name = databases.copy(None, "another schema")
    expected = schema()
    assert schema_of(name) == expected
    for statement, told in (
        ("ALTER TABLE portal_auditseal ADD COLUMN extra integer", "extra"),
        ("DROP INDEX portal_audit_by_time", "portal_audit_by_time"),
    ):
        databases.execute(name, statement)
        assert told in difference(schema_of(name), expected)


def test_parts_of_a_table_do_not_depend_on_their_order() -> None:
    one = """CREATE TABLE "t" ("a" integer NOT NULL, "b, c" text DEFAULT 'x, (y',
        CONSTRAINT "k" CHECK ("a" IN (1, 2)))"""
    other = """CREATE TABLE "t" (CONSTRAINT "k" CHECK ("a" IN (1, 2)), "b, c" text
        DEFAULT 'x, (y', "a" integer NOT NULL)"""
    assert sorted(parts_of(one)) == sorted(parts_of(other))
    assert len(parts_of(one)) == 3
    assert parts_of(one) != parts_of(one.replace("(1, 2)", "(1, 3)"))
