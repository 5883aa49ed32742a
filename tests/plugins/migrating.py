"""One process of a test run migrates its database, the others take a copy of what it got.

Each process needs a database of its own, and the migrations take a core four seconds each time.
Where a server was given from outside nothing is copied: what lies on it is not ours to name.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO, Any

import psycopg
import pytest

from tests.plugins.services import OWN_SERVER

MIGRATED = "plumbline_migrated"  # the copy, on a server that lives as long as the run
PATIENCE = 60.0  # seconds for another process to migrate; after that this one does it by itself


class Copies:
    """The migrated database of a run: taken where there is one, else made by whoever comes first.

    Attributes:
        taken: this process has a copy, so its own database is there already.
    """

    def __init__(self, folder: Path, connection: Any) -> None:
        self.connection = connection
        self.made = folder / f"{MIGRATED}.{connection.vendor}"
        self._lock: IO[str] = (folder / f"{MIGRATED}.lock").open("w")
        self._is_first = self._comes_first()
        self.taken = self.made.exists()
        if self.taken:
            self._take()
            self._lock.close()

    def _comes_first(self) -> bool:
        """Wait for whoever is at it; where that one fails, nobody hangs with it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.05)
            else:
                return True
        return False

    def keep(self) -> None:
        """Give what this process has migrated to the others, and let them go on."""
        try:
            if self._is_first and not self.taken:
                self._give()
        finally:
            self._lock.close()

    def _give(self) -> None:
        if self.connection.vendor == "sqlite":
            with self.connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [str(self.made)])
        else:
            name = self.connection.settings_dict["NAME"]
            self.connection.close()  # nobody may be connected to what is copied
            self._on_server(MIGRATED, name)
            self.made.touch()

    def _take(self) -> None:
        own = self.connection.creation._get_test_db_name()
        if self.connection.vendor == "sqlite":
            import sqlite3

            Path(own).unlink(missing_ok=True)
            with sqlite3.connect(self.made) as source:
                source.execute("VACUUM INTO ?", [own])
            source.close()
        else:
            self._on_server(own, MIGRATED)

    def _on_server(self, name: str, template: str) -> None:
        quote = self.connection.ops.quote_name
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
            server.execute(f"CREATE DATABASE {quote(name)} TEMPLATE {quote(template)}")


def can_be_copied(connection: Any) -> bool:
    """Whether this run has several processes, and a server of its own if it has any."""
    several = "PYTEST_XDIST_WORKER" in os.environ
    return several and (connection.vendor == "sqlite" or OWN_SERVER in os.environ)


@pytest.fixture(scope="session")
def copies(
    django_db_modify_db_settings: None, tmp_path_factory: pytest.TempPathFactory
) -> Copies | None:
    """The migrated database of this run; none where each process migrates its own."""
    from django.db import connection

    if not can_be_copied(connection):
        return None
    return Copies(tmp_path_factory.getbasetemp().parent, connection)


@pytest.fixture(scope="session")
def django_db_keepdb(copies: Copies | None, request: pytest.FixtureRequest) -> bool:
    """Whether the database is kept: for a copy is taken, or `--reuse-db` asks for it. What lies on
    a server of the run goes with it, and dropping it would wait for whoever is connected still."""
    return bool(request.config.getvalue("reuse_db")) or copies is not None
