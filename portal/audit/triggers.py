"""Makes the triggers from the registry, and finds one that is missing or was altered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.checks import CheckMessage, Error
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseError

from portal.audit import postgresql, sqlite
from portal.audit.registry import AUDIT_TABLES, GovernedTable, governed_tables

# One thing that the database must have: what it is called, and what the catalogue says of it.
Wanted = dict[str, tuple[object, ...]]


def _tables(connection: BaseDatabaseWrapper) -> set[str]:
    with connection.cursor() as cursor:
        return set(connection.introspection.table_names(cursor))


def _governed(tables: set[str]) -> list[GovernedTable]:
    """Governed tables that exist: during a migration to an early state some do not."""
    return [governed for governed in governed_tables if governed.table in tables]


def install(connection: BaseDatabaseWrapper) -> None:
    """Make what is missing or altered, and take away what is registered no longer.

    Does nothing before the migration that makes the audit's own tables.
    """
    tables = _tables(connection)
    if not tables >= AUDIT_TABLES:
        return
    with transaction.atomic(using=connection.alias):
        if connection.vendor == "sqlite":
            _install_sqlite(connection, tables)
        else:
            _install_postgresql(connection, tables)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take all triggers of the audit away. Only for changing tables, restoring, and tests."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            _drop_sqlite(cursor, _found_sqlite(connection))
        else:
            for name in _found_postgresql(connection):
                kind, _, rest = name.partition(" ")
                if kind == "trigger":
                    table, _, trigger = rest.partition(" ")
                    cursor.execute(f'DROP TRIGGER IF EXISTS {trigger} ON "{table}"')


@contextmanager
def lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Write within the block as if nothing were governed: for a restore, which brings its audit."""
    with transaction.atomic(using=connection.alias):
        _settle(connection)
        remove(connection)
        yield
        _settle(connection)
        install(connection)


def _settle(connection: BaseDatabaseWrapper) -> None:
    """PostgreSQL alters no table on which foreign keys are still to be checked at the commit."""
    if connection.vendor == "postgresql":
        connection.check_constraints()


def altered_triggers(connection: BaseDatabaseWrapper) -> list[str]:
    """What is missing, switched off, not as it was made, or there without being registered."""
    tables = _tables(connection)
    if not tables >= AUDIT_TABLES:
        return [f"table {name}" for name in sorted(AUDIT_TABLES - tables)]
    if connection.vendor == "sqlite":
        wanted: Wanted = {name: (sql,) for name, sql in _wanted_sqlite(connection, tables).items()}
        found: Wanted = {name: (sql,) for name, sql in _found_sqlite(connection).items()}
    else:
        wanted = _wanted_postgresql(tables)
        found = _found_postgresql(connection)
    return sorted(
        name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name)
    )


def trigger_problems() -> list[CheckMessage]:
    """What `check_house` says about the triggers."""
    try:
        altered = altered_triggers(connections[DEFAULT_DB_ALIAS])
    except DatabaseError as error:
        return [Error(f"the audit's triggers cannot be checked: {error}", id="portal.E265")]
    return [
        Error(
            f"audit: {name} is missing, switched off or was altered; `migrate` makes it anew",
            id="portal.E266",
        )
        for name in altered
    ]


def install_after_migrating(using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """For the signal `post_migrate`."""
    install(connections[using])


def remove_before_migrating(
    using: str = DEFAULT_DB_ALIAS, plan: list[Any] | None = None, **_: Any
) -> None:
    """For `pre_migrate`: SQLite cannot rebuild a table that a trigger elsewhere names."""
    if plan and connections[using].vendor == "sqlite":
        remove(connections[using])


def _wanted_sqlite(connection: BaseDatabaseWrapper, tables: set[str]) -> dict[str, str]:
    wanted = sqlite.entry() | sqlite.keeping_triggers()
    with connection.cursor() as cursor:
        for governed in _governed(tables):
            cursor.execute(f'PRAGMA table_xinfo("{governed.table}")')
            columns = [row[1] for row in cursor.fetchall()]
            wanted |= sqlite.row_triggers(governed, columns)
    return wanted


def _found_sqlite(connection: BaseDatabaseWrapper) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type IN ('trigger', 'view') "
            "AND name LIKE %s",
            [f"{sqlite.PREFIX}%"],
        )
        return dict(cursor.fetchall())


def _install_sqlite(connection: BaseDatabaseWrapper, tables: set[str]) -> None:
    wanted, found = _wanted_sqlite(connection, tables), _found_sqlite(connection)
    with connection.cursor() as cursor:
        _drop_sqlite(cursor, {n: sql for n, sql in found.items() if sql != wanted.get(n)})
        found = _found_sqlite(connection)
        for name, sql in wanted.items():
            if found.get(name) != sql:
                # Without parameters, so that the driver leaves the text alone.
                cursor.execute(sql)


def _drop_sqlite(cursor: Any, found: Mapping[str, str]) -> None:
    """Triggers first: with the view its own would be gone."""
    for kind in ("TRIGGER", "VIEW"):
        for name, sql in found.items():
            if sql.startswith(f"CREATE {kind} "):
                cursor.execute(f'DROP {kind} IF EXISTS "{name}"')


def _wanted_triggers(tables: set[str]) -> list[postgresql.Trigger]:
    made = postgresql.keeping_triggers()
    for governed in _governed(tables):
        made += postgresql.row_triggers(governed)
    return made


def _wanted_postgresql(tables: set[str]) -> Wanted:
    wanted: Wanted = {
        f"function {name}": (body,) for name, (_, body) in postgresql.FUNCTIONS.items()
    }
    for trigger in _wanted_triggers(tables):
        wanted[f"trigger {trigger.table} {trigger.name}"] = (
            trigger.function,
            trigger.bits,
            "O",
            True,
            trigger.arguments,
        )
    return wanted


def _found_postgresql(connection: BaseDatabaseWrapper) -> Wanted:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.proname, p.prosrc FROM pg_proc p JOIN pg_namespace n "
            "ON n.oid = p.pronamespace WHERE n.nspname = current_schema() AND p.proname LIKE %s",
            [f"{postgresql.PREFIX}%"],
        )
        found: Wanted = {f"function {name}": (body,) for name, body in cursor.fetchall()}
        cursor.execute(
            "SELECT c.relname, t.tgname, p.proname, t.tgtype, t.tgenabled::text, "
            "t.tgqual IS NULL AND t.tgattr::text = '', t.tgargs "
            "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = t.tgfoid "
            "WHERE NOT t.tgisinternal AND n.nspname = current_schema() AND t.tgname LIKE %s",
            [f"{postgresql.PREFIX}%"],
        )
        for table, name, function, bits, enabled, plain, arguments in cursor.fetchall():
            words = bytes(arguments).decode().split("\0")[:-1]
            found[f"trigger {table} {name}"] = (function, bits, enabled, plain, tuple(words))
    return found


def _install_postgresql(connection: BaseDatabaseWrapper, tables: set[str]) -> None:
    wanted, found = _wanted_postgresql(tables), _found_postgresql(connection)
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        schema = cursor.fetchone()[0]
        for name in postgresql.FUNCTIONS:
            if found.get(f"function {name}") != wanted[f"function {name}"]:
                cursor.execute(postgresql.create_function(name, schema))
        for name in found.keys() - wanted.keys():
            kind, _, rest = name.partition(" ")
            if kind == "trigger":
                table, _, trigger_name = rest.partition(" ")
                cursor.execute(f'DROP TRIGGER IF EXISTS {trigger_name} ON "{table}"')
        for trigger in _wanted_triggers(tables):
            key = f"trigger {trigger.table} {trigger.name}"
            if found.get(key) != wanted[key]:
                cursor.execute(trigger.create())
                cursor.execute(f'ALTER TABLE "{trigger.table}" ENABLE TRIGGER {trigger.name}')
