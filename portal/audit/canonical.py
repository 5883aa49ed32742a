"""One way to write an event down, alike on both databases; what seals hash and verification reads.

The fields in order, separated by the character 31; in texts that character and the backslash are
escaped, a missing number is a hyphen, moments are UTC with six decimals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from django.db.backends.base.base import BaseDatabaseWrapper

LEAF_BYTES = 40  # an id and a SHA-256
_ID_BYTES = 8
_CHUNK = 2000
_TEXTS = (
    "operation",
    "table_name",
    "record_key",
    "before",
    "after",
    "channel",
    "name_commitment",
    "personal_commitment",
    "request_id",
    "reason",
    "database_user",
)
_NUMBERS = ("id", "actor_id", "name_id", "personal_id", "token_id")
_MOMENT = {
    "sqlite": "CASE WHEN length(at) = 19 THEN at || '.000000' ELSE at END",
    "postgresql": "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')",
}
_CHARACTER = {"sqlite": "char", "postgresql": "chr"}


def canonical_sql(vendor: str) -> str:
    """The expression that writes an event down."""
    separator = f"{_CHARACTER[vendor]}(31)"
    numbers = [f"coalesce(CAST({name} AS TEXT), '-')" for name in _NUMBERS]
    texts = [rf"replace(replace({name}, '\', '\\'), {separator}, '\u')" for name in _TEXTS]
    return f" || {separator} || ".join([*numbers, f"({_MOMENT[vendor]})", *texts])


def stream_leaves(
    connection: BaseDatabaseWrapper,
    *,
    after_id: int | None,
    up_to: int | None = None,
    limit: int | None = None,
) -> Iterator[tuple[int, bytes]]:
    """`(id, leaf)` of the events in the order of their ids, read in pieces.

    Args:
        after_id: only events beyond this one; None for all, whatever their ids.
        up_to: only events up to and with this one.
        limit: so many at most.
    """
    conditions, values = [], []
    for condition, value in (("id > %s", after_id), ("id <= %s", up_to)):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    # As bytes on SQLite: a forged text need not be valid UTF-8.
    written = canonical_sql(connection.vendor)
    written = f"CAST({written} AS BLOB)" if connection.vendor == "sqlite" else written
    statement = (
        f"SELECT id, {written} FROM portal_auditevent "  # noqa: S608  (our own constants)
        f"{'WHERE ' + ' AND '.join(conditions) if conditions else ''} ORDER BY id"
        f"{f' LIMIT {int(limit)}' if limit is not None else ''}"
    )
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, values)
        while rows := cursor.fetchmany(_CHUNK):
            for event_id, text in rows:
                yield event_id, leaf_of(event_id, text)


def leaf_of(event_id: int, text: str | bytes | None) -> bytes:
    """Id and digest of one event as it is written down."""
    content = text.encode() if isinstance(text, str) else text or b""
    return event_id.to_bytes(_ID_BYTES, "big", signed=True) + hashlib.sha256(content).digest()


def read_leaves(leaves: bytes) -> dict[int, bytes]:
    """Id → leaf, in the order of a seal."""
    parts = (leaves[at : at + LEAF_BYTES] for at in range(0, len(leaves), LEAF_BYTES))
    return {int.from_bytes(part[:_ID_BYTES], "big", signed=True): part for part in parts}
