"""Emptying a test database although its guards refuse to delete what is governed.

A test with real transactions is cleaned up by emptying every table. Django's way (delete from all
tables, then announce a migration) takes a second here: two hundred tables, and every trigger made
anew. Most tests fill a few, so only tables with rows are emptied, under triggers that stand again
afterwards exactly as they stood. Where a test left another schema than it found, Django's way is
taken, which also makes triggers whole.
"""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.db import DatabaseError, connections
from django.test import TransactionTestCase

# Made by migrations for the models there are, and the same after every test.
KEPT = {"django_migrations", "django_content_type", "auth_permission"}
_SCHEMA = {
    "sqlite": (
        "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
        "ORDER BY type, name"
    ),
    "postgresql": (
        "SELECT tgrelid::regclass::text, tgname, tgenabled::text, md5(prosrc) FROM pg_trigger "
        "JOIN pg_proc ON pg_proc.oid = tgfoid WHERE NOT tgisinternal "
        "UNION ALL SELECT relname, relkind::text, '', '' FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace ORDER BY 1, 2"
    ),
}
_found_first: dict[str, list[Any]] = {}


def empty_quickly() -> None:
    """Let the test framework empty tables this way; called once, when the settings are loaded."""

    def teardown(self: Any) -> None:
        for alias in self._databases_names(include_mirrors=False):
            empty(connections[alias])

    TransactionTestCase._fixture_teardown = teardown  # type: ignore[attr-defined]


def remember(connection: Any) -> None:
    """Called for a database just migrated: every schema later is compared with this one."""
    _found_first.setdefault(str(connection.settings_dict["NAME"]), _schema(connection))


def problem_of_the_file(connection: Any) -> str:
    """What SQLite finds wrong in the file itself; empty when nothing, or nothing was made yet."""
    if connection.vendor != "sqlite" or not _found_first:
        return ""
    try:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA quick_check(1)")
            found = str(cursor.fetchone()[0])
    except DatabaseError as error:
        found = str(error)
    return "" if found == "ok" else found


def empty(connection: Any) -> None:
    """Delete every row but those that belong to the models themselves."""
    first = _found_first.get(str(connection.settings_dict["NAME"]))
    if first is None or _schema(connection) != first or not _may_silence(connection):
        _flush(connection)
    elif tables := _with_rows(connection):
        {"sqlite": _empty_sqlite, "postgresql": _empty_postgresql}[connection.vendor](
            connection, tables
        )


def _may_silence(connection: Any) -> bool:
    """Whether this role may keep triggers from being asked."""
    if connection.vendor == "sqlite":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SHOW is_superuser")
        return bool(cursor.fetchone()[0] == "on")


def _flush(connection: Any) -> None:
    from portal.approvals import triggers
    from portal.audit import triggers as audit_triggers

    triggers.remove(connection)
    audit_triggers.remove(connection)
    call_command("flush", verbosity=0, interactive=False, database=connection.alias)


def _schema(connection: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(_SCHEMA[connection.vendor])
        found: list[Any] = cursor.fetchall()
        return found


def _with_rows(connection: Any) -> list[str]:
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    quote = connection.ops.quote_name
    questions = [
        f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {quote(name)})"  # noqa: S608  (our tables)
        for name in names
        if name not in KEPT
    ]
    found: list[str] = []
    with connection.cursor() as cursor:
        for first in range(0, len(questions), 100):  # SQLite takes 500 in one statement
            cursor.execute(" UNION ALL ".join(questions[first : first + 100]))
            found += [row[0] for row in cursor.fetchall()]
    return found


def _delete(cursor: Any, connection: Any, tables: list[str]) -> None:
    for name in tables:
        cursor.execute(f"DELETE FROM {connection.ops.quote_name(name)}")  # noqa: S608  (our tables)


def _empty_sqlite(connection: Any, tables: list[str]) -> None:
    marks = ", ".join(["%s"] * len(tables))
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        try:
            cursor.execute(
                "SELECT name, sql FROM sqlite_master "  # noqa: S608  (placeholders only)
                f"WHERE type = 'trigger' AND tbl_name IN ({marks})",
                tables,
            )
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f"DROP TRIGGER {connection.ops.quote_name(name)}")
            _delete(cursor, connection, tables)
            for _, statement in triggers:
                cursor.execute(statement)
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")


def _empty_postgresql(connection: Any, tables: list[str]) -> None:
    """As on a replica, where neither triggers nor foreign keys ask about a row."""
    from django.db import transaction

    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        _delete(cursor, connection, tables)
