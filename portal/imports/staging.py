"""Temporary tables that are filled in bulk: COPY on PostgreSQL, `executemany` on SQLite.

A staged row has touched nothing live; what to do with it is decided in SQL, in sets. Temporary
tables vanish with the database session, so a killed import leaves nothing to clean up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from itertools import chain, islice
from typing import Any
from uuid import UUID

from django.db import connection

from portal.imports.binary_copy import SIGNATURE, TRAILER, BinaryRows

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
_COUNTING = {"postgresql": "bigserial", "sqlite": "integer PRIMARY KEY"}
_INSERTED_AT_ONCE = 200  # rows: more take no less time
_BOUND_AT_ONCE = 32_766  # values of a statement, as SQLite is built by default
_CACHED_TEXTS = 50_000
_COPIED_AT_ONCE = 128 * 1024  # bytes: beyond, libpq moves a growing buffer about


def database_time(value: datetime) -> Any:
    """An aware datetime as raw SQL on this database must be given it."""
    if connection.vendor == "sqlite":
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    return value


def database_uuid(value: UUID) -> Any:
    """A UUID as raw SQL on this database must be given it."""
    return value.hex if connection.vendor == "sqlite" else value


def _blocks(rows: Iterable[bytes]) -> Iterator[bytes]:
    """Rows in blocks of about the size that is sent at once."""
    block: list[bytes] = []
    size = 0
    for row in rows:
        block.append(row)
        size += len(row)
        if size >= _COPIED_AT_ONCE:
            yield b"".join(block)
            block, size = [], 0
    yield b"".join(block)


def copy_packed(table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
    """Append rows as PostgreSQL's binary COPY takes them, or several of them joined, to a table."""
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    # It goes past Django's cursor: a lost database would look like a fault of ours.
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(statement) as copy,
    ):
        copy.write(SIGNATURE)
        for block in _blocks(rows):
            copy.write(block)
        copy.write(TRAILER)


def insert_adapted(table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Append rows to a table, each value as SQLite keeps it."""
    connection.ensure_connection()
    raw = connection.connection
    with connection.wrap_database_errors:
        if connection.in_atomic_block:
            _insert_many(raw, table, columns, rows)
            return
        # Without this, each statement would be a transaction. Only temporary tables are filled
        # outside one, so it locks no more than their file.
        raw.execute("BEGIN DEFERRED")
        try:
            _insert_many(raw, table, columns, rows)
        except BaseException:
            raw.execute("ROLLBACK")
            raise
        raw.execute("COMMIT")


def _insert_many(
    raw: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Many rows a statement: each statement counts keys and looks at constraints by itself."""
    one = f"({', '.join(['?'] * len(columns))})"
    # Table and column names are literals of this code base; values are bound.
    start = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "  # noqa: S608  (names of our own)
    waiting = iter(rows)
    together = max(1, min(_INSERTED_AT_ONCE, _BOUND_AT_ONCE // len(columns)))
    rest: list[Sequence[Any]] = []

    def full_batches() -> Iterator[list[Any]]:
        while len(batch := list(islice(waiting, together))) == together:
            yield list(chain.from_iterable(batch))
        rest.extend(batch)

    raw.executemany(start + ", ".join([one] * together), full_batches())
    if rest:
        raw.execute(start + ", ".join([one] * len(rest)), list(chain.from_iterable(rest)))


_ROOM = "64MB"


def make_room() -> None:
    """Let the statements of this transaction sort and join in memory what an import brings.

    PostgreSQL's default of 4 MB is for pages; with it, a million rows go to disk at every step.
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('work_mem', %s, true) "
            "WHERE pg_size_bytes(current_setting('work_mem')) < pg_size_bytes(%s)",
            [_ROOM, _ROOM],
        )


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


class _Texts(dict[Any, Any]):
    """Value → how SQLite keeps it. Bounded: it starts anew when it is full."""

    def __init__(self, text_of: Callable[[Any], str]) -> None:
        super().__init__()
        self._text_of = text_of

    def __missing__(self, value: Any) -> Any:
        text = None if value is None else self._text_of(value)
        if len(self) >= _CACHED_TEXTS:
            self.clear()
        self[value] = text
        return text


def sqlite_adapter(kind: str) -> Callable[[Iterable[Any]], Iterable[Any]]:
    """How a column of a kind is given to SQLite, column by column as for PostgreSQL."""
    if kind == "uuid":
        return lambda values: [None if value is None else value.hex for value in values]
    if kind in ("date", "datetime"):
        text_of: Callable[[Any], str] = date.isoformat if kind == "date" else database_time
        return partial(map, _Texts(text_of).__getitem__)
    return iter


class Appender:
    """Appends rows to a table in bulk, past Django's models. Keep one for a whole load.

    Args:
        table: its name.
        columns: column name → type (as of `StagingTable`), in the order in which rows are given.
            The names are literals of this code base.
    """

    def __init__(self, table: str, columns: Mapping[str, str]) -> None:
        self._table = table
        self._columns = list(columns)
        self._binary = BinaryRows(list(columns.values()))
        self._adapters = [sqlite_adapter(kind) for kind in columns.values()]

    def add(self, chunks: Iterable[Sequence[Sequence[Any]]]) -> None:
        """Append rows that come in chunks, each one sequence of values for each column, all of one
        length. While the database takes one chunk, the next is made; a query in between would wait
        for ever.
        """
        if connection.vendor == "postgresql":
            packed = chain.from_iterable(map(self._binary.pack, chunks))
            copy_packed(self._table, self._columns, packed)
            return
        insert_adapted(self._table, self._columns, chain.from_iterable(map(self._adapted, chunks)))

    def _adapted(self, columns: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
        adapted = (adapt(values) for adapt, values in zip(self._adapters, columns, strict=True))
        return zip(*adapted, strict=True)


class StagingTable:
    """One temporary table.

    Args:
        name: its name; unique in the database session.
        columns: column name → type (`integer`, `bigint`, `text`, `uuid`, `date`, `datetime`,
            `boolean`), in the order in which rows are given.
        primary_key: columns of the key, for the tables that others join to.
        counted_by: one more column, in which rows are numbered as they come.
    """

    def __init__(
        self,
        name: str,
        columns: dict[str, str],
        *,
        primary_key: Sequence[str] = (),
        counted_by: str = "",
    ) -> None:
        self.name = name
        self.columns = columns
        self._primary_key = tuple(primary_key)
        self._counted_by = counted_by
        self._appender = Appender(name, columns)

    def create(self) -> None:
        """Make the table, empty; one left over from an earlier run in this session is dropped."""
        self.drop()
        types = _TYPES[connection.vendor]
        parts = [f"{column} {types[kind]}" for column, kind in self.columns.items()]
        if self._counted_by:
            parts.append(f"{self._counted_by} {_COUNTING[connection.vendor]}")
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
        # A query behind the iterable would wait for the COPY, for ever: it is read to its end.
        self.load_columns(list(zip(*rows, strict=True)))

    def load_columns(self, columns: Sequence[Sequence[Any]]) -> None:
        """Append rows given as one sequence of values for each column, all of one length."""
        if columns:
            self._appender.add([columns])

    def analyze(self) -> None:
        """Tell PostgreSQL's planner how full the table is; it guesses badly otherwise."""
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"ANALYZE {self.name}")
