"""Queries that PostgreSQL plans once for each connection, not each time they are asked.

Django joins values into the text of a statement, so the server plans it anew for them. For most
that is right; for one that is asked all the time and reads next to nothing, planning takes longer
than the answer. Like the audit's actor this lives in the session, and ends with the connection.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection

_known: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def ask_planned(query: str, values: Sequence[Any]) -> tuple[Any, ...]:
    """The one row that a query gives.

    Args:
        query: with a `%s` for each value and no other percent sign. PostgreSQL must be able to tell
            the type of each from where it stands. The plan is kept under the query's text.
    """
    with connection.cursor() as cursor:
        if connection.vendor != "postgresql":
            cursor.execute(query, values)
        else:
            name = _prepared(cursor, query, len(values))
            cursor.execute(f"EXECUTE {name} ({', '.join(['%s'] * len(values))})", values)
        found: tuple[Any, ...] = cursor.fetchone()
    return found


def _prepared(cursor: Any, query: str, number: int) -> str:
    """Name of the session's statement, which is made when this connection does not have it yet."""
    names = _known.setdefault(connection.connection, set())
    name = f"plumbline_{hashlib.sha256(query.encode()).hexdigest()[:32]}"
    if name not in names:
        places = [f"${place}" for place in range(1, number + 1)]
        cursor.execute(f"PREPARE {name} AS {query.replace('%s', '{}').format(*places)}")
        names.add(name)
    return name
