"""Tables of the page about overlaps."""

from __future__ import annotations

from django.utils.html import format_html

from portal.shell.columns import HtmlColumn, MoneyColumn, NumberColumn, Record, ShellColumn
from portal.shell.tables import ShellTable


def _next(record: Record) -> str:
    if not record["next_url"]:
        return ""
    return format_html(
        '<a href="{}" aria-label="{}: {}">{}</a>',
        record["next_url"],
        record["next_text"],
        record["other"],
        record["next_text"],
    )


class OverlapTable(ShellTable):
    """What has been said, a row a currency and basis."""

    caption = "Sources that bring the same money"

    counted = ShellColumn("Counts", row_header=True)
    other = ShellColumn("Covers the same spend", sub="provider", fields=("provider",))
    state = ShellColumn("Sums", sub="reason", fields=("reason",))
    months = ShellColumn("Months (UTC)")
    counted_nano = MoneyColumn("Brought by the first", reason="nothing of this kind")
    other_nano = MoneyColumn("By the second", reason="nothing of this kind")
    basis = ShellColumn("Basis", reason="nothing brought")
    following = HtmlColumn(
        "Next", html=_next, text=lambda record: record["next_url"], fields=("next_url",)
    )


class SuspectTable(ShellTable):
    """What looks alike, largest first; never added, because each row is the same money twice."""

    caption = "Sources that look alike"

    first = ShellColumn("Source", row_header=True, sub="first_basis", fields=("first_basis",))
    other = ShellColumn("And source", sub="second_basis", fields=("second_basis",))
    provider = ShellColumn("Provider")
    why = ShellColumn("Because of")
    first_nano = MoneyColumn("Brought by the first")
    second_nano = MoneyColumn("By the second")
    days = NumberColumn("Days", help_text="On which both have money")
    following = HtmlColumn(
        "Next", html=_next, text=lambda record: record["next_text"], fields=("next_url",)
    )
