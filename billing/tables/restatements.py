"""The list of restatements."""

from __future__ import annotations

from django.utils.html import format_html

from portal.shell.columns import (
    DateColumn,
    ExportValue,
    LinkTo,
    MomentColumn,
    MoneyColumn,
    Record,
    ShellColumn,
)
from portal.shell.formats import nano_money_text
from portal.shell.money import from_nano, nano_text
from portal.shell.tables import ShellTable


class OldToNewColumn(ShellColumn):
    """Old → new in one cell of the page; in the export a column each, exact, and the difference.

    `moved` is the key of the difference.
    """

    css = "w"

    def __init__(self, verbose_name: str, *, old: str, new: str, moved: str) -> None:
        super().__init__(
            verbose_name, accessor=new, fields=(old, moved, "currency"), orderable=False
        )
        self.old, self.moved = old, moved

    def inner_html(self, value: int, record: Record) -> str:
        currency = record["currency"]
        return format_html(
            '<span title="{} to {} {}">{} → {}</span>',
            nano_text(record[self.old]),
            nano_text(value),
            currency,
            nano_money_text(record[self.old], currency),
            nano_money_text(value, currency),
        )

    def export_headings(self, heading: str) -> list[str]:
        parts = ("old", "new", "difference", "currency")
        return [f"{heading} ({part})" for part in parts]

    def export_values(self, record: Record) -> list[ExportValue]:
        amounts = (record[self.old], self.value(record), record[self.moved])
        return [*map(from_nano, amounts), record["currency"]]


class PageOnlyMoneyColumn(MoneyColumn):
    """Shown beside what the export writes already."""

    def export_headings(self, heading: str) -> list[str]:
        return []

    def export_values(self, record: Record) -> list[ExportValue]:
        return []


class RestatementTable(ShellTable):
    """Old → new → why, one row for a slice that an import changed."""

    caption = "Restatements"
    default_sort = "-restated_at"

    day = DateColumn("Day", row_header=True)
    restated_at = MomentColumn("Restated")
    run = ShellColumn("Run", accessor="run_id", orderable=False)
    billed = OldToNewColumn(
        "Billed", old="old_billed_nano", new="new_billed_nano", moved="moved_nano"
    )
    moved_nano = PageOnlyMoneyColumn("Difference", help_text="New billed minus old billed")
    effective = OldToNewColumn(
        "Effective", old="old_effective_nano", new="new_effective_nano",
        moved="moved_effective_nano",
    )  # fmt: skip
    reason = ShellColumn("Why", orderable=False)
    source = ShellColumn(
        "Source",
        accessor="slice__connection__name",
        sub="slice__billing_account_id",
        orderable=False,
    )


class RestatementWithRunTable(RestatementTable):
    """The same for those who may open the run."""

    run = ShellColumn("Run", accessor="run_id", url=LinkTo("import-run", "run_id"), orderable=False)
