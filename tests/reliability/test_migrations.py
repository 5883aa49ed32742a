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

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]
SCHEMA = {
    "sqlite": "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'test_%' "
    "AND name NOT LIKE 'sqlite_%' AND type <> 'table' ORDER BY 1, 2",
    "postgresql": "SELECT table_name, column_name, data_type, is_nullable "
    "FROM information_schema.columns WHERE table_schema = 'public' UNION ALL "
    "SELECT tgrelid::regclass::text, tgname, '', '' FROM pg_trigger WHERE NOT tgisinternal "
    "UNION ALL SELECT tablename, indexname, '', '' FROM pg_indexes WHERE schemaname = 'public' "
    "UNION ALL SELECT conrelid::regclass::text, conname, '', '' FROM pg_constraint "
    "WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2, 3",
}


@pytest.fixture
def databases(engine: str, tmp_path: Path, transactional_db: None) -> Iterator[Databases]:
    found = Databases(engine, tmp_path / "migrated")
    yield found
    found.close()


def url_of(name: str) -> str:
    own = str(connection.settings_dict["NAME"])
    return database_variables()["DATABASE_URL"].replace(own, name)


def begin(name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "migrate", "--no-input", "--verbosity", "0"],
        env={**os.environ, "DATABASE_URL": url_of(name)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def schema() -> list[tuple[str, ...]]:
    """What the connected database holds, in an order of its own."""
    with connection.cursor() as cursor:
        cursor.execute(SCHEMA[connection.vendor])
        return [tuple(map(str, row)) for row in cursor.fetchall()]


def schema_of(name: str) -> list[tuple[str, ...]]:
    own = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        return schema()
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own


def finish(name: str) -> None:
    ended = begin(name)
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
