"""Guards: conditions that the database itself refuses, alike on SQLite and PostgreSQL.

A guard is one condition over `NEW` and `OLD` under which a write is refused, with the sentence
that the error says. Guards are made anew after every migration, because SQLite drops the triggers
of a table that it rebuilds; `check_house` finds one that is missing or was altered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseError

from portal.audit.postgresql import SETTING
from portal.registry import Registry

Event = Literal["INSERT", "UPDATE", "DELETE"]
PREFIX = "plumbline_guard_"


@dataclass(frozen=True, slots=True)
class Dialect:
    """The few words in which the two engines differ."""

    vendor: str

    def text(self, expression: str) -> str:
        return f"CAST({expression} AS TEXT)"

    def hours_after(self, moment: str, hours: int) -> str:
        """A moment some hours after the one in that column."""
        if self.vendor == "sqlite":
            # SQLite reckons in milliseconds, rows hold microseconds: those stay as they are.
            whole = f"strftime('%Y-%m-%d %H:%M:%S', substr({moment}, 1, 19), '+{hours} hours')"
            return f"({whole} || substr({moment}, 20))"
        return f"({moment} + interval '{hours} hours')"

    def minutes_from_now(self, minutes: int) -> str:
        """By the clock of the database, which no caller sets."""
        if self.vendor == "sqlite":
            return f"strftime('%Y-%m-%d %H:%M:%f', 'now', '+{minutes} minutes')"
        # now() stands still from the beginning of a transaction.
        return f"(clock_timestamp() + interval '{minutes} minutes')"

    def actor(self, field: str) -> str:
        """What the connection was told about who acts (`portal/audit/connections.py`), or null."""
        if self.vendor == "sqlite":
            return f"plumbline_actor('{field}')"
        text = f"(NULLIF(current_setting('{SETTING}', true), '')::jsonb ->> '{field}')"
        return f"{text}::bigint" if field == "user_id" else text

    def member(self, column: str, name: str) -> str:
        """The text of a member of a JSON object."""
        if self.vendor == "sqlite":
            return f"json_extract({column}, '$.{name}')"
        return f"({column} ->> '{name}')"

    def differs(self, column: str) -> str:
        """Whether an update changes a column that is never null."""
        return f"OLD.{column} <> NEW.{column}"


@dataclass(frozen=True, slots=True)
class Guard:
    """One condition under which a write is refused.

    Attributes:
        key: unique; part of the trigger's name.
        model: label of the model, `app.Model`.
        event: which write.
        refuse_when: the condition, for a dialect; `true` refuses every such write.
        message: what the error says.
        lock: an advisory lock (PostgreSQL, two 32-bit numbers) that the write takes alone before
            the condition is looked at. Whoever writes what the condition reads holds it shared,
            so that nothing which is not committed yet can be overlooked. Where it is held, the
            write is refused at once and not queued: it would hold rows that the other may need.
    """

    key: str
    model: str
    event: Event
    refuse_when: Callable[[Dialect], str]
    message: str
    lock: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        return f"{PREFIX}{self.key}"

    @property
    def table(self) -> str:
        return _tables()[self.model]


def _tables() -> dict[str, str]:
    """Tables by label of their model; a guard names its model, it does not reach for it."""
    return {model._meta.label: model._meta.db_table for model in apps.get_models()}


def always(_dialect: Dialect) -> str:
    """Every such write is refused."""
    return "1 = 1"


def _check_guard(guard: Guard) -> list[CheckMessage]:
    problems: list[CheckMessage] = []
    if guard.model not in _tables():
        problems.append(
            Error(f"guard {guard.key!r}: there is no model {guard.model!r}", id="portal.E251")
        )
    if "'" in guard.message:
        problems.append(Error(f"guard {guard.key!r}: no quotes in messages", id="portal.E252"))
    return problems


guards: Registry[Guard] = Registry("guard", _check_guard)


def _body(guard: Guard, vendor: str) -> str:
    """What the engine keeps of a guard: the trigger on SQLite, its function on PostgreSQL."""
    condition = guard.refuse_when(Dialect(vendor))
    if vendor == "sqlite":
        return (
            f"CREATE TRIGGER {guard.name} BEFORE {guard.event} ON {guard.table} FOR EACH ROW "
            f"WHEN {condition} BEGIN SELECT RAISE(ABORT, '{guard.message}'); END"
        )
    kept = "OLD" if guard.event == "DELETE" else "NEW"
    # A statement of its own: the next one sees what was committed before the lock was had.
    locking = "" if guard.lock is None else _locking(*guard.lock)
    return (
        f"BEGIN {locking}IF {condition} THEN RAISE EXCEPTION '{guard.message}' "
        f"USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN {kept}; END"
    )


def _locking(group: int, number: int) -> str:
    return (
        f"IF NOT pg_try_advisory_xact_lock({group}, {number}) THEN RAISE EXCEPTION "
        "'what points at it is being written just now; try again later' "
        "USING ERRCODE = 'lock_not_available'; END IF; "
    )


def _statements(guard: Guard, vendor: str) -> list[str]:
    """The SQL that makes a guard, whether or not there is one."""
    body = _body(guard, vendor)
    if vendor == "sqlite":
        return [f"DROP TRIGGER IF EXISTS {guard.name}", body]
    return [
        f"CREATE OR REPLACE FUNCTION {guard.name}() RETURNS trigger LANGUAGE plpgsql "
        f"AS $guard${body}$guard$",
        f"CREATE OR REPLACE TRIGGER {guard.name} BEFORE {guard.event} ON {guard.table} "
        f"FOR EACH ROW EXECUTE FUNCTION {guard.name}()",
        f"ALTER TABLE {guard.table} ENABLE TRIGGER {guard.name}",
    ]


def install(connection: BaseDatabaseWrapper) -> None:
    """Make the guards that are missing or altered, and remove those no longer registered.

    A guard whose table does not exist yet waits for the migration that makes it.
    """
    tables = set(connection.introspection.table_names())
    wanted = {guard.name: guard for guard in guards if guard.table in tables}
    with connection.cursor() as cursor:
        found = _found(cursor, connection.vendor)
        for name, (table, _) in found.items():
            if name not in wanted:
                _drop(cursor, connection.vendor, name, table)
        for name, guard in wanted.items():
            if found.get(name, ("", ""))[1] != _body(guard, connection.vendor):
                for statement in _statements(guard, connection.vendor):
                    cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper, *, event: Event | None = None) -> None:
    """Take guards away: SQLite cannot rebuild a table that a trigger elsewhere names."""
    events = {guard.name: guard.event for guard in guards}
    with connection.cursor() as cursor:
        for name, (table, _) in _found(cursor, connection.vendor).items():
            if event is None or events.get(name) == event:
                _drop(cursor, connection.vendor, name, table)


def _drop(cursor: Any, vendor: str, name: str, table: str) -> None:
    on = "" if vendor == "sqlite" else f" ON {table}"
    cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")


def _found(cursor: Any, vendor: str) -> dict[str, tuple[str, str]]:
    """Guard in the database → its table and body; one that is switched off has no body."""
    if vendor == "sqlite":
        query = (
            "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s"
        )
    else:
        query = (
            "SELECT t.tgname, c.relname, CASE WHEN t.tgenabled = 'O' THEN p.prosrc ELSE '' END "
            "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal AND t.tgname LIKE %s"
        )
    cursor.execute(query, [f"{PREFIX}%"])
    return {name: (table, body) for name, table, body in cursor.fetchall()}


def altered_guards(connection: BaseDatabaseWrapper) -> list[str]:
    """Keys of guards that are missing, switched off, on another table or not as they were made."""
    tables = set(connection.introspection.table_names())
    with connection.cursor() as cursor:
        found = _found(cursor, connection.vendor)
    return [
        guard.key
        for guard in guards
        if guard.table in tables
        and found.get(guard.name) != (guard.table, _body(guard, connection.vendor))
    ]


def guard_problems() -> list[CheckMessage]:
    """What `check_house` says about guards.

    Not a system check: those run before migrations as well, which is when guards may be missing.
    """
    try:
        altered = altered_guards(connections[DEFAULT_DB_ALIAS])
    except DatabaseError as error:
        return [Error(f"the guards cannot be checked: {error}", id="portal.E253")]
    return [
        Error(f"guard {key!r} is missing or was altered; `migrate` makes it anew", id="portal.E254")
        for key in altered
    ]


def install_after_migrating(using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """For the signal `post_migrate`."""
    install(connections[using])


def remove_before_migrating(using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """For the signal `pre_migrate`; on PostgreSQL guards stay while tables change."""
    if connections[using].vendor == "sqlite":
        remove(connections[using])
