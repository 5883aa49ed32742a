"""Milestones on a line of time: numbers on the drawing, words in the list below it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString

from portal.shell.charts.model import Chart
from portal.shell.charts.scale import label_steps
from portal.shell.charts.svg import drawing, percent, pixels
from portal.shell.formats import date_text
from portal.shell.periods import DateRange, Month
from portal.shell.statuses import Status

LANE = 24.0
LABEL_ROOM_WIDE, LABEL_ROOM_NARROW = 9.0, 22.0  # per cent that a month's name takes
CLOSE = 7.0  # per cent of the width: nearer marks are set above each other


@dataclass(frozen=True, slots=True)
class TimelineMark:
    """One milestone.

    Attributes:
        label: what was promised.
        due_date: when.
        status: its state, from the room's vocabulary.
        measure: what has been measured so far, against what; or why that is not known.
        happened_date: when it was reached, if it was.
        url: its page, or empty.
    """

    label: str
    due_date: dt.date
    status: Status
    measure: str = ""
    happened_date: dt.date | None = None
    url: str = ""


def milestone_timeline(
    *, title: str, description: str, marks: Sequence[TimelineMark], today: dt.date
) -> Chart:
    """Marks in order of their due dates, today as a line, and a list that says it in words."""
    ordered = sorted(marks, key=lambda mark: (mark.due_date, mark.label))
    days = _days_shown(ordered, today)
    lanes = _lanes([_x(mark.due_date, days) for mark in ordered])
    base = 16 + LANE * max([1, *(lane + 1 for lane in lanes)])
    parts = [_months(days, base)]
    if today in days:
        x = percent(_x(today, days))
        parts.append(
            f'<line class="today" x1="{x}" x2="{x}" y1="12" y2="{pixels(base)}"/>'
            f'<text class="halo" x="{x}" y="9" text-anchor="middle">today</text>'
        )
    for number, (mark, lane) in enumerate(zip(ordered, lanes, strict=True), start=1):
        y = base - LANE * (lane + 0.5) - 4
        parts.append(_mark(number, mark, _x(mark.due_date, days), y, base))
    return Chart(
        title=title,
        unit="",
        svg=drawing(title, description, base + 22, parts),
        list_html=_as_list(ordered),
    )


def _days_shown(marks: Sequence[TimelineMark], today: dt.date) -> DateRange:
    """Whole months around all marks and today."""
    dates = [today, *(mark.due_date for mark in marks)]
    return DateRange(Month.of(min(dates)).start, Month.of(max(dates)).end)


def _x(day: dt.date, days: DateRange) -> float:
    return (day - days.start).days / len(days) * 100


def _lanes(positions: Sequence[float]) -> list[int]:
    """The lowest lane in which each mark keeps clear of the one before it there."""
    last: list[float] = []
    lanes = []
    for x in positions:
        lane = next((i for i, taken in enumerate(last) if x - taken >= CLOSE), len(last))
        if lane == len(last):
            last.append(x)
        else:
            last[lane] = x
        lanes.append(lane)
    return lanes


def _months(days: DateRange, base: float) -> str:
    months = days.months()
    wide, narrow = label_steps([month.label for month in months])
    parts = [f'<line class="axis" x1="0" x2="100%" y1="{pixels(base)}" y2="{pixels(base)}"/>']
    for index, month in enumerate(months):
        position = _x(month.start, days)
        x, room = percent(position), 100 - position
        parts.append(
            f'<line class="axis" x1="{x}" x2="{x}" y1="{pixels(base)}" y2="{pixels(base + 5)}"/>'
        )
        # A label starts at its month, so near the right edge there may be no room for it.
        if index % wide == 0 and room >= LABEL_ROOM_WIDE:
            is_major = index % narrow == 0 and room >= LABEL_ROOM_NARROW
            css = "" if is_major else ' class="minor"'
            parts.append(f'<text{css} x="{x}" y="{pixels(base + 18)}">{month.label}</text>')
    return "".join(parts)


def _mark(number: int, mark: TimelineMark, x: float, y: float, base: float) -> str:
    """A numbered bob on a line down to its day. The number finds it in the list."""
    hover = f"{mark.label}: {mark.status.label}, due {date_text(mark.due_date)}"
    return (
        f'<line class="grid-line" x1="{percent(x)}" x2="{percent(x)}" y1="{pixels(y)}" '
        f'y2="{pixels(base)}"/>'
        f'<circle class="t-{mark.status.tone} timeline-mark" cx="{percent(x)}" cy="{pixels(y)}" '
        f'r="10"><title>{escape(hover)}</title></circle>'
        f'<text class="timeline-number" x="{percent(x)}" y="{pixels(y + 4)}" '
        f'text-anchor="middle">{number}</text>'
    )


def _as_list(marks: Sequence[TimelineMark]) -> SafeString:
    if not marks:
        return format_html('<p class="chart-note">{}</p>', "No milestone has been set yet.")
    items = format_html_join(
        "",
        '<li><span class="timeline-what">{}{}</span><span class="timeline-when">due {}{}</span>'
        '<span class="timeline-measure">{}</span></li>',
        (
            (
                format_html('<a href="{}">{}</a> ', mark.url, mark.label)
                if mark.url
                else format_html("{} ", mark.label),
                mark.status.html(),
                date_text(mark.due_date),
                f", reached {date_text(mark.happened_date)}" if mark.happened_date else "",
                mark.measure,
            )
            for mark in marks
        ),
    )
    return format_html('<ol class="timeline-list">{}</ol>', items)
