"""The list of restatements."""

from __future__ import annotations

from django.utils.html import format_html

from portal.shell.columns import (
    DateColumn,
    HtmlColumn,
    MomentColumn,
    MoneyColumn,
    Record,
    ShellColumn,
)
from portal.shell.formats import nano_money_text
from portal.shell.tables import ShellTable


def _old_to_new(old: str, new: str) -> HtmlColumn:
    def html(record: Record) -> str:
        return format_html(
            '<span class="w">{} → {}</span>',
            nano_money_text(record[old], record["currency"]),
            nano_money_text(record[new], record["currency"]),
        )

    def text(record: Record) -> str:
        return (
            f"{nano_money_text(record[old], record['currency'])} to "
            f"{nano_money_text(record[new], record['currency'])}"
        )

    heading = "Billed" if "billed" in old else "Effective"
    return HtmlColumn(heading, html=html, text=text, fields=(old, new, "currency"))


class RestatementTable(ShellTable):
    """Old → new → why, one row for a slice that an import changed."""

    caption = "Restatements"
    default_sort = "-restated_at"

    day = DateColumn("Day", row_header=True)
    restated_at = MomentColumn("Restated")
    billed = _old_to_new("old_billed_nano", "new_billed_nano")
    moved_nano = MoneyColumn("Difference", help_text="New billed minus old billed")
    effective = _old_to_new("old_effective_nano", "new_effective_nano")
    reason = ShellColumn("Why", orderable=False)
    source = ShellColumn(
        "Source",
        accessor="slice__connection__name",
        sub="slice__billing_account_id",
        orderable=False,
    )
    run = ShellColumn("Run", accessor="run_id", orderable=False)
