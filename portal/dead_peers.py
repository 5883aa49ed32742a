"""How long either end of a database connection believes that the other is still there.

A cut network says nothing: without these, the portal waits for an answer for a quarter of an hour,
and PostgreSQL keeps the session, its open transaction and its locks for two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the settings read this
    from django.db.backends.base.base import BaseDatabaseWrapper

CONNECT_SECONDS = 5
# Parameters of libpq. What has been sent must be acknowledged within three seconds; a connection on
# which an answer is awaited is asked after two whether it is there.
OF_THE_CLIENT = {
    "connect_timeout": CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": 2,  # seconds
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 3000,  # milliseconds
}
# The same, asked of the server for this session: eleven seconds after a portal has fallen silent,
# another attempt can have its locks. More patient, since it ends work and not only waiting.
OF_THE_SERVER = {
    "tcp_keepalives_idle": 5,
    "tcp_keepalives_interval": 2,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 11_000,
}
_SET = "; ".join(f"SET {name} = {value}" for name, value in OF_THE_SERVER.items())


def with_patience(options: dict[str, Any]) -> dict[str, Any]:
    """A PostgreSQL connection's options with what they do not say about this."""
    return OF_THE_CLIENT | options


def tell_server(sender: object, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """For the signal `connection_created`. Not by startup parameters, which poolers refuse."""
    if connection.vendor == "postgresql":
        session: Any = connection.connection
        with session.cursor() as cursor:
            cursor.execute(_SET)
