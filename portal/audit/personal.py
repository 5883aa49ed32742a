"""Checks that names and personal values are what the events are bound to, or lawfully gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from portal.audit.report import LAST, Finding
from portal.audit.values import commitment

_CHUNK = 2000


def personal_findings(connection: BaseDatabaseWrapper) -> Iterator[Finding]:
    """What is wrong with the clear values beside the events."""
    erasures = _erasures(connection)
    yield from _name_findings(connection, erasures)
    yield from _value_findings(connection, erasures)


def _rows(
    connection: BaseDatabaseWrapper, statement: str, values: list[Any] | None = None
) -> Iterator[tuple[Any, ...]]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(statement, values or [])
        while rows := cursor.fetchmany(_CHUNK):
            yield from rows


def _erasures(connection: BaseDatabaseWrapper) -> dict[int, str]:
    """Erasing event → whom it erased."""
    statement = "SELECT id, record_key FROM portal_auditevent WHERE operation = 'erased'"
    return dict(_rows(connection, statement))


def _problem(
    erasures: dict[int, str],
    bound_to: str,
    person_id: int | None,
    salt: str,
    value: str,
    erasure_id: int | None,
) -> str:
    if erasure_id is None:
        if commitment(salt, person_id, value) == bound_to:
            return ""
        return "is not the value that the event is bound to"
    if value or salt:
        return "is marked as erased and is not"
    if erasure_id not in erasures:
        return "was erased without an erasing event"
    if person_id is not None and erasures[erasure_id] != str(person_id):
        return "was erased by an event that speaks of somebody else"
    return ""


def _name_findings(connection: BaseDatabaseWrapper, erasures: dict[int, str]) -> Iterator[Finding]:
    names = {
        row[0]: row[1:]
        for row in _rows(
            connection, "SELECT id, person_id, salt, name, erasure_id FROM portal_auditname"
        )
    }
    used = set()
    for name_id, bound_to, event_id in _rows(
        connection,
        "SELECT name_id, name_commitment, min(id) FROM portal_auditevent "
        "WHERE name_id IS NOT NULL GROUP BY name_id, name_commitment",
    ):
        used.add(name_id)
        problem = (
            _problem(erasures, bound_to, *names[name_id]) if name_id in names else "is missing"
        )
        if problem:
            yield Finding(event_id, 2, "name", f"{name_id} (of event {event_id})", problem)
    for name_id in sorted(names.keys() - used):
        yield Finding(LAST, 2, "name", str(name_id), "belongs to no event")


def _value_findings(connection: BaseDatabaseWrapper, erasures: dict[int, str]) -> Iterator[Finding]:
    statement = (
        "SELECT e.id, e.personal_id, e.personal_commitment, p.id, p.person_id, p.salt, p.value, "
        "p.erasure_id FROM portal_auditevent e "
        "LEFT JOIN portal_auditpersonal p ON p.id = e.personal_id "
        "WHERE e.personal_id IS NOT NULL ORDER BY e.id"
    )
    for event_id, personal_id, bound_to, found, *row in _rows(connection, statement):
        problem = "is missing" if found is None else _problem(erasures, bound_to, *row)
        if problem:
            record = f"{personal_id} (of event {event_id})"
            yield Finding(event_id, 2, "personal", record, problem)
    orphans = (
        "SELECT p.id FROM portal_auditpersonal p WHERE NOT EXISTS "
        "(SELECT 1 FROM portal_auditevent e WHERE e.personal_id = p.id) ORDER BY p.id"
    )
    for (personal_id,) in _rows(connection, orphans):
        yield Finding(LAST, 2, "personal", str(personal_id), "belongs to no event")
