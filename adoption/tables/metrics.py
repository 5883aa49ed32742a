"""The catalogue of metrics, values of one, and where its versions stand."""

from __future__ import annotations

from portal.shell.columns import (
    DateColumn,
    FigureColumn,
    LinkTo,
    NumberColumn,
    ShareColumn,
    ShellColumn,
    StatusColumn,
)
from portal.shell.tables import ShellTable


class MetricTable(ShellTable):
    """Rows of `metric_records`."""

    caption = "Metrics"
    default_sort = "label"
    page_size = 100

    label = ShellColumn("Metric", url=LinkTo("metric", "key"), sub="key", row_header=True)
    unit = ShellColumn("Unit")
    grain = ShellColumn("Grain")
    version = ShellColumn("Version")
    standing = ShellColumn("Stands", orderable=False)
    inputs = ShellColumn("Rests on", orderable=False)
    decision = ShellColumn("Decision it supports", orderable=False)


class MetricValueTable(ShellTable):
    """Rows of `value_records`: windows of one scope, newest first."""

    caption = "Values"
    default_sort = "-starts_on"

    starts_on = DateColumn("Window from", row_header=True)
    value = FigureColumn("Value", figure=lambda record: record["figure"], fields=("figure",))
    interval = ShellColumn("Interval", reason="none is given")
    n = NumberColumn("n", reason="not said")
    coverage = ShareColumn("Coverage", reason="not applicable")
    change = ShellColumn("To the window before", reason="no window before")
    ends_on = DateColumn("Up to, not with")
    data_version = NumberColumn("Data version")
    seen = ShellColumn("Seen by the approver")


class StandingTable(ShellTable):
    """Rows of `standing_records`."""

    caption = "Where it stands"
    default_sort = "scope"

    scope = ShellColumn("Scope", url=LinkTo("metric-standing", "pk"), row_header=True)
    version = ShellColumn("Version")
    status = StatusColumn("Status", vocabulary="metric_standing")
    owner = ShellColumn("Answers for it")
    approver = ShellColumn("Approved by", reason="nobody yet")
    until = DateColumn("Until", reason="no approval")
