"""Connections as a table."""

from __future__ import annotations

from django.urls import reverse
from django.utils.html import format_html

from portal.imports.registry import import_sources
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


def source_label(key: str) -> str:
    """What a person calls a source; its key when the room that had it is gone."""
    return import_sources.get(key).label if key in import_sources else key


def _source(record: Record) -> str:
    return source_label(record["source"])


def _activity(record: Record) -> str:
    return "Active" if record["is_active"] else "Switched off"


def _to_quarantine(record: Record) -> str:
    if not record["waiting_rows"]:
        return ""
    return f"{reverse('rejected-row-list')}?connection={record['pk']}&state=waiting"


def _to_held(record: Record) -> str:
    if not record["held_runs"]:
        return ""
    return f"{reverse('import-run-list')}?connection={record['pk']}&status=held"


class ConnectionTable(ShellTable):
    """Rows of `connections_with_standing`."""

    caption = "Connections"
    default_sort = "name"

    name = ShellColumn("Connection", url=LinkTo("connection", "slug"), row_header=True, sub="slug")
    source = HtmlColumn(
        "Source",
        html=lambda record: format_html(
            '{}<span class="sub">{}</span>', _source(record), _activity(record)
        ),
        text=_source,
        fields=("source", "is_active"),
        sort_by=("source",),
    )
    last_status = StatusColumn(
        "Last run",
        vocabulary="run",
        url=LinkTo("import-run", "last_run"),
        reason="never imported",
        orderable=False,
    )
    applied_at = MomentColumn(
        "Data as of",
        reason="nothing applied yet",
        nullable=True,
        help_text="When a run of this connection was last applied",
    )
    waiting_rows = NumberColumn("Rows in quarantine", url=_to_quarantine, fields=("pk",))
    held_runs = NumberColumn("Held runs", url=_to_held, fields=("pk",))
