"""Import runs as a table."""

from __future__ import annotations

from portal.shell.columns import LinkTo, MomentColumn, NumberColumn, ShellColumn, StatusColumn
from portal.shell.tables import ShellTable


class ImportRunTable(ShellTable):
    """Rows of `runs_visible_to`."""

    caption = "Import runs"
    default_sort = "-number"
    unique_key = ("-pk",)

    number = ShellColumn(
        "Run", accessor="pk", url=LinkTo("import-run", "pk"), row_header=True, sort_by=("pk",)
    )
    status = StatusColumn("Status", vocabulary="run", orderable=False)
    connection = ShellColumn(
        "Connection",
        accessor="connection__name",
        url=LinkTo("connection", "connection__slug"),
        orderable=False,
    )
    requested_at = MomentColumn("Requested", orderable=False)
    read = NumberColumn("Read", orderable=False)
    inserted = NumberColumn("Inserted", orderable=False)
    updated = NumberColumn("Updated", orderable=False)
    unchanged = NumberColumn("Unchanged", orderable=False)
    rejected = NumberColumn("Rejected", orderable=False)
    superseded = NumberColumn(
        "Withdrawn",
        orderable=False,
        help_text="Stored rows that the source no longer sends; kept as history",
    )


class ConnectionRunTable(ImportRunTable):
    """The runs of one connection."""

    caption = "Runs of this connection"
    page_size = 10

    class Meta:
        exclude = ("connection",)
