"""What lines, quantities and allocations are about to point at cannot be deleted under them.

PostgreSQL looks up no key of theirs, and the guards of `billing/fact_guards.py` see only what is
committed. The lock is shared: imports do not wait for one another, only for who deletes.
"""

from __future__ import annotations

from django.db import connection
from django.db.transaction import TransactionManagementError

from billing.fact_guards import FACT_LOCK


def hold_what_facts_point_at() -> None:
    """Wait until nobody deletes, and keep it so until the transaction ends.

    Call it once, before reading the ids that will be written. On SQLite an open transaction is the
    only writer, so there is nothing to do.

    Raises:
        TransactionManagementError: there is no transaction to hold it in.
    """
    if not connection.in_atomic_block:
        raise TransactionManagementError("this lock needs a transaction")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", list(FACT_LOCK))
