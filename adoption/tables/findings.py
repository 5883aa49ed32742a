"""Findings as a table. Nobody's name is in it."""

from __future__ import annotations

from portal.shell.columns import LinkTo, MomentColumn, ShellColumn, StatusColumn
from portal.shell.tables import ShellTable


class FindingTable(ShellTable):
    """Rows of `findings_visible_to`."""

    caption = "Findings"
    default_sort = "-found_at"
    unique_key = ("-pk",)

    label = ShellColumn(
        "Telltale", url=LinkTo("finding-acknowledge", "pk"), row_header=True, orderable=False
    )
    scope_name = ShellColumn("Of", sub="scope_kind")
    said = ShellColumn("What moved", orderable=False)
    window_starts_on = ShellColumn("Four weeks from")
    state = StatusColumn("State", vocabulary="finding", orderable=False)
    reason = ShellColumn("What is behind it", orderable=False, reason="nobody said yet")
    found_at = MomentColumn("Noticed")
