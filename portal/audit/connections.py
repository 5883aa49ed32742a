"""Tells every database connection who acts, at every statement, so that triggers can write it down.

SQLite: functions that read the context whenever a trigger asks. PostgreSQL: a setting of the
session, compared before each statement with who acts now. What a session holds is believed only
where it cannot have been undone: a setting made inside a transaction is made again after it ended
or after a rollback to a savepoint, so that no name of an earlier request ever stays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import TransactionStatus
from psycopg.sql import SQL, Literal

from portal.audit.context import Actor, current_actor
from portal.audit.postgresql import SETTING
from portal.audit.values import actor_json, actor_value, commitment

# Not `SELECT set_config`: a query first thing would fix the isolation level of a transaction.
_ANNOUNCE = SQL("SET {} = {}")


def prepare_connection(sender: object, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """For the signal `connection_created`."""
    if connection.vendor == "sqlite":
        _prepare_sqlite(connection)
    elif connection.vendor == "postgresql":
        _prepare_postgresql(connection)


def _prepare_sqlite(connection: BaseDatabaseWrapper) -> None:
    raw: Any = connection.connection
    raw.create_function("plumbline_actor", 1, lambda field: actor_value(current_actor(), field))
    raw.create_function(
        "plumbline_commitment",
        3,
        lambda salt, person_id, value: None if salt is None else commitment(salt, person_id, value),
        deterministic=True,
    )
    # Else the row that INSERT OR REPLACE throws out is thrown out without its trigger.
    raw.execute("PRAGMA recursive_triggers = ON")


class ActorAnnouncer:
    """Keeps the setting of one PostgreSQL connection true; an execute wrapper of Django's."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        self._session: object | None = None
        self._said: Actor | None = None
        self._said_in_transaction = False

    def __call__(
        self,
        execute: Callable[..., Any],
        sql: Any,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        self.announce()
        # However it ends, a rollback may have brought back what the session held before.
        if isinstance(sql, str) and sql.lstrip()[:8].upper() == "ROLLBACK":
            self._said = None
        return execute(sql, params, many, context)

    def announce(self) -> None:
        """Tell the session who acts, unless it is known to know."""
        session: Any = self._connection.connection
        status = session.info.transaction_status
        if status == TransactionStatus.INERROR:
            return  # nothing but a rollback is possible now
        in_transaction = status == TransactionStatus.INTRANS
        actor = current_actor()
        if (
            self._session is session
            and self._said == actor
            and (in_transaction or not self._said_in_transaction)
        ):
            return
        with session.cursor() as cursor:
            cursor.execute(_ANNOUNCE.format(SQL(SETTING), Literal(actor_json(actor))))
        self._session, self._said = session, actor
        self._said_in_transaction = session.info.transaction_status == TransactionStatus.INTRANS


def _prepare_postgresql(connection: BaseDatabaseWrapper) -> None:
    wrappers = connection.execute_wrappers
    if not any(isinstance(one, ActorAnnouncer) for one in wrappers):
        # First: `execute_wrapper()` takes the last one away again when its block ends.
        wrappers.insert(0, ActorAnnouncer(connection))
