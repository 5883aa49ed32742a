"""A ranked list with a bar for each row: for parts with long names. It is its own table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from portal.shell.charts.model import Formatter, plain_number
from portal.shell.charts.svg import percent
from portal.shell.formats import MISSING, Number


@dataclass(frozen=True, slots=True)
class BarListRow:
    """One row: `value` may be negative, or None with a `reason`. `url` links the label."""

    label: str
    value: Number | None
    reason: str = ""
    url: str = ""


def bar_list(
    *,
    title: str,
    rows: Sequence[BarListRow],
    value_heading: str,
    label_heading: str = "Name",
    text: Formatter = plain_number,
) -> SafeString:
    """Rows in the given order, as a table with a bar in each row. Sort before calling."""
    known = [float(row.value) for row in rows if row.value is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    span = (high - low) or 1.0
    body = "".join(_row(row, low, span, text) for row in rows)
    head = format_html(
        '<caption>{}</caption><thead class="visually-hidden"><tr><th scope="col">{}</th>'
        '<td></td><th scope="col">{}</th></tr></thead>',
        title,
        label_heading,
        value_heading,
    )
    return mark_safe(  # noqa: S308  (rows escape their texts)
        f'<table class="bar-list">{head}<tbody>{body}</tbody></table>'
    )


def _row(row: BarListRow, low: float, span: float, text: Formatter) -> str:
    label: str = escape(row.label)
    if row.url:
        label = f'<a href="{escape(row.url)}">{label}</a>'
    if row.value is None:
        return (
            f'<tr><th scope="row">{label}</th><td class="bar-cell"></td>'
            f'<td class="n figure-missing">{MISSING} {escape(row.reason)}</td></tr>'
        )
    start, end = sorted(((0.0 - low) / span * 100, (float(row.value) - low) / span * 100))
    colour = 1 if row.value >= 0 else 4
    return (
        f'<tr><th scope="row">{label}</th><td class="bar-cell">'
        f'<svg aria-hidden="true" focusable="false"><rect class="f{colour}" x="{percent(start)}" '
        f'y="2" width="{percent(end - start)}" height="10" rx="2"/></svg></td>'
        f'<td class="n">{escape(text(row.value))}</td></tr>'
    )
