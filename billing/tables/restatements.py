"""The list of restatements."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import format_html

from billing.selectors.restatements import new_amount_statuses
from billing.tables.figures import RowStatusColumn
from billing.tables.moments import PastTable
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
            nano_money_text(record[self.old], "").strip(),  # in the currency of the new one
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


class NewStatusColumn(RowStatusColumn):
    """How settled the new amounts are; `enrich` says it, no column of the database does."""

    def needed(self) -> set[str]:
        return {"slice_id", "restated_at"}


class SourceColumn(ShellColumn):
    """A source and its account: it keeps its width, so that a row is two lines and not five."""

    css = "text"


class RestatementTable(PastTable):
    """Old → new → why, one row for a slice that an import changed.

    What moved, of which source and how settled it is stands first; a narrow window scrolls to when
    and why.
    """

    caption = "Restatements"
    default_sort = "-restated_at"

    day = DateColumn("Day", row_header=True)
    source = SourceColumn(
        "Source",
        accessor="slice__connection__name",
        sub="slice__billing_account_id",
        orderable=False,
    )
    billed = OldToNewColumn(
        "Billed", old="old_billed_nano", new="new_billed_nano", moved="moved_nano"
    )
    moved_nano = PageOnlyMoneyColumn("Difference", help_text="New billed minus old billed")
    status = NewStatusColumn(help_text="Of the new amounts: closed once a close has taken them in")
    effective = OldToNewColumn(
        "Effective", old="old_effective_nano", new="new_effective_nano",
        moved="moved_effective_nano",
    )  # fmt: skip
    restated_at = MomentColumn("Restated")
    run = ShellColumn("Run", accessor="run_id", orderable=False)
    reason = ShellColumn("Why", orderable=False)

    def enrich(self, records: Sequence[Record]) -> Sequence[Record]:
        statuses = new_amount_statuses(records, at=self.at)
        return [
            {**record, "status": status} for record, status in zip(records, statuses, strict=True)
        ]


class RestatementWithRunTable(RestatementTable):
    """The same for those who may open the run."""

    run = ShellColumn("Run", accessor="run_id", url=LinkTo("import-run", "run_id"), orderable=False)
