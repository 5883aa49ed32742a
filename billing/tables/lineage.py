"""Tables of the lineage pages."""

from __future__ import annotations

from billing.tables.figures import SettledColumn, figure_of
from portal.shell.columns import (
    DateColumn,
    FigureColumn,
    LinkTo,
    MoneyColumn,
    NumberColumn,
    ShellColumn,
)
from portal.shell.tables import ShellTable


class LineTable(ShellTable):
    """Parts of charges, by day, each with the line that it came from."""

    caption = "Lines of this figure"

    charge = ShellColumn("Charge", row_header=True, url=LinkTo("charge", "charge"))
    day = DateColumn("Day")
    service = ShellColumn("Service", sub="provider", fields=("provider",))
    description = ShellColumn("Description", sub="sub_account", reason="the source gives none")
    billed_nano = SettledColumn("Billed")
    effective_nano = MoneyColumn("Effective", reason="not stated")
    whole_nano = MoneyColumn("Of the line", help_text="Billed cost of the whole line")
    rule = ShellColumn("Taken by", url=lambda record: record["rule_url"], fields=("rule_url",))
    origin = ShellColumn("From", sub="run", fields=("run",))


class OriginTable(ShellTable):
    """What one rule took out of one file, largest first."""

    caption = "Rules and files"

    rule = ShellColumn(
        "Rule", row_header=True, url=lambda record: record["rule_url"], fields=("rule_url",)
    )
    file = ShellColumn("File", sub="run", fields=("run",))
    lines = NumberColumn("Lines")
    billed_nano = SettledColumn("Billed")
    effective_nano = MoneyColumn("Effective")
    basis = ShellColumn("Basis")


class VersionTable(ShellTable):
    """Every version of a cost line, newest first."""

    caption = "Versions of this line"

    charge = ShellColumn("Charge", row_header=True, url=LinkTo("charge", "charge"))
    state = ShellColumn("State")
    billed_nano = SettledColumn("Billed")
    effective_nano = MoneyColumn("Effective", reason="not stated")
    recorded = ShellColumn("Recorded")
    superseded = ShellColumn("Superseded", reason="still live")
    origin = ShellColumn("From", sub="run", fields=("run",))


class PartTable(ShellTable):
    """Where a cost line went."""

    caption = "Allocations of this line"

    target = ShellColumn(
        "Use case", row_header=True, url=lambda record: record["url"], fields=("url",)
    )
    billed_nano = SettledColumn("Billed")
    effective_nano = MoneyColumn("Effective", reason="not stated")
    rule = ShellColumn("By", url=lambda record: record["rule_url"], fields=("rule_url",))
    rounding = ShellColumn("Rounding", reason="not split")


class PastSumTable(ShellTable):
    """A figure at an earlier moment beside what it is now."""

    caption = "Then and now"

    kind = ShellColumn("Currency and basis", row_header=True)
    then = FigureColumn("Recorded then", figure=figure_of("then"), fields=("then",))
    then_lines = NumberColumn("Lines then")
    now = FigureColumn("Now", figure=figure_of("now"), fields=("now",))
    moved_nano = MoneyColumn("Difference", reason="no difference can be stated")
