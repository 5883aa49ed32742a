"""What governed rows held at an earlier moment, from the audit of their changes."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from typing import Any

from django.db import models

from portal.choices import AuditOperation
from portal.models import AuditEvent


def columns_at(
    model: type[models.Model], keys: Iterable[int], at: dt.datetime
) -> dict[int, dict[str, Any]]:
    """By key, the columns of rows that were changed after `at`, with what they held then.

    The moment of a change is that of the database's clock. Days and moments are texts, as the audit
    keeps them. Columns that the audit hides or keeps apart are not for this. One query.
    """
    events = AuditEvent.objects.filter(
        table=model._meta.db_table,
        key__in=[str(key) for key in keys],
        operation=AuditOperation.UPDATE,
        at__gt=at,
    ).order_by("-pk")
    found: dict[int, dict[str, Any]] = {}
    for key, before in events.values_list("key", "before"):
        # From the newest back: what the oldest of them changed is what there was.
        found.setdefault(int(key), {}).update(json.loads(before))
    return found


def column_at(model: type[models.Model], column: str, at: dt.datetime) -> dict[int, Any]:
    """By key, what one column held at `at`, of the rows in which it was changed after that.

    As `columns_at`, for a column that is seldom changed of a table with many rows. One query.
    """
    events = AuditEvent.objects.filter(
        table=model._meta.db_table,
        operation=AuditOperation.UPDATE,
        at__gt=at,
        before__contains=f'"{column}"',
    ).order_by("-pk")
    found: dict[int, Any] = {}
    for key, before in events.values_list("key", "before"):
        columns = json.loads(before)
        if column in columns:  # and no text that says so
            found[int(key)] = columns[column]  # from the newest back
    return found
