"""Background work as a table."""

from __future__ import annotations

from typing import Any

from django.utils.html import escape

from portal.shell.columns import (
    ExportValue,
    LinkTo,
    MomentColumn,
    NumberColumn,
    Record,
    ShellColumn,
    StatusColumn,
)
from portal.shell.tables import ShellTable
from portal.work.registry import label_of


class KindColumn(ShellColumn):
    """A kind of work in words."""

    def inner_html(self, value: Any, record: Record) -> str:
        return escape(label_of(value))

    def export_values(self, record: Record) -> list[ExportValue]:
        return [label_of(self.value(record))]


class WorkTable(ShellTable):
    """Rows of `work_visible_to`."""

    caption = "Background work"
    default_sort = "-number"
    unique_key = ("-pk",)

    number = ShellColumn(
        "Work", accessor="pk", url=LinkTo("work-item", "pk"), row_header=True, sort_by=("pk",)
    )
    kind = KindColumn("What", sub="key", orderable=False)
    status = StatusColumn("Status", vocabulary="work", orderable=False)
    attempt = NumberColumn("Attempts", orderable=False)
    requested_at = MomentColumn("Requested", orderable=False)
    finished_at = MomentColumn("Ended", orderable=False, reason="not yet")
    problem = ShellColumn("Problem", orderable=False, reason="none")


class OpenImportTable(ShellTable):
    """Import runs that are open, held or failed."""

    caption = "Imports"
    number = ShellColumn(
        "Run", accessor="pk", url=LinkTo("import-run", "pk"), row_header=True, orderable=False
    )
    connection = ShellColumn("Connection", accessor="connection__name", orderable=False)
    status = StatusColumn("Status", vocabulary="run", orderable=False)
    attempt = NumberColumn("Attempts", orderable=False)
    requested_at = MomentColumn("Requested", orderable=False)
    progress_rows = NumberColumn("Rows so far", orderable=False)
