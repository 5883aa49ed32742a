"""The queue of what names no use case yet."""

from __future__ import annotations

from django.utils.html import format_html

from billing.tables.figures import SettledColumn
from portal.shell.columns import (
    ExportValue,
    HtmlColumn,
    NumberColumn,
    Record,
    ShellColumn,
)
from portal.shell.tables import ShellTable


def _make_rule(record: Record) -> str:
    if not record["rule_url"]:
        return ""
    return format_html(
        '<a href="{}" aria-label="Make a rule for {}">Make the rule</a>',
        record["rule_url"],
        record["value"],
    )


class MonthsColumn(ShellColumn):
    """From when to when, and below it how many; together in the export."""

    css = "w"

    def export_values(self, record: Record) -> list[ExportValue]:
        parts = (self.value(record), record[self.sub])
        return [", ".join(filter(None, parts))]


class PastUnmappedTable(ShellTable):
    """Largest first. The same money can stand in several rows, so nothing is added up."""

    caption = "Values that no rule takes"
    default_sort = "-billed_nano"

    value = ShellColumn("Value", row_header=True, sub="name", fields=("name",))
    attribute = ShellColumn("Attribute")
    billed_nano = SettledColumn("Billed", sort_by=("currency", "size"), fields=("size",))
    basis = ShellColumn("Basis", orderable=False)
    months = MonthsColumn(
        "Months", sub="months_count", sort_by=("newest",), fields=("newest",), help_text="UTC"
    )


class UnmappedTable(PastUnmappedTable):
    """The same now, with what can be done about it."""

    suggestion = ShellColumn(
        "Seems to be",
        sub="why",
        fields=("why", "suggestion_url"),
        url=lambda record: record["suggestion_url"],
        reason="no name is near",
        nullable=True,
    )
    score = NumberColumn(
        "Likeness",
        reason="no name is near",
        nullable=True,
        sort_by=("score_or_none",),
        fields=("score_or_none",),
        help_text="Of the names, 0 to 100; a hint, not a finding",
    )
    rule = HtmlColumn(
        "Next",
        html=_make_rule,
        text=lambda record: record["rule_url"],
        fields=("rule_url",),
        reason="for finance",
    )

    class Meta:
        # What is to be done stands beside the amount; a narrow window scrolls to the rest.
        sequence = ("value", "attribute", "billed_nano", "suggestion", "score", "rule", "...")
