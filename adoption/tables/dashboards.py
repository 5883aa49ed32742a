"""Dashboards and snapshots as tables."""

from __future__ import annotations

from adoption.selectors.dashboard_tiles import definition_url
from portal.shell.columns import (
    DateColumn,
    LinkTo,
    MomentColumn,
    NumberColumn,
    ShellColumn,
    StatusColumn,
)
from portal.shell.tables import ShellTable


class DashboardTable(ShellTable):
    """Rows of `dashboard_rows`."""

    caption = "Dashboards"
    default_sort = "title"

    title = ShellColumn("Dashboard", url=LinkTo("dashboard", "slug"), row_header=True)
    goal = ShellColumn(
        "Goal", accessor="milestone__title", nullable=True, reason="its goal was withdrawn"
    )
    owner = ShellColumn("Owner", accessor="owner__full_name")
    status = StatusColumn("Status", accessor="shown_status", vocabulary="dashboard")
    approved_number = NumberColumn("Version", nullable=True, reason="none approved")
    expires_at = MomentColumn("Approved until", nullable=True, reason="not approved")


class TileValueTable(ShellTable):
    """The windows of a tile, newest first."""

    caption = "Values"
    window = ShellColumn("Window", row_header=True, orderable=False)
    value = ShellColumn("Value", reason_key="reason", orderable=False)
    unit = ShellColumn("Unit", orderable=False)
    n = NumberColumn("n", orderable=False, reason="not told")
    status = StatusColumn("Status", vocabulary="figure", orderable=False)


class AccessTable(ShellTable):
    """How often a dashboard was used, by action and role."""

    caption = "Use by role"
    action = ShellColumn("What", row_header=True, orderable=False)
    role = ShellColumn("By", orderable=False)
    count = NumberColumn("Times", orderable=False, reason="fewer than five")


class SnapshotTable(ShellTable):
    """Rows of `snapshots_visible_to`."""

    caption = "Snapshots"
    default_sort = "-number"
    unique_key = ("-pk",)

    number = NumberColumn("Snapshot", url=LinkTo("snapshot", "number"), row_header=True)
    published_at = MomentColumn("Published")
    value_count = NumberColumn("Values")
    dashboard_count = NumberColumn("Dashboards")
    sha256 = ShellColumn("SHA-256", orderable=False)


class SnapshotValueTable(ShellTable):
    """Rows of `values_of`, in the order of the document."""

    caption = "Values in this snapshot"
    metric = ShellColumn(
        "Metric", url=lambda row: definition_url(row["metric"]), row_header=True, sub="version"
    )
    scope = ShellColumn("Of")
    window = ShellColumn("Window")
    value = ShellColumn("Value", reason_key="reason", orderable=False)
    unit = ShellColumn("Unit")
    n = NumberColumn("n", nullable=True, reason="not told")
    standing = StatusColumn("Standing", vocabulary="tile")
    status = StatusColumn("Status", vocabulary="figure")


class DashboardLogTable(ShellTable):
    """What became of a dashboard, newest first."""

    caption = "What became of it"
    changed_at = DateColumn("When", row_header=True, orderable=False)
    to_status = StatusColumn("Became", vocabulary="dashboard", orderable=False)
    number = NumberColumn("Version", orderable=False, nullable=True, reason="none approved")
    by = ShellColumn("By", orderable=False, reason="the passing of time")
    reason = ShellColumn("Why", orderable=False, reason="none given")
