"""Rows of governed tables as they were recorded at a moment: what the audit saw since is undone."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from django.db.models import Model, QuerySet

from portal.choices import AuditOperation
from portal.models import AuditEvent

_CHUNK = 2_000
_WRITES = (AuditOperation.INSERT, AuditOperation.UPDATE, AuditOperation.DELETE)


def rows_recorded_at(
    rows: QuerySet[Any, Any], columns: Sequence[str], at: dt.datetime | None
) -> dict[int, dict[str, Any]]:
    """The rows by number, with these columns, as they were at a moment; None is now.

    Two queries. Days are texts where they come from the audit. A row that was deleted since comes
    back when the audit kept all of the columns, whether or not `rows` would have had it.

    Args:
        columns: as the database has them; none that the audit hides.
    """
    found = {pk: dict(zip(columns, rest, strict=True))
             for pk, *rest in rows.values_list("pk", *columns)}  # fmt: skip
    if at is None:
        return found
    model: type[Model] = rows.model
    events = AuditEvent.objects.filter(
        table=model._meta.db_table, at__gt=at, operation__in=_WRITES
    ).order_by("-id")
    for key, operation, text in events.values_list("key", "operation", "before").iterator(
        chunk_size=_CHUNK
    ):
        before = json.loads(text) if text else {}
        number = int(key)
        if operation == AuditOperation.INSERT:
            found.pop(number, None)
        elif operation == AuditOperation.DELETE and before.keys() >= set(columns):
            found[number] = {name: before[name] for name in columns}
        elif number in found:
            found[number] |= {name: before[name] for name in columns if name in before}
    return found
