"""Tables of the page about overlaps."""

from __future__ import annotations

from typing import Any

from django.utils.html import format_html

from billing.tables.figures import SettledColumn
from portal.shell.columns import HtmlColumn, NumberColumn, Record, ShellColumn
from portal.shell.tables import ShellTable


def _link(url: str, text: str, what: str) -> str:
    if not url:
        return ""
    return format_html('<a href="{}" aria-label="{}: {}">{}</a>', url, text, what, text)


def _next(record: Record) -> str:
    return _link(record["next_url"], record["next_text"], record["other"])


def _answers(record: Record) -> str:
    """Both answers that a suspicion can have."""
    same = _next(record)
    if not same:
        return ""
    other = _link(record["distinct_url"], "Different money", record["other"])
    return format_html('{}<span class="sub w">{}</span>', same, other)


class LeftOutColumn(SettledColumn):
    """An amount; where no sum holds it, with the way to its lines."""

    def needed(self) -> set[str]:
        return super().needed() | {"lines_url", "other"}

    def inner_html(self, value: Any, record: Record) -> str:
        amount = super().inner_html(value, record)
        link = _link(record["lines_url"], "Its lines", record["other"])
        return f'{amount}<span class="sub">{link}</span>' if link else amount


class OverlapTable(ShellTable):
    """What has been said, a row a currency and basis."""

    caption = "Sources that bring the same money"

    counted = ShellColumn("Source", row_header=True)
    other = ShellColumn("And source", sub="provider", fields=("provider",))
    state = ShellColumn("Sums", sub="reason", fields=("reason",))
    months = ShellColumn("Months (UTC)")
    counted_nano = SettledColumn(
        "Brought by the first", reason="nothing of this kind", status_key="counted_status"
    )
    other_nano = LeftOutColumn(
        "By the second", reason="nothing of this kind", status_key="other_status"
    )
    basis = ShellColumn("Basis", reason="nothing brought")
    following = HtmlColumn(
        "Next", html=_next, text=lambda record: record["next_url"], fields=("next_url",)
    )


class SuspectTable(ShellTable):
    """What looks alike, largest first; never added, because each row is the same money twice."""

    caption = "Sources that look alike"

    first = ShellColumn("Source", row_header=True, sub="first_basis", fields=("first_basis",))
    other = ShellColumn("And source", sub="second_basis", fields=("second_basis",))
    provider = ShellColumn("Provider", sub="window", fields=("window",))
    why = ShellColumn("Because of")
    following = HtmlColumn(
        "Next",
        html=_answers,
        text=lambda record: record["next_text"],
        fields=("next_url", "distinct_url"),
    )
    first_nano = SettledColumn("Brought by the first", status_key="first_status")
    second_nano = SettledColumn("By the second", status_key="second_status")
    days = NumberColumn("Days", help_text="On which both have money")
