"""Stored hooks, and the connections that take them, as tables."""

from __future__ import annotations

from portal.shell.columns import LinkTo, MomentColumn, NumberColumn, ShellColumn, StatusColumn
from portal.shell.tables import ShellTable


class HookTable(ShellTable):
    """Rows of `hooks_visible_to`."""

    caption = "Stored hooks"
    default_sort = "-number"
    unique_key = ("-pk",)

    number = ShellColumn(
        "Hook", accessor="pk", url=LinkTo("hook", "pk"), row_header=True, sort_by=("pk",)
    )
    connection = ShellColumn("Connection", accessor="connection__name", orderable=False)
    event = ShellColumn("Event", orderable=False, reason="not said")
    state = StatusColumn("State", vocabulary="hook", orderable=False)
    reason = ShellColumn("Rule or reason", orderable=False, reason="none")
    received_at = MomentColumn("Received", orderable=False)
    size = NumberColumn("Bytes", orderable=False)


class HookConnectionTable(ShellTable):
    """Rows of `hook_connections`."""

    caption = "Connections that take hooks"
    name = ShellColumn(
        "Connection", url=LinkTo("hook-connection", "slug"), row_header=True, orderable=False
    )
    source = ShellColumn("Source", orderable=False)
    hooks = NumberColumn("Hooks", orderable=False)
    stuck = NumberColumn("To look at", orderable=False, help_text="Waiting, failed or refused")
    last_hook = MomentColumn("Last", orderable=False, nullable=True, reason="none yet")
