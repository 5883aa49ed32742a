"""Verification: walks seals and events once, in order, and names what is wrong.

Found are edited, missing, inserted and exchanged events, altered or missing seals, wrong
signatures, names and personal values that are not what their events are bound to, heads that the
database does not have, and triggers that are missing or altered.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from portal.audit.canonical import read_leaves, stream_leaves
from portal.audit.heads import FILE_NAME, Heads, read_heads
from portal.audit.personal import personal_findings
from portal.audit.report import LAST, Finding, Report
from portal.audit.seal import seal_hash
from portal.audit.signing import is_signed
from portal.audit.triggers import altered_triggers
from portal.keys import NumberedSecrets
from portal.models import AuditSeal

_SEALS_AT_ONCE = 50


def verify_audit(
    connection: BaseDatabaseWrapper, *, keys: NumberedSecrets, heads_dir: Path
) -> Report:
    """Check everything, reading only.

    Args:
        keys: the secrets that seals were signed with, old ones included.
        heads_dir: the folder with the head file.
    """
    began = time.perf_counter()
    # Before the database: a seal made in between is then newer than the file, not lost.
    heads = read_heads(heads_dir, keys)
    report = Report()
    with _snapshot(connection):
        _Walk(connection, keys, heads, report).run()
        for finding in personal_findings(connection):
            report.add(finding)
        for name in altered_triggers(connection):
            report.add(Finding(LAST, 9, "trigger", name, "is missing, switched off or altered"))
    report.seconds = time.perf_counter() - began
    return report


@contextmanager
def _snapshot(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """One state of the database for the whole walk.

    On SQLite a transaction of Django's would lock out every writer.
    """
    if connection.in_atomic_block:
        yield
        return
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
        return
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


class _Walk:
    """One pass over seals and events."""

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        keys: NumberedSecrets,
        heads: Heads,
        report: Report,
    ) -> None:
        self._connection = connection
        self._keys = keys
        self._heads = heads
        self._report = report
        self._events: Iterator[tuple[int, bytes]] = iter(())
        self._next: tuple[int, bytes] | None = None

    def run(self) -> None:
        seals = (
            AuditSeal.objects.using(self._connection.alias)
            .order_by("number", "pk")
            .iterator(chunk_size=_SEALS_AT_ONCE)
        )
        self._events = stream_leaves(self._connection, after_id=None)
        self._advance()
        previous: AuditSeal | None = None
        for seal in seals:
            self._check(seal, previous)
            previous = seal
        while self._next is not None:
            self._report.unsealed += 1
            self._report.events += 1
            self._advance()
        self._check_heads(previous)

    def _advance(self) -> None:
        self._next = next(self._events, None)

    def _take(self, up_to: int) -> list[tuple[int, bytes]]:
        """The events up to that id that were not taken yet."""
        taken = []
        while self._next is not None and self._next[0] <= up_to:
            taken.append(self._next)
            self._advance()
        self._report.events += len(taken)
        return taken

    def _check(self, seal: AuditSeal, previous: AuditSeal | None) -> None:
        report = self._report
        report.seals += 1
        expected = previous.number + 1 if previous else 1
        begin = previous.last_id + 1 if previous else _first_id(seal)
        leaves = bytes(seal.leaves)
        if seal.number > expected:
            for number in range(expected, seal.number):
                report.add(Finding(begin, 0, "seal", str(number), "is missing"))
            begin = _first_id(seal)
            self._take(begin - 1)
        problem = self._problem_of(seal, previous if seal.number == expected else None)
        taken = self._take(seal.last_id)
        if problem:
            report.add(Finding(begin, 0, "seal", str(seal.number), problem))
            return
        report.sealed += len(taken)
        if b"".join(leaf for _, leaf in taken) != leaves:
            self._compare(dict(taken), read_leaves(leaves))

    def _problem_of(self, seal: AuditSeal, previous: AuditSeal | None) -> str:
        if seal_hash(seal) != seal.hash:
            return "does not agree with its hash"
        if not is_signed(self._keys, seal.key_number, seal.hash, seal.signature):
            return f"has a signature that key {seal.key_number} did not make"
        if previous is not None and seal.previous_hash != previous.hash:
            return f"does not follow seal {previous.number}"
        if seal.number == 1 and seal.previous_hash:
            return "is the first and names one before it"
        head = self._heads.by_number.get(seal.number)
        if head is not None and head.hash != seal.hash:
            return f"is not the one in {FILE_NAME}"
        return ""

    def _compare(self, found: dict[int, bytes], sealed: dict[int, bytes]) -> None:
        """Name the events of one seal that are not as they were sealed."""
        for event_id in sorted(found.keys() | sealed.keys()):
            if event_id not in found:
                detail = "is missing"
            elif event_id not in sealed:
                detail = "was inserted after its range was sealed"
            elif found[event_id] != sealed[event_id]:
                detail = "was altered"
            else:
                continue
            self._report.add(Finding(event_id, 1, "event", str(event_id), detail))

    def _check_heads(self, last: AuditSeal | None) -> None:
        report, heads = self._report, self._heads
        report.heads, report.restores = len(heads.by_number), heads.restores
        last_number = last.number if last else 0
        begin = last.last_id + 1 if last else 0
        for number in sorted(n for n in heads.by_number if n > last_number):
            report.add(
                Finding(
                    begin,
                    0,
                    "seal",
                    str(number),
                    f"is missing, but {FILE_NAME} has its head: the tail was cut, or the database "
                    "was put back to an earlier state",
                )
            )
        for problem in heads.problems:
            report.add(Finding(LAST, 5, "heads", FILE_NAME, problem))
        if last_number and not heads.is_there:
            report.add(
                Finding(LAST, 5, "heads", FILE_NAME, "is not there, so a cut tail cannot be seen")
            )
        elif heads.newest is not None:
            report.not_exported = max(0, last_number - heads.newest.number)


def _first_id(seal: AuditSeal) -> int:
    return next(iter(read_leaves(bytes(seal.leaves))), seal.last_id)
