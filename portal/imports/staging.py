"""Temporary tables that are filled in bulk: COPY on PostgreSQL, `executemany` on SQLite.

A staged row has touched nothing live; what to do with it is decided in SQL, in sets. Temporary
tables vanish with the database session, so a killed import leaves nothing to clean up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

# Column types by our own names; SQLite stores dates, times and UUIDs as Django does: as text.
_TYPES = {
    "postgresql": {
        "integer": "integer",
        "bigint": "bigint",
        "text": "text",
        "uuid": "uuid",
        "date": "date",
        "datetime": "timestamptz",
        "boolean": "boolean",
    },
    "sqlite": {
        "integer": "integer",
        "bigint": "bigint",
        "text": "text",
        "uuid": "char(32)",
        "date": "date",
        "datetime": "datetime",
        "boolean": "bool",
    },
}
_COPY_TYPES = {
    "integer": "int4",
    "bigint": "int8",
    "text": "text",
    "uuid": "uuid",
    "date": "date",
    "datetime": "timestamptz",
    "boolean": "bool",
}


def database_time(value: datetime) -> Any:
    """An aware datetime as raw SQL on this database must be given it."""
    if connection.vendor == "sqlite":
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    return value


def database_uuid(value: UUID) -> Any:
    """A UUID as raw SQL on this database must be given it."""
    return value.hex if connection.vendor == "sqlite" else value


ANALYZED_FROM = 1_000  # rows: for fewer, any plan is quick
_ANALYZING = 0x616E616C  # one session at a time; any fixed number of our own


def analyze_if_doubled(tables: Sequence[str], *, rows: int) -> None:
    """Tell PostgreSQL's planner of `rows` that this transaction has added to live tables.

    Until then it takes a table for as small as it was before, and what is joined to it next, in the
    same transaction, may take minutes instead of seconds. Only where the rows at least double what
    is known, so a daily import never does it. Another session that is at it is not waited for.
    """
    if connection.vendor != "postgresql" or rows < ANALYZED_FROM:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_ANALYZING])
        if not cursor.fetchone()[0]:
            return
        cursor.execute(
            "SELECT relname FROM pg_class WHERE oid = ANY(%s::regclass[]) AND reltuples < %s "
            "ORDER BY relname",
            [list(tables), rows],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"ANALYZE {name}")


class StagingTable:
    """One temporary table.

    Args:
        name: its name; unique in the database session.
        columns: column name → type (`integer`, `bigint`, `text`, `uuid`, `date`, `datetime`,
            `boolean`), in the order in which rows are given.
        primary_key: columns of the key, for the tables that others join to.
    """

    def __init__(
        self, name: str, columns: dict[str, str], *, primary_key: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.columns = columns
        self._primary_key = tuple(primary_key)
        self._times: dict[datetime, str] = {}

    def create(self) -> None:
        """Make the table, empty; one left over from an earlier run in this session is dropped."""
        self.drop()
        types = _TYPES[connection.vendor]
        parts = [f"{column} {types[kind]}" for column, kind in self.columns.items()]
        if self._primary_key:
            parts.append(f"PRIMARY KEY ({', '.join(self._primary_key)})")
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE {self.name} ({', '.join(parts)})")

    def drop(self) -> None:
        """Remove the table if it is there."""
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{self.name}")
            else:
                cursor.execute(f"DROP TABLE IF EXISTS temp.{self.name}")

    def load(self, rows: Iterable[Sequence[Any]]) -> None:
        """Append rows, each with a value for every column in order."""
        if not isinstance(rows, (list, tuple)):
            rows = list(rows)  # a query behind the iterable would wait for the COPY, for ever
        # Both go past Django's cursor: a lost database would look like a fault of ours.
        with connection.wrap_database_errors:
            if connection.vendor == "postgresql":
                self._copy(rows)
            else:
                self._insert(rows)

    def analyze(self) -> None:
        """Tell PostgreSQL's planner how full the table is; it guesses badly otherwise."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"ANALYZE {self.name}")

    def _copy(self, rows: Iterable[Sequence[Any]]) -> None:
        statement = f"COPY {self.name} ({', '.join(self.columns)}) FROM STDIN (FORMAT BINARY)"
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types([_COPY_TYPES[kind] for kind in self.columns.values()])
            for row in rows:
                copy.write_row(row)

    def _insert(self, rows: Iterable[Sequence[Any]]) -> None:
        marks = ", ".join(["?"] * len(self.columns))
        # Table and column names are literals of this code base; values are bound.
        statement = f"INSERT INTO {self.name} VALUES ({marks})"  # noqa: S608  (a name of our own)
        adapted = (tuple(self._adapt(value) for value in row) for row in rows)
        connection.ensure_connection()
        raw = connection.connection
        if connection.in_atomic_block:
            raw.executemany(statement, adapted)
            return
        # Without this, each row would be a transaction. It locks the temporary file only.
        raw.execute("BEGIN DEFERRED")
        try:
            raw.executemany(statement, adapted)
        except BaseException:
            raw.execute("ROLLBACK")
            raise
        raw.execute("COMMIT")

    def _adapt(self, value: Any) -> Any:
        if isinstance(value, UUID):
            return value.hex
        if isinstance(value, datetime):
            text = self._times.get(value)
            if text is None:
                if len(self._times) > 50_000:
                    self._times.clear()
                text = self._times[value] = database_time(value)
            return text
        if isinstance(value, date):
            return value.isoformat()
        return value
