"""Emptying a test database although its guards refuse to delete what is governed.

A test with real transactions is cleaned up by emptying every table. What keeps governed rows from
being deleted is taken away for that moment and made anew by the signal that follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.backends.base.operations import BaseDatabaseOperations

# Each is called with the connection before its tables are emptied.
BEFORE_EMPTYING: list[Callable[[Any], None]] = []


def allow_emptying() -> None:
    """Let the test framework empty tables; called once, when the settings are loaded."""
    from portal.approvals import triggers
    from portal.audit import triggers as audit_triggers

    BEFORE_EMPTYING.append(lambda connection: triggers.remove(connection, event="DELETE"))
    BEFORE_EMPTYING.append(audit_triggers.remove)
    _prepare(BaseDatabaseOperations)


def _prepare(operations: Any) -> None:
    flush = operations.execute_sql_flush

    def prepared(self: Any, sql_list: Sequence[str]) -> None:
        # Truncating, as on PostgreSQL, asks no row's trigger.
        for prepare in BEFORE_EMPTYING:
            prepare(self.connection)
        flush(self, sql_list)

    operations.execute_sql_flush = prepared
