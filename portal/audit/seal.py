"""Seals: signed hashes over all events up to a point, each with the one before it.

An id is given to an event before its transaction ends, so a lower one can appear after a higher
one. A seal therefore waits for the transactions that may still bring one, without blocking anybody.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from portal.audit.canonical import stream_leaves
from portal.audit.signing import sign
from portal.models import AuditSeal

log = structlog.get_logger(__name__)
EVENTS_PER_SEAL = 10_000
_LOCK = 0x706C756D61756474  # of no meaning but to be the same everywhere
_POLL_SECONDS = 0.1
_WRITERS = (
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND granted "
    "AND relation = 'portal_auditevent'::regclass AND pid IS DISTINCT FROM pg_backend_pid() "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', "
    "'AccessExclusiveLock')"
)


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one sealing did.

    Attributes:
        seals: how many were made.
        events: how many events they cover.
        is_waiting: a transaction that may still bring events did not end in time; try again later.
    """

    seals: int
    events: int
    is_waiting: bool = False


def seal_content(seal: AuditSeal) -> str:
    """What the hash of a seal is made of."""
    return json.dumps(
        {
            "version": 1,
            "number": seal.number,
            "last_id": seal.last_id,
            "count": seal.count,
            "total": seal.total,
            "leaves": hashlib.sha256(bytes(seal.leaves)).hexdigest(),
            "previous": seal.previous_hash,
            "key": seal.key_number,
            "sealed_at": seal.sealed_at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
        },
        sort_keys=True,
    )


def seal_hash(seal: AuditSeal) -> str:
    """SHA-256 of the content, in hexadecimal digits."""
    return hashlib.sha256(seal_content(seal).encode()).hexdigest()


def settled_id(connection: BaseDatabaseWrapper, *, patience: float) -> int | None:
    """The highest id below which no event can appear any more; 0 when there is no event.

    Args:
        patience: how many seconds to wait for transactions that write.

    Returns:
        None when one of them did not end in time.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM portal_auditevent")
        highest = int(cursor.fetchone()[0])
        if connection.vendor == "sqlite":
            return highest  # one writer at a time: ids appear in order
        cursor.execute(_WRITERS)
        writing = {row[0] for row in cursor.fetchall()}
        until = time.monotonic() + patience
        while writing:
            if time.monotonic() >= until:
                return None
            time.sleep(_POLL_SECONDS)
            cursor.execute(_WRITERS)
            writing &= {row[0] for row in cursor.fetchall()}
    return highest


def seal_events(
    *,
    at: dt.datetime,
    patience: float,
    even_if_empty: bool = False,
    using: str = DEFAULT_DB_ALIAS,
) -> Sealed:
    """Seal everything that is settled, in seals of 10,000 events at most, each committed.

    Args:
        at: now.
        patience: how many seconds to wait for transactions that write.
        even_if_empty: make a seal although there is nothing new, as a sign of life.

    Raises:
        portal.keys.MissingKeyError: there is no key to sign with.
    """
    connection = connections[using]
    highest = settled_id(connection, patience=patience)
    if highest is None:
        log.info("audit_seal_waits", patience=patience)
        return Sealed(0, 0, is_waiting=True)
    seals = events = 0
    while True:
        with transaction.atomic(using=using):
            made = _seal_next(connection, highest, at, empty=even_if_empty and not seals)
        if made is None:
            return Sealed(seals, events)
        seals, events = seals + 1, events + made.count


def _seal_next(
    connection: BaseDatabaseWrapper, highest: int, at: dt.datetime, *, empty: bool
) -> AuditSeal | None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    last = AuditSeal.objects.using(connection.alias).order_by("number").defer("leaves").last()
    leaves = list(
        stream_leaves(
            connection,
            after_id=last.last_id if last else None,
            up_to=highest,
            limit=EVENTS_PER_SEAL,
        )
    )
    if not leaves and not empty:
        return None
    seal = AuditSeal(
        number=last.number + 1 if last else 1,
        last_id=leaves[-1][0] if leaves else (last.last_id if last else 0),
        count=len(leaves),
        total=(last.total if last else 0) + len(leaves),
        leaves=b"".join(leaf for _, leaf in leaves),
        previous_hash=last.hash if last else "",
        key_number=settings.AUDIT_KEYS.newest,
        sealed_at=at,
    )
    seal.hash = seal_hash(seal)
    _, seal.signature = sign(settings.AUDIT_KEYS, seal.hash)
    seal.save(using=connection.alias, force_insert=True)
    return seal
