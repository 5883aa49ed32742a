"""The metrics that a milestone can be measured by."""

from __future__ import annotations

from portal.shell.columns import LinkTo, ShellColumn
from portal.shell.tables import ShellTable


class MetricTable(ShellTable):
    """Rows of `metric_records`."""

    caption = "Metrics"
    default_sort = "label"
    page_size = 100

    label = ShellColumn("Metric", url=LinkTo("metric", "key"), sub="key", row_header=True)
    unit = ShellColumn("Unit")
    version = ShellColumn("Version")
    inputs = ShellColumn("Rests on", orderable=False)
    decision = ShellColumn("Decision it supports", orderable=False)
