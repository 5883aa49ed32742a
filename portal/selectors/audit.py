"""Reading the audit: events with the names under which people acted, differences, seals."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import OuterRef, QuerySet, Subquery

from portal.approvals.difference import FieldChange, changes_of
from portal.audit.registry import governed_tables
from portal.audit.values import PERSONAL
from portal.models import AuditEvent, AuditName, AuditPersonal, AuditSeal
from portal.policies import AnyUser, may_read_audit

ERASED = "(erased)"


def events_visible_to(user: AnyUser) -> QuerySet[AuditEvent]:
    """Every event, newest first, with `actor_name` as it was then; none for others than auditors.

    The name is empty where nobody was named and `None` where it was erased.
    """
    names = AuditName.objects.filter(pk=OuterRef("name_id"))
    rows = AuditEvent.objects.annotate(
        actor_name=Subquery(names.values("name")[:1]),
        name_erasure=Subquery(names.values("erasure_id")[:1]),
    ).order_by("-pk")
    return rows if may_read_audit(user) else rows.none()


def seals_visible_to(user: AnyUser) -> QuerySet[AuditSeal]:
    """Every seal, newest first, without its leaves; none for others than auditors."""
    rows = AuditSeal.objects.defer("leaves").order_by("-number")
    return rows if may_read_audit(user) else rows.none()


@dataclass(frozen=True, slots=True)
class AuditHead:
    """How far the audit goes; what a backup notes and a restore compares.

    Attributes:
        count: events in all.
        last_id: the newest event's id; 0 when there is none.
        seal: the newest seal's number; None when there is none.
        hash: the newest seal's hash in hexadecimal digits; empty when there is none.
    """

    count: int
    last_id: int
    seal: int | None
    hash: str


def audit_head(*, using: str = DEFAULT_DB_ALIAS) -> AuditHead:
    """Count and newest seal, as they are now."""
    events = AuditEvent.objects.using(using)
    newest = events.order_by("-pk").values_list("pk", flat=True).first()
    seal = AuditSeal.objects.using(using).order_by("-number").values("number", "hash").first()
    return AuditHead(
        count=events.count(),
        last_id=newest or 0,
        seal=seal["number"] if seal else None,
        hash=seal["hash"] if seal else "",
    )


def head_visible_to(user: AnyUser) -> AuditHead | None:
    """How far the audit goes, as it is now; None for others than auditors."""
    return audit_head() if may_read_audit(user) else None


def names_like(text: str, *, limit: int = 1000) -> list[int]:
    """Ids of names that contain the text, upper and lower case alike."""
    found = AuditName.objects.filter(name__icontains=text).order_by("pk")
    return list(found.values_list("pk", flat=True)[:limit])


def table_labels() -> dict[str, str]:
    """Governed table → what its rows are called."""
    return {
        governed.table: str(governed.model._meta.verbose_name).capitalize()
        for governed in governed_tables
    }


def actor_text(name: str | None, erasure_id: int | None, channel: str) -> str:
    """Who acted, in a word or two."""
    if erasure_id is not None:
        return ERASED
    return name or {"system": "The portal itself", "database": "Somebody in the database"}.get(
        channel, ""
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """What an event changed, field by field, and whether personal values were erased from it."""

    changes: list[FieldChange]
    is_erased: bool


def difference_of(event: AuditEvent) -> Difference:
    """Readable before and after, with the personal values while they are there."""
    before, after = _document(event.before), _document(event.after)
    aside = AuditPersonal.objects.filter(pk=event.personal_id or 0)
    personal = aside.first()
    clear: Mapping[str, Any] = json.loads(personal.value) if personal and personal.value else {}
    is_erased = personal is not None and personal.erasure_id is not None
    return Difference(
        changes=changes_of(
            {
                "before": _texts(before, clear.get("before") or {}, is_erased),
                "after": _texts(after, clear.get("after") or {}, is_erased),
            }
        ),
        is_erased=is_erased,
    )


def _document(text: str) -> Mapping[str, Any]:
    return json.loads(text) if text else {}


def _texts(
    document: Mapping[str, Any], clear: Mapping[str, Any], is_erased: bool
) -> dict[str, str | None]:
    """Column → its value in words; missing columns are left out."""
    found: dict[str, str | None] = {}
    for column, value in document.items():
        shown = clear.get(column, value) if value == PERSONAL else value
        if value == PERSONAL and is_erased:
            shown = ERASED
        found[column.removesuffix("_id").replace("_", " ")] = _text(shown)
    return found


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def event_documents(events: Iterable[AuditEvent]) -> Iterator[dict[str, Any]]:
    """The events for an export, as they are stored; personal values are not part of it."""
    for event in events:
        yield {
            "id": event.pk,
            "at": event.at.astimezone(UTC).isoformat(),
            "operation": event.operation,
            "table": event.table,
            "key": event.key,
            "before": _document(event.before) or None,
            "after": _document(event.after) or None,
            "channel": event.channel,
            "actor_id": event.actor_id,
            "actor": getattr(event, "actor_name", None) or None,
            "token_id": event.token_id,
            "request_id": event.request_id or None,
            "reason": event.reason or None,
            "database_user": event.database_user or None,
        }
