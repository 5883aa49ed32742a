"""Filling tables by the hundred thousand with the same SQL on both engines."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import Model

from portal.approvals import triggers as guards
from portal.audit import triggers as audit
from portal.imports.staging import StagingTable


def is_postgres() -> bool:
    return connection.vendor == "postgresql"


def execute(sql: str, parameters: Sequence[Any] = ()) -> None:
    """Run SQL in which `%` alone is the remainder and `%s` is a parameter."""
    with connection.cursor() as cursor:
        cursor.execute(_doubled(sql), list(parameters))


def _doubled(sql: str) -> str:
    return sql.replace("%s", "\0").replace("%", "%%").replace("\0", "%s")


def fetch(sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_doubled(sql), list(parameters))
        return list(cursor.fetchall())


def number_table(name: str, count: int) -> None:
    """A temporary table `name(n)` with 0 to `count - 1`."""
    table = StagingTable(name, {"n": "bigint"}, primary_key=["n"])
    table.create()
    if is_postgres():
        execute(f"INSERT INTO {name} SELECT generate_series(0, %s - 1)", [count])  # noqa: S608  (names of our own)
    else:
        execute(
            f"INSERT INTO {name} WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL "  # noqa: S608  (names of our own)
            "SELECT n + 1 FROM c WHERE n + 1 < %s) SELECT n FROM c",
            [count],
        )
    table.analyze()


def lookup_table(
    name: str, columns: dict[str, str], key: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """A temporary table that the big inserts join to."""
    table = StagingTable(name, columns, primary_key=key)
    table.create()
    table.load(list(rows))
    table.analyze()


def uuid_of(number: str) -> str:
    """SQL for a UUID that follows from a number."""
    if is_postgres():
        return f"CAST(md5(CAST({number} AS text)) AS uuid)"
    return f"PRINTF('%016x%016x', ({number}) * 2654435761 % 9007199254740993, {number})"


def sha_of(number: str) -> str:
    """SQL for the 40 characters of a commit's name that follow from a number."""
    if is_postgres():
        text = f"CAST({number} AS text)"
        return f"(md5({text}) || SUBSTR(md5('x' || {text}), 1, 8))"
    return f"PRINTF('%08x%032x', ({number}) * 2654435761 % 4294967291, {number})"


def moment_of(start: dt.date, seconds: str) -> str:
    """SQL for the UTC moment so many seconds after the start of a day."""
    if is_postgres():
        return f"(TIMESTAMPTZ '{start} 00:00:00+00' + ({seconds}) * INTERVAL '1 second')"
    return f"DATETIME('{start}', ({seconds}) || ' seconds')"


def insert_select(
    model: type[Model], columns: Mapping[str, str], source: str, parameters: Sequence[Any] = ()
) -> None:
    """`INSERT INTO … SELECT`: SQL by column name; what is not named gets the model's default.

    So a column that the model gains does not break the fill.
    """
    names, expressions = list(columns), list(columns.values())
    defaults: list[Any] = []
    for field in model._meta.local_concrete_fields:
        if field.primary_key or field.column is None or field.column in columns:
            continue
        names.append(field.column)
        expressions.append("%s")
        default = None if field.null else field.get_default()
        defaults.append(field.get_db_prep_save(default, connection))
    execute(
        f"INSERT INTO {model._meta.db_table} ({', '.join(names)}) "  # noqa: S608  (names of our own)
        f"SELECT {', '.join(expressions)} FROM {source}",
        [*defaults, *parameters],
    )


@contextmanager
def without_triggers() -> Iterator[None]:
    """Within the block nothing is audited, and no guard asks who approved it."""
    if is_postgres():
        execute("SET session_replication_role = replica")
        yield
        execute("RESET session_replication_role")
        return
    guards.remove(connection)
    audit.remove(connection)
    yield
    guards.install(connection)
    audit.install(connection)


def forget_everything() -> None:
    """Empty every table of ours; the schema stays."""
    with without_triggers():
        _empty_tables()


def _empty_tables() -> None:
    from django.apps import apps

    tables = [
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and model._meta.app_label not in ("contenttypes",)
    ]
    if is_postgres():
        execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY")
        return
    # With foreign keys off, emptying a table costs nothing, however full it is.
    execute("PRAGMA foreign_keys = OFF")
    for table in tables:
        execute(f"DELETE FROM {table}")  # noqa: S608  (names of our own)
    execute("DELETE FROM sqlite_sequence")
    execute("PRAGMA foreign_keys = ON")
