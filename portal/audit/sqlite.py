"""The triggers as SQLite has them: one for each governed table and kind of write.

SQLite knows no session settings, so the triggers ask functions that the connection brings along
(`portal.audit.connections`). A connection without them cannot write to a governed table at all.

A connection to SQLite reads the text of every trigger before its first statement. So what they
have in common is written once, as the trigger of a view (`ENTRY`) into which all others insert.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models

from portal.audit.registry import GovernedTable
from portal.audit.values import HIDDEN, PERSONAL

PREFIX = "plumbline_audit_"
ENTRY = f"{PREFIX}entry"
NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'"
_SALT = "lower(hex(randomblob(16)))"
_ROWS = {"insert": ("NEW",), "update": ("OLD", "NEW"), "delete": ("OLD",)}
_SIDES = {"OLD": "before", "NEW": "after"}

REMEMBER_NAME = (  # all that is put in are our own constants
    "INSERT INTO portal_auditname (person_id, name, salt) "  # noqa: S608  (columns of our own)
    f"SELECT plumbline_actor('user_id'), plumbline_actor('name'), {_SALT} "
    "WHERE plumbline_actor('name') <> '' AND NOT EXISTS (SELECT 1 FROM portal_auditname "
    "WHERE name = plumbline_actor('name') AND person_id IS plumbline_actor('user_id'))"
)


def event_statement(*, operation: str, table: str, key: str, before: str, after: str) -> str:
    """The INSERT of one event without personal values; all arguments are SQL expressions."""
    return _event(operation, table, key, before, after, personal_id="NULL")


def _event(
    operation: str, table: str, key: str, before: str, after: str, *, personal_id: str
) -> str:
    """`personal_id` gives the row with the personal values of this event, or null."""
    return (
        "INSERT INTO portal_auditevent ("  # noqa: S608  (callers pass constants and quoted names)
        "at, operation, table_name, record_key, before, after, "
        "channel, actor_id, name_id, name_commitment, personal_id, personal_commitment, "
        "token_id, request_id, reason, database_user) "
        f"SELECT {NOW}, {operation}, {table}, {key}, {before}, {after}, "
        "plumbline_actor('channel'), plumbline_actor('user_id'), n.id, "
        "coalesce(plumbline_commitment(n.salt, n.person_id, n.name), ''), "
        f"{personal_id}, "
        "coalesce((SELECT plumbline_commitment(p.salt, p.person_id, p.value) "
        f"FROM portal_auditpersonal p WHERE p.id = {personal_id}), ''), "
        "plumbline_actor('token_id'), plumbline_actor('request_id'), plumbline_actor('reason'), '' "
        "FROM (SELECT 1) LEFT JOIN portal_auditname n ON n.id = (SELECT min(k.id) "
        "FROM portal_auditname k WHERE k.name = plumbline_actor('name') "
        "AND k.person_id IS plumbline_actor('user_id') AND k.name <> '')"
    )


def entry() -> dict[str, str]:
    """Name → statement of the view into which the triggers insert, and of what writes the event."""
    columns = ("operation", "table_name", "record_key", "before", "after", "personal_id")
    new = [f"NEW.{column}" for column in columns]
    statement = _event(*new[:5], personal_id=new[5])
    name = f"{PREFIX}enter"
    return {
        ENTRY: f"CREATE VIEW {ENTRY} AS SELECT "
        + ", ".join(f"NULL AS {column}" for column in columns),
        name: f"CREATE TRIGGER {name} INSTEAD OF INSERT ON {ENTRY} FOR EACH ROW "
        f"BEGIN {REMEMBER_NAME}; {statement}; END",
    }


def text(value: str) -> str:
    """A string literal."""
    return "'" + value.replace("'", "''") + "'"


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _json_of(row: str, column: str, field: models.Field[Any, Any] | None) -> str:
    """A column's value as JSON text, as PostgreSQL would write it where that costs nothing."""
    value = f"{row}.{_name(column)}"
    if isinstance(field, models.BooleanField):
        return f"CASE {value} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE json_quote({value}) END"
    if isinstance(field, models.JSONField):
        return f"coalesce(json({value}), 'null')"
    if isinstance(field, models.BinaryField):
        return f"json_quote(hex({value}))"
    return f"json_quote({value})"


class _Table:
    """One governed table as it is in the database now, which may lack columns of the model."""

    def __init__(self, governed: GovernedTable, columns: Iterable[str]) -> None:
        self.name = governed.table
        self.key = governed.key_column
        fields = {field.column: field for field in governed.model._meta.concrete_fields}
        ignored = set(governed.columns(governed.ignored))
        self.fields: Mapping[str, models.Field[Any, Any] | None] = {
            column: fields.get(column) for column in columns if column not in ignored
        }
        self.personal = [c for c in governed.columns(governed.personal) if c in self.fields]
        self.hidden = [c for c in governed.columns(governed.hidden) if c in self.fields]
        person = governed.columns((governed.person,)) if governed.person else ()
        self.person = next((column for column in person if column in set(columns)), "")

    def shown(self, row: str, column: str) -> str:
        if column in self.personal:
            return text(json.dumps(PERSONAL))
        if column in self.hidden:
            return text(json.dumps(HIDDEN))
        return _json_of(row, column, self.fields[column])

    def clear(self, row: str, column: str) -> str:
        return _json_of(row, column, self.fields[column])


def _changed(columns: Iterable[str]) -> str:
    """Whether one of them differs; nulls are alike. Written as rows, which is shorter."""
    names = [_name(column) for column in columns]
    old, new = (", ".join(f"{row}.{name}" for name in names) for row in ("OLD", "NEW"))
    return f"{old} IS NOT {new}" if len(names) == 1 else f"({old}) IS NOT ({new})"


def _document(entries: Mapping[str, str], *, only_changed: bool) -> str:
    """A JSON object of columns and the expressions that give their JSON text."""
    parts = []
    for column, expression in entries.items():
        part = f"{text(',' + json.dumps(column) + ':')} || {expression}"
        if only_changed:
            part = f"CASE WHEN {_changed([column])} THEN {part} ELSE '' END"
        parts.append(f"({part})")
    return f"'{{' || substr({' || '.join(parts)}, 2) || '}}'"


def _personal_statement(table: _Table, operation: str) -> str:
    rows = _ROWS[operation]
    sides = [
        f"'\"{_SIDES[row]}\":' || "
        + _document(
            {column: table.clear(row, column) for column in table.personal},
            only_changed=operation == "update",
        )
        for row in rows
    ]
    document = "'{' || " + " || ',' || ".join(sides) + " || '}'"
    people = [f"{row}.{_name(table.person)}" for row in reversed(rows)] if table.person else []
    person = people[0] if len(people) == 1 else f"coalesce({', '.join(people)})"
    condition = f" WHERE {_changed(table.personal)}" if operation == "update" else ""
    return (
        "INSERT INTO portal_auditpersonal (person_id, value, salt) "
        f"SELECT {person if people else 'NULL'}, {document}, {_SALT}{condition}"
    )


def row_triggers(governed: GovernedTable, columns: Iterable[str]) -> dict[str, str]:
    """Name → `CREATE TRIGGER` of the three triggers of one governed table."""
    table = _Table(governed, list(columns))
    made = {}
    for operation, rows in _ROWS.items():
        is_update = operation == "update"
        documents = {
            row: _document(
                {column: table.shown(row, column) for column in table.fields},
                only_changed=is_update,
            )
            for row in rows
        }
        statements, personal_id = [], "NULL"
        if table.personal:
            statements.append(_personal_statement(table, operation))
            personal_id = "last_insert_rowid()"
            if is_update:
                personal_id = f"CASE WHEN {_changed(table.personal)} THEN {personal_id} END"
        key = f"CAST({rows[0]}.{_name(table.key)} AS TEXT)"
        sides = [documents.get(row, "''") for row in ("OLD", "NEW")]
        values = ", ".join([text(operation), text(table.name), key, *sides, personal_id])
        statements.append(f"INSERT INTO {ENTRY} VALUES ({values})")  # noqa: S608  (quoted names)
        name = f"{PREFIX}{operation}_{table.name}"
        when = f" WHEN {_changed(table.fields)}" if is_update else ""
        made[name] = (
            f"CREATE TRIGGER {name} AFTER {operation.upper()} ON {_name(table.name)} "
            f"FOR EACH ROW{when} BEGIN {'; '.join(statements)}; END"
        )
    return made


def keeping_triggers() -> dict[str, str]:
    """Name → `CREATE TRIGGER` of what keeps the audit's own tables as they are."""
    made: dict[str, str] = {}
    for table in ("portal_auditevent", "portal_auditseal"):
        made |= _refusal("update", table) | _refusal("delete", table)
    for table, value in (("portal_auditname", "name"), ("portal_auditpersonal", "value")):
        made |= _refusal("delete", table)
        made |= _refusal(
            "update",
            table,
            " WHEN NOT (OLD.erasure_id IS NULL AND NEW.erasure_id IS NOT NULL "
            f"AND NEW.{value} = '' AND NEW.salt = '' AND NEW.id = OLD.id "
            "AND NEW.person_id IS OLD.person_id)",
        )
    return made


def _refusal(operation: str, table: str, when: str = "") -> dict[str, str]:
    name = f"{PREFIX}keep_{operation}_{table}"
    return {
        name: f"CREATE TRIGGER {name} BEFORE {operation.upper()} ON {table} FOR EACH ROW{when} "
        "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
    }
