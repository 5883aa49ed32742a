"""Random tampering by somebody who owns the database, and what a verification must then name."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from portal.audit.canonical import read_leaves
from portal.audit.report import Report
from portal.models import AuditEvent, AuditPersonal, AuditSeal
from portal.services.audit import verify

_TEXTS = (
    "operation",
    "table_name",
    "record_key",
    "before",
    "after",
    "channel",
    "request_id",
    "reason",
    "database_user",
    "name_commitment",
)
_NUMBERS = ("actor_id", "token_id", "name_id")


class _Undo(Exception):
    """Puts everything back."""


@dataclass(frozen=True)
class Tamper:
    """One act of tampering: what it does, and the first record that must be named."""

    kind: str
    first: str


def execute(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


class Forger:
    """Tampers with sealed events, one act at a time; ids and seals are read once."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._ids = list(AuditEvent.objects.order_by("pk").values_list("pk", flat=True))
        self._seals = [
            (seal.number, list(read_leaves(bytes(seal.leaves))))
            for seal in AuditSeal.objects.order_by("number")
        ]
        self._personal = list(
            AuditEvent.objects.filter(personal_id__isnull=False).values_list("pk", "personal_id")
        )
        self.acts: list[Callable[[], Tamper]] = [
            self.edit_text,
            self.edit_number,
            self.edit_moment,
            self.delete,
            self.swap,
            self.insert,
            self.renumber,
            self.cut_tail,
            self.cut_seals,
            self.edit_seal,
            self.edit_personal,
        ]

    def edit_text(self) -> Tamper:
        event, column = self._rng.choice(self._ids), self._rng.choice(_TEXTS)
        extra = self._rng.choice(["x", " ", "\\", "\x1f", "é", "0"])
        # Some columns are full; there the first character is exchanged.
        full = column in ("name_commitment", "operation", "channel")
        value = f"'{extra}' || substr({column}, 2)" if full else f"{column} || '{extra}'"
        if full:
            old = str(AuditEvent.objects.values_list(column, flat=True).get(pk=event))
            value = "'y'" if not old or old[0] == extra else value
        execute(f"UPDATE portal_auditevent SET {column} = {value} WHERE id = %s", event)  # noqa: S608  (names of our own)
        return Tamper(f"edit {column}", f"event {event} was altered")

    def edit_number(self) -> Tamper:
        event, column = self._rng.choice(self._ids), self._rng.choice(_NUMBERS)
        execute(
            f"UPDATE portal_auditevent SET {column} = coalesce({column}, 0) + 1 "  # noqa: S608  (names of our own)
            "WHERE id = %s",
            event,
        )
        return Tamper(f"edit {column}", f"event {event} was altered")

    def edit_moment(self) -> Tamper:
        event = self._rng.choice(self._ids)
        later = (
            "substr(at, 1, 23) || '001'"
            if connection.vendor == "sqlite"
            else "at + interval '1 microsecond'"
        )
        execute(f"UPDATE portal_auditevent SET at = {later} WHERE id = %s", event)  # noqa: S608  (names of our own)
        return Tamper("edit moment", f"event {event} was altered")

    def delete(self) -> Tamper:
        event = self._rng.choice(self._ids)
        execute("DELETE FROM portal_auditevent WHERE id = %s", event)
        return Tamper("delete", f"event {event} is missing")

    def swap(self) -> Tamper:
        first, second = sorted(self._rng.sample(self._ids, 2))
        for old, new in ((first, -1), (second, first), (-1, second)):
            execute("UPDATE portal_auditevent SET id = %s WHERE id = %s", new, old)
        return Tamper("swap", f"event {first} was altered")

    def insert(self) -> Tamper:
        """Into a gap, or before the first."""
        known = set(self._ids)
        gaps = [n for n in range(min(known), max(known)) if n not in known]
        event = self._rng.choice([*gaps, 0, -5])
        self._copy(self._rng.choice(self._ids), event)
        return Tamper("insert", f"event {event} was inserted")

    def renumber(self) -> Tamper:
        """Make room in the middle: what follows moves up by one."""
        event = self._rng.choice(self._ids[:-1])
        execute("UPDATE portal_auditevent SET id = -id - 1 WHERE id >= %s", event)
        execute("UPDATE portal_auditevent SET id = -id WHERE id < 0")
        self._copy(event + 1, event)
        following = next((n for n in self._ids if n > event), None)
        if following == event + 1:
            return Tamper("renumber", f"event {following} was altered")
        return Tamper("renumber", f"event {event + 1} was inserted")

    def _copy(self, source: int, target: int) -> None:
        names = [
            str(field.column) for field in AuditEvent._meta.concrete_fields if not field.primary_key
        ]
        columns = ", ".join(names)
        execute(
            f"INSERT INTO portal_auditevent (id, {columns}) "  # noqa: S608  (names of our own)
            f"SELECT %s, {columns} FROM portal_auditevent WHERE id = %s",
            target,
            source,
        )

    def cut_tail(self) -> Tamper:
        event = self._rng.choice(self._ids)
        execute("DELETE FROM portal_auditevent WHERE id >= %s", event)
        return Tamper("cut tail", f"event {event} is missing")

    def cut_seals(self) -> Tamper:
        """The tail with its seals, exactly: only the heads outside know."""
        number, ids = self._rng.choice(self._seals[1:])
        execute("DELETE FROM portal_auditevent WHERE id >= %s", ids[0])
        execute("DELETE FROM portal_auditseal WHERE number >= %s", number)
        return Tamper("cut seals", f"seal {number} is missing, but")

    def edit_seal(self) -> Tamper:
        number, _ = self._rng.choice(self._seals)
        change = self._rng.choice(
            [
                "count = count + 1",
                "total = total + 1",
                "signature = '00'",
                "hash = '00'",
                "previous_hash = '00'",
                "last_id = last_id + 1",
                "key_number = 3",
            ]
        )
        execute(f"UPDATE portal_auditseal SET {change} WHERE number = %s", number)  # noqa: S608  (names of our own)
        return Tamper(f"seal {change}", f"seal {number} ")

    def edit_personal(self) -> Tamper:
        event, personal = self._rng.choice(self._personal)
        assert personal is not None
        row = AuditPersonal.objects.get(pk=personal)
        change, value = self._rng.choice(
            [("value", f"{row.value} "), ("salt", "00"), ("person_id", 999)]
        )
        execute(
            f"UPDATE portal_auditpersonal SET {change} = %s WHERE id = %s",  # noqa: S608  (names of our own)
            value,
            personal,
        )
        return Tamper(f"personal {change}", f"personal {personal} (of event {event})")


def tamper(rng: random.Random, rounds: int) -> list[str]:
    """Tamper so many times, each undone again; the caller has lifted the triggers.

    Returns:
        what was not found, or found in the wrong place.
    """
    forger = Forger(rng)
    missed = []
    for turn in range(rounds):
        act = forger.acts[turn % len(forger.acts)]
        with _undone():
            done = act()
            report = verify()
            if not str(report.first_bad).startswith(done.first):
                missed.append(f"round {turn}, {done.kind}: {report.first_bad}, not {done.first}")
    return missed


@contextmanager
def _undone() -> Any:
    try:
        with transaction.atomic():
            yield
            raise _Undo
    except _Undo:
        pass


def assert_whole(report: Report) -> None:
    assert report.is_whole, str(report.first_bad)
