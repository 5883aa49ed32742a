"""Backup of an SQLite database while it is in use, and putting one back in one transaction.

Never a copy of the file: what the write-ahead log holds would be missing. `VACUUM INTO` writes a
consistent, compact copy from one read transaction; SQLite's backup API writes a database over
another one as a single transaction of the target, so a crash leaves the former data.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.sqlite3.base import DatabaseWrapper

from portal.backup.figures import SESSIONS, count_table
from portal.backup.manifest import BackupError, TableFigures

ENGINE = "sqlite"
MEMBER = "database.sqlite3"
BUSY_SECONDS = 30


def database_path() -> Path:
    """The file of the portal's database."""
    return Path(str(connection.settings_dict["NAME"]))


def engine_version() -> str:
    """SQLite's version."""
    return sqlite3.sqlite_version


def take_snapshot(target: Path) -> None:
    """Write a consistent copy of the live database, without sessions, to `target`.

    Raises:
        BackupError: the database cannot be read, or there is no room.
    """
    source = database_path()
    if not source.is_file():
        raise BackupError(f"There is no database at {source}.")
    try:
        with closing(
            sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        ) as db:
            db.execute("VACUUM INTO ?", [str(target)])
        with closing(sqlite3.connect(target)) as copy:
            # What is deleted is overwritten with zeros, and does not linger in the copy's pages.
            copy.execute("PRAGMA secure_delete=ON")
            if SESSIONS in _tables(copy):
                copy.execute(f"DELETE FROM {SESSIONS}")  # noqa: S608  (a constant)
            copy.commit()
    except sqlite3.Error as error:
        raise BackupError(f"The database cannot be copied: {error}.") from error


def count_tables(path: Path) -> dict[str, TableFigures]:
    """Counts and sums of every table of a database file.

    Raises:
        BackupError: it is no whole SQLite database.
    """
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            return {
                name: count_table(
                    lambda sql: db.execute(sql).fetchall(),  # noqa: B023  (called at once)
                    name,
                    [row[1] for row in db.execute("SELECT * FROM pragma_table_info(?)", [name])][:],
                )
                for name in _tables(db)
                if name != SESSIONS
            }
    except sqlite3.Error as error:
        raise BackupError(f"The database in the backup cannot be read: {error}.") from error


def _tables(db: sqlite3.Connection) -> list[str]:
    rows = db.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
        "ESCAPE '\\' ORDER BY name"
    )
    return [str(row[0]) for row in rows]


@contextmanager
def reading_from(path: Path) -> Iterator[None]:
    """Within the block Django's own queries read the database file `path`."""
    # Without the PRAGMAs of the portal: WAL mode would write into the file that is to be read.
    options: dict[str, Any] = {
        **connection.settings_dict,
        "NAME": str(path),
        "OPTIONS": {"transaction_mode": None, "timeout": BUSY_SECONDS},
    }
    former = connections[DEFAULT_DB_ALIAS]
    replacement = DatabaseWrapper(options, DEFAULT_DB_ALIAS)
    connections[DEFAULT_DB_ALIAS] = replacement
    try:
        yield
    finally:
        replacement.close()
        connections[DEFAULT_DB_ALIAS] = former


def put_in_place(path: Path) -> None:
    """Write the database file `path` over the portal's own, in one transaction of it.

    Raises:
        BackupError: somebody holds the database, or there is no room; it is as it was.
    """
    connection.close()
    target = database_path()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            closing(sqlite3.connect(path)) as source,
            closing(sqlite3.connect(target, timeout=BUSY_SECONDS)) as db,
        ):
            db.execute("PRAGMA journal_mode=WAL")
            source.backup(db)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise BackupError(
            f"The database cannot be replaced: {error}. Stop the portal first. Nothing was changed."
        ) from error
