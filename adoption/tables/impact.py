"""Verdicts as a table: one row a registration, whichever way it went."""

from __future__ import annotations

from functools import lru_cache

from django.utils.html import format_html
from django.utils.safestring import SafeString

from adoption.choices import ImpactDecisionKind
from adoption.selectors.impact import Reading, reading_of
from portal.shell.columns import DateColumn, HtmlColumn, LinkTo, Record, ShellColumn, StatusColumn
from portal.shell.formats import MISSING
from portal.shell.tables import ShellTable


@lru_cache(maxsize=256)
def _reading(result: str) -> Reading:
    return reading_of(result)


def _effect_text(record: Record) -> str:
    if not record["result"]:
        return ""
    reading = _reading(record["result"])
    return f"{reading.effect} ({reading.interval})" if reading.effect else ""


def _effect(record: Record) -> SafeString:
    if not record["result"]:
        return format_html('<span class="reason">{}</span>', "nothing is estimated before it ends")
    reading = _reading(record["result"])
    if not reading.effect:
        return format_html(
            '<span aria-hidden="true">{}</span> <span class="reason">{}</span>',
            MISSING,
            reading.reasons[0] if reading.reasons else "not evaluable",
        )
    return format_html(
        '{} <span class="sub">{} interval, effect {}</span>',
        reading.interval,
        reading.level,
        reading.effect,
    )


def _decision(record: Record) -> str:
    return ImpactDecisionKind(record["decided"]).label if record["decided"] else "not decided"


class VerdictTable(ShellTable):
    """Rows of `verdict_rows`, by the end of their window."""

    caption = "Verdicts"
    default_sort = "-after_ends_on"

    title = ShellColumn(
        "Use case",
        accessor="use_case__title",
        url=LinkTo("registration", "use_case__slug", "pk"),
        fields=("use_case__slug", "pk"),
        sub="hypothesis",
        row_header=True,
    )
    effect = HtmlColumn("Interval of the effect", html=_effect, text=_effect_text,
                        fields=("result",))  # fmt: skip
    word = StatusColumn("Verdict", vocabulary="impact", orderable=False)
    decided = HtmlColumn("Decision", html=_decision, text=_decision, fields=("decided",))
    after_ends_on = DateColumn("Window ends before")
