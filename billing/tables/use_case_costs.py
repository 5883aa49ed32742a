"""Tables of the cost panel on a use case's page."""

from __future__ import annotations

from billing.tables.figures import figure_of
from portal.shell.columns import FigureColumn, ShellColumn
from portal.shell.tables import ShellTable


class ServiceCostTable(ShellTable):
    """One row a service, largest first."""

    caption = "Cost by service"
    service = ShellColumn("Service", row_header=True, sub="provider", fields=("provider",))
    billed = FigureColumn("Billed", figure=figure_of("billed"), fields=("billed",))
    effective = FigureColumn("Effective", figure=figure_of("effective"), fields=("effective",))


class MonthCostTable(ShellTable):
    """One row a month, newest first."""

    caption = "Cost by month"
    month = ShellColumn("Month", row_header=True)
    billed = FigureColumn("Billed", figure=figure_of("billed"), fields=("billed",))
    effective = FigureColumn("Effective", figure=figure_of("effective"), fields=("effective",))
