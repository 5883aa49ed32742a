"""The work list of unallocated money."""

from __future__ import annotations

from django.utils.html import format_html

from billing.selectors.figures import NO_EFFECTIVE
from billing.tables.figures import SettledColumn
from portal.shell.columns import HtmlColumn, NumberColumn, Record, ShellColumn
from portal.shell.tables import ShellTable


def _make_rule(record: Record) -> str:
    if not record["rule_url"]:
        return ""
    return format_html(
        '<a href="{}" aria-label="Make a rule for {}">Make a rule for this</a>',
        record["rule_url"],
        record["value"],
    )


class PastUnallocatedTable(ShellTable):
    """Largest first. The same money can stand in several rows, so nothing is added up."""

    caption = "Unallocated money"
    default_sort = "-billed_nano"

    value = ShellColumn(
        "Value", row_header=True, sub="name", fields=("url",), url=lambda record: record["url"]
    )
    billed_nano = SettledColumn(
        "Billed", sort_by=("currency", "size"), fields=("size",), help_text="In this month"
    )
    effective_nano = SettledColumn("Effective", orderable=False, sub="without", reason=NO_EFFECTIVE)
    basis = ShellColumn("Basis", orderable=False)
    lines = NumberColumn("Lines")


class UnallocatedTable(PastUnallocatedTable):
    """The same now, when something can be done about it."""

    rule = HtmlColumn(
        "Next", html=_make_rule, text=lambda record: record["rule_url"], fields=("rule_url",)
    )
