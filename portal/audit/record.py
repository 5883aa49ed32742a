"""Writes an event that no trigger writes: a refused attempt, an erasure, a note."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from portal.audit import sqlite
from portal.choices import AuditOperation


def record_event(
    *,
    operation: AuditOperation,
    table: str,
    key: str,
    facts: Mapping[str, Any],
    using: str = DEFAULT_DB_ALIAS,
) -> int:
    """Write one event by whoever acts now, in the present transaction if there is one.

    Args:
        table: the governed table, or a word for what the event is about.
        key: of the record, or of the thing.
        facts: a JSON document; nothing that names a person or is a secret.

    Returns:
        the event's id.
    """
    connection = connections[using]
    document = json.dumps(dict(facts), ensure_ascii=False, sort_keys=True)
    values = [operation.value, table[:80], key, document]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT plumbline_audit_record(%s, %s, %s, NULL, %s, NULL, NULL)", values
            )
        else:
            cursor.execute(sqlite.REMEMBER_NAME)
            cursor.execute(
                sqlite.event_statement(operation="?", table="?", key="?", before="''", after="?")
                .replace("%", "%%")
                .replace("?", "%s"),
                values,
            )
            cursor.execute("SELECT last_insert_rowid()")
        return int(cursor.fetchone()[0])
