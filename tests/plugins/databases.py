"""Test databases: migrated once in a run, copied for each process, made clean from what they were.

The first process that needs a database migrates it; the others copy that one. A test with real
transactions leaves rows behind. Django would empty all tables and have the triggers, content types
and permissions made anew, which takes longer than most tests. Here SQLite is given its file back
page by page, and PostgreSQL loses the rows of those tables that have any. Either way ids go on
counting, so that nothing kept outside the database is taken for another test's.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db.backends.base.creation import BaseDatabaseCreation

FOLDER_VARIABLE = "PLUMBLINE_TEST_TEMPLATES"  # a folder of this run; unset: no copies
POSTGRES_TEMPLATE = "plumbline_template"
WAIT_SECONDS = 30.0  # for a process of the test that still writes
CLEANERS: dict[str, SqliteCleaner | PostgresCleaner] = {}  # by name of the database


def share_databases() -> None:
    """Have test databases made from a template; called once, before any is made."""
    migrated = BaseDatabaseCreation.create_test_db

    def create(
        self: Any,
        verbosity: int = 1,
        autoclobber: bool = False,
        serialize: bool = True,
        keepdb: bool = False,
    ) -> str:
        folder = os.environ.get(FOLDER_VARIABLE)
        if not folder or serialize or keepdb:
            return migrated(self, verbosity, autoclobber, serialize, keepdb)
        make = _made_sqlite if self.connection.vendor == "sqlite" else _made_postgres
        with _locked(Path(folder)):
            return make(self, Path(folder), lambda: migrated(self, verbosity, autoclobber, False))

    setattr(BaseDatabaseCreation, "create_test_db", create)  # noqa: B010  (replaced on purpose)


def clean(connection: Any) -> bool:
    """Put the database back as it was made; False when it was not made here."""
    cleaner = CLEANERS.get(str(connection.settings_dict["NAME"]))
    if cleaner is None:
        return False
    from django.contrib.contenttypes.models import ContentType

    cleaner.clean(connection)
    ContentType.objects.clear_cache()
    return True


def copy_migrated(target: Path) -> bool:
    """Put a migrated SQLite file without rows where there is none; False when this run has none."""
    template = Path(os.environ.get(FOLDER_VARIABLE) or os.devnull) / "template.sqlite3"
    if not template.exists():
        return False
    shutil.copyfile(template, target)
    return True


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _use(creation: Any, name: str) -> str:
    """What Django does after it made a database: use it under its name."""
    from django.conf import settings

    creation.connection.close()
    settings.DATABASES[creation.connection.alias]["NAME"] = name
    creation.connection.settings_dict["NAME"] = name
    creation.connection.ensure_connection()
    return name


def _made_sqlite(creation: Any, folder: Path, migrate: Any) -> str:
    template = folder / "template.sqlite3"
    if template.exists():
        name = creation._create_test_db(0, autoclobber=True)
        shutil.copyfile(template, name)
        _use(creation, name)
    else:
        name = migrate()
        draft = folder / "draft.sqlite3"
        with contextlib.closing(sqlite3.connect(draft)) as copy:
            creation.connection.connection.backup(copy)
        draft.rename(template)
    CLEANERS[str(name)] = SqliteCleaner(template)
    return str(name)


def _made_postgres(creation: Any, folder: Path, migrate: Any) -> str:
    mark = folder / "template.postgres"
    if mark.exists():
        creation.connection.settings_dict["TEST"]["TEMPLATE"] = POSTGRES_TEMPLATE
        name = _use(creation, creation._create_test_db(0, autoclobber=True))
    else:
        name = migrate()
        if "PYTEST_XDIST_WORKER" in os.environ:
            creation.connection.close()  # a template must have no visitors
            with creation._nodb_cursor() as cursor:
                cursor.execute(f'CREATE DATABASE {POSTGRES_TEMPLATE} TEMPLATE "{name}"')
            mark.touch()
    CLEANERS[name] = PostgresCleaner(creation.connection)
    return name


class SqliteCleaner:
    """Puts the pages of the template back; tables that were dropped or made in between as well.

    Whoever first says a statement to a file reads its whole schema, which takes longer than all
    the rest. So the last ids are asked of the test's own connection and written into the template
    in memory, and the one that takes the pages says nothing.
    """

    def __init__(self, template: Path) -> None:
        self._whole = sqlite3.connect(":memory:", isolation_level=None)
        with contextlib.closing(sqlite3.connect(template)) as source:
            source.backup(self._whole)
        self._ids: dict[str, int] = {}

    def clean(self, connection: Any) -> None:
        self._note_ids(connection)
        connection.close()
        deadline = time.monotonic() + WAIT_SECONDS

        def patiently(*_: object) -> None:
            if time.monotonic() > deadline:
                raise RuntimeError("somebody still writes to the test's database")

        with contextlib.closing(sqlite3.connect(connection.settings_dict["NAME"])) as target:
            self._whole.backup(target, progress=patiently)

    def _note_ids(self, connection: Any) -> None:
        connection.ensure_connection()
        raw: sqlite3.Connection = connection.connection
        with contextlib.suppress(sqlite3.OperationalError):  # a test may have left no table at all
            last = dict(raw.execute("SELECT name, seq FROM sqlite_sequence"))
            higher = {name: id_ for name, id_ in last.items() if id_ > self._ids.get(name, 0)}
            self._ids |= higher
            for name, id_ in higher.items():
                self._whole.execute("DELETE FROM sqlite_sequence WHERE name = ?", [name])
                self._whole.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", [name, id_])


class PostgresCleaner:
    """Deletes rows past all triggers; what was there from the beginning is compared and kept."""

    def __init__(self, connection: Any) -> None:
        with connection.cursor() as cursor:
            self._kept = {name: _rows(cursor, name) for name in _filled(cursor)}

    def clean(self, connection: Any) -> None:
        from portal.approvals import triggers as guards
        from portal.audit import triggers

        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            changed = [name for name in _filled(cursor) if name not in self._kept]
            changed += [name for name, rows in self._kept.items() if _rows(cursor, name) != rows]
            for name in changed:
                cursor.execute(f'DELETE FROM "{name}"')  # noqa: S608  (names of the catalogue)
                for row in self._kept.get(name, ()):
                    marks = ", ".join(["%s"] * len(row))
                    cursor.execute(  # the catalogue's names
                        f'INSERT INTO "{name}" VALUES ({marks})',  # noqa: S608  (as above)
                        row,
                    )
            cursor.execute("RESET session_replication_role")
        # For tests that forge: both look what is there and make what is missing or was altered.
        guards.install(connection)
        triggers.install(connection)


def _rows(cursor: Any, table: str) -> list[tuple[Any, ...]]:
    cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1')  # noqa: S608  (a name of the catalogue)
    return list(cursor.fetchall())


def _filled(cursor: Any) -> list[str]:
    """Tables with rows. One that never had any has no size, so few are looked into."""
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind IN ('r', 'p') AND pg_relation_size(oid) > 0 ORDER BY relname"
    )
    looks = [
        f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")"  # noqa: S608  (as above)
        for (name,) in cursor.fetchall()
    ]
    if not looks:
        return []
    cursor.execute(" UNION ALL ".join(looks))
    return [name for (name,) in cursor.fetchall()]
