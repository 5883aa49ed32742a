"""One import of a connection at a time, on both databases.

PostgreSQL: a transaction-level advisory lock (a session-level one would leak through a pooler).
SQLite: every transaction is IMMEDIATE, so a transaction that is open at all is the only writer;
the write below makes that hold even if somebody turned IMMEDIATE off.
"""

from __future__ import annotations

from django.db import connection
from django.db.transaction import TransactionManagementError

LOCK_CLASS = 0x504C  # keeps our numbers apart from other users of advisory locks


def lock_connection(connection_id: int) -> None:
    """Wait for, and hold until the transaction ends, the lock of one configured connection.

    Raises:
        TransactionManagementError: there is no transaction to hold it in.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("an import lock needs a transaction")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_CLASS, connection_id])
        else:
            cursor.execute(
                "UPDATE portal_connection SET is_active = is_active WHERE id = %s", [connection_id]
            )


def try_lock_connection(connection_id: int) -> bool:
    """Take that lock if nobody holds it. On SQLite an open transaction is the lock.

    Raises:
        TransactionManagementError: there is no transaction to hold it in.
    """
    if connection.vendor != "postgresql":
        lock_connection(connection_id)
        return True
    if not connection.in_atomic_block:
        raise TransactionManagementError("an import lock needs a transaction")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [LOCK_CLASS, connection_id])
        return bool(cursor.fetchone()[0])
