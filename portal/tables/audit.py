"""Events and seals of the audit as tables."""

from __future__ import annotations

from django.utils.html import escape

from portal.selectors.audit import actor_text, table_labels
from portal.shell.columns import (
    HtmlColumn,
    LinkTo,
    MomentColumn,
    NumberColumn,
    Record,
    ShellColumn,
    StatusColumn,
)
from portal.shell.tables import ShellTable


def _actor(record: Record) -> str:
    return actor_text(record["actor_name"], record["name_erasure"], record["channel"])


def _subject(record: Record) -> str:
    table = record["table"]
    return f"{table_labels().get(table, table)} {record['key']}".strip()


class AuditEventTable(ShellTable):
    """Rows of `events_visible_to`."""

    caption = "Events"
    default_sort = "-number"
    unique_key = ("-pk",)

    number = ShellColumn(
        "Event", accessor="pk", url=LinkTo("audit-event", "pk"), row_header=True, sort_by=("pk",)
    )
    at = MomentColumn("When", orderable=False)
    operation = StatusColumn("What", vocabulary="audit", orderable=False)
    subject = HtmlColumn(
        "Subject", html=lambda r: escape(_subject(r)), text=_subject, fields=("table", "key")
    )
    actor = HtmlColumn(
        "Who",
        html=lambda r: escape(_actor(r)),
        text=_actor,
        fields=("actor_name", "name_erasure", "channel"),
    )
    channel = ShellColumn("By way of", orderable=False)
    reason = ShellColumn("Reason", reason="none given", orderable=False)


class AuditSealTable(ShellTable):
    """Rows of `seals_visible_to`."""

    caption = "Seals"
    default_sort = "-number"
    unique_key = ("-number",)

    number = ShellColumn("Seal", row_header=True)
    sealed_at = MomentColumn("Sealed", orderable=False)
    count = NumberColumn("Events", orderable=False)
    total = NumberColumn("Events in all", orderable=False)
    key_number = NumberColumn("Key", orderable=False, help_text="Number of the key that signed it")
    hash = ShellColumn("Hash", orderable=False)
