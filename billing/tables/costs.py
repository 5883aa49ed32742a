"""The cost explorer as a table: one row a group, currency and basis."""

from __future__ import annotations

from billing.tables.figures import figure_of
from portal.shell.columns import (
    DateColumn,
    FigureColumn,
    MoneyColumn,
    NumberColumn,
    Record,
    ShellColumn,
    StatusColumn,
)
from portal.shell.tables import ShellTable


def _narrower(record: Record) -> str:
    url: str = record["url"]
    return url


class CostTable(ShellTable):
    """Rows of `billing.views.explorer`. Sorting keeps currencies and bases apart."""

    caption = "Cost"
    default_sort = "name"

    name = ShellColumn(
        "Group",
        row_header=True,
        url=_narrower,
        sub="sub",
        sort_by=("place", "currency", "basis"),
        fields=("url", "place"),
    )
    billed = FigureColumn(
        "Billed",
        figure=figure_of("billed"),
        fields=("billed",),
        sort_by=("currency", "basis", "billed_nano"),
    )
    effective = FigureColumn(
        "Effective",
        figure=figure_of("effective"),
        fields=("effective",),
        sort_by=("currency", "basis", "effective_nano"),
    )
    lines = NumberColumn("Lines", help_text="Cost lines, or parts of lines that were split")
    newest_day = DateColumn("Newest day", help_text="Last day (UTC) with a line")


class LargestCostTable(CostTable):
    """The same for groups without an order of their own: the largest first."""

    default_sort = "-billed"


class PivotTable(ShellTable):
    """Rows and columns of one currency and basis; the page adds a column for each group."""

    caption = "Cost by row and column"
    default_sort = "name"

    name = ShellColumn("Row", row_header=True, sort_by=("place",), fields=("place",))
    total = MoneyColumn(
        "Total",
        url=lambda record: record["total_url"],
        fields=("total_url",),
        reason="no line states one",
        nullable=True,
    )
    basis = ShellColumn("Basis")
    status = StatusColumn(
        "Status", vocabulary="figure", help_text="The least settled of the amounts in the row"
    )
