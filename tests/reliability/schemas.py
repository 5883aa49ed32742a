"""What a database holds: tables, columns, indexes, constraints, triggers, functions.

Two databases of one schema read alike, however they came by it. The order of columns is left out:
one that was added by a migration stands last, and nothing here depends on where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.db import connection

Schema = frozenset[tuple[str, ...]]

# Each gives rows of texts that name one thing and say what it is.
_POSTGRESQL = (
    "SELECT 'column', attrelid::regclass::text, attname, format_type(atttypid, atttypmod), "
    "attnotnull::text, attidentity::text, coalesce(pg_get_expr(adbin, adrelid), '') "
    "FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
    "LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum "
    "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') "
    "AND attnum > 0 AND NOT attisdropped",
    "SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) "
    "FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
    "SELECT 'trigger', tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "SELECT 'function', proname, pg_get_functiondef(oid) FROM pg_proc "
    "WHERE pronamespace = 'public'::regnamespace",
)
_SQLITE = (
    "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL "
    "AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'test_%'"
)


def schema() -> Schema:
    """Everything in the connected database but tables of tests, as comparable lines."""
    return frozenset(_postgresql() if connection.vendor == "postgresql" else _sqlite())


def schema_of(name: str) -> Schema:
    """The same of another database of the engine."""
    own = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        return schema()
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own


def difference(before: Schema, after: Schema) -> str:
    """What only one of two has, one a line; empty when they are the same."""
    lines = [("only before", line) for line in before - after]
    lines += [("only after", line) for line in after - before]
    return "\n".join(f"{where}: {' | '.join(line)}" for where, line in sorted(lines))


def _postgresql() -> Iterator[tuple[str, ...]]:
    with connection.cursor() as cursor:
        for statement in _POSTGRESQL:
            cursor.execute(statement)
            for row in cursor.fetchall():
                if not str(row[1]).startswith("test_"):
                    yield tuple(map(str, row))


def _sqlite() -> Iterator[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_SQLITE)
        found = cursor.fetchall()
    for kind, name, text in found:
        if kind == "table":
            yield from ((kind, name, part) for part in parts_of(text))
        elif kind == "trigger":  # those of the audit name the columns in their order
            yield (kind, name, " ".join(sorted(re.findall(r"[^\s,()]+", text))))
        else:
            yield (kind, name, " ".join(text.split()))


def parts_of(statement: str) -> list[str]:
    """Columns and constraints of a `CREATE TABLE`, each as it is written there."""
    inside = statement[statement.index("(") + 1 : statement.rindex(")")]
    parts, depth, begun = [], 0, 0
    for token in re.finditer(r"'(?:[^']|'')*'|\"[^\"]*\"|[(),]", inside):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if token[0] == "," and not depth:
            parts.append(inside[begun : token.start()])
            begun = token.end()
    return [" ".join(part.split()) for part in [*parts, inside[begun:]]]
