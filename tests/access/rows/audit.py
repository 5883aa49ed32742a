"""The audit: auditors alone, since it shows what everybody did."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from portal.audit.seal import seal_events
from portal.models import AuditEvent
from tests.access.matrix import EVERYBODY, Column, Door, Row, listing, only, page
from tests.access.readers import Reader

READ = only(Column.AUDITOR)
UNSEEN = EVERYBODY - READ

ROWS = [
    listing("audit", READ, unseen=UNSEEN),
    page("audit-event", READ, values={"pk": "audited.pk"}, unseen=UNSEEN),
    page("audit-export", READ, unseen=UNSEEN),
    Row("audit-seals", {"GET": Door(READ), "POST": Door(READ)}, unseen=UNSEEN),
]
READERS = [
    Reader("portal.selectors.audit:events_visible_to", READ),
    Reader("portal.selectors.audit:seals_visible_to", READ, counts={Column.AUDITOR: 1}),
    Reader("portal.selectors.audit:head_visible_to", READ),
]


def prepare(world: Any) -> None:
    """What building the world wrote was recorded; its first event serves, and one seal is made."""
    # The service would note a head outside the database when this is committed, which it never is.
    seal_events(at=timezone.now(), patience=0.0)
    world.add(audited=AuditEvent.objects.earliest("pk"))
