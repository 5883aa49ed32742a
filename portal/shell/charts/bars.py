"""Bars over months or other labels: plain, stacked or side by side."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.html import escape

from portal.shell.charts.model import (
    Chart,
    Formatter,
    LegendEntry,
    Series,
    check_lengths,
    colour_of,
    missing_notes,
    plain_number,
    value_rows,
)
from portal.shell.charts.scale import Scale, nice_scale
from portal.shell.charts.svg import (
    LABEL_HEIGHT,
    axis,
    bottom_labels,
    drawing,
    gap,
    grid,
    percent,
    pixels,
    target_line,
)
from portal.shell.formats import Number

BAR_SHARE = 0.64  # of the width that a label has
WIDEST_BAR = 14.0  # per cent: two bars must not look like two walls


def bar_chart(
    *,
    title: str,
    description: str,
    labels: Sequence[str],
    series: Sequence[Series],
    unit: str = "",
    text: Formatter = plain_number,
    stacked: bool = True,
    target: Number | None = None,
    height: int = 190,
) -> Chart:
    """Bars for each label. Negative values hang below zero; a missing one leaves a marked gap.

    Args:
        description: one sentence that says what the drawing shows.
        text: writes a value, for the table and the hover text.
        stacked: several series on top of each other (same unit, parts of a whole), else beside.
        target: a line to compare with.

    Raises:
        UnevenSeriesError: a series does not fit the labels.
    """
    check_lengths(labels, series)
    marks = (
        _stack_ends(series) if stacked else [v for s in series for v in s.values if v is not None]
    )
    scale = nice_scale([*marks, *([target] if target is not None else [])], height=height)
    total = scale.top + height + LABEL_HEIGHT
    parts = [grid(scale)]
    for index, label in enumerate(labels):
        if all(each.values[index] is None for each in series):
            reason = series[0].reason_at(index) if series else ""
            parts.append(gap(index, len(labels), scale, f"{label}: no value, {reason}"))
        elif stacked:
            parts.append(_stack(index, label, labels, series, scale, text))
        else:
            parts.append(_group(index, label, labels, series, scale, text))
    parts.append(bottom_labels(labels, total - 4))
    if target is not None:
        parts.append(target_line(scale, float(target), f"Target {text(target)}"))
    return Chart(
        title=title,
        unit=unit,
        svg=drawing(title, description, total, parts),
        axis_svg=axis(scale, total),
        headings=["", *(each.label for each in series)],
        rows=value_rows(labels, series, text),
        legend=_legend(series),
        notes=missing_notes(labels, series),
    )


def _legend(series: Sequence[Series]) -> list[LegendEntry]:
    if len(series) < 2:
        return []
    return [LegendEntry(colour_of(i), each.label) for i, each in enumerate(series)]


def _stack_ends(series: Sequence[Series]) -> list[float]:
    """The tops of the stacks above zero and the bottoms of those below."""
    ends = []
    for values in zip(*(each.values for each in series), strict=True):
        known = [float(value) for value in values if value is not None]
        ends += [sum(v for v in known if v > 0), sum(v for v in known if v < 0)]
    return ends


def _bar(x: float, width: float, top: float, height: float, colour: int, text: str) -> str:
    return (
        f'<rect class="bar f{colour}" x="{percent(x)}" y="{pixels(top)}" '
        f'width="{percent(width)}" height="{pixels(max(height, 0.0))}">'
        f"<title>{escape(text)}</title></rect>"
    )


def _hover(label: str, each: Series, series: Sequence[Series], value: str) -> str:
    return f"{label}: {value}" if len(series) == 1 else f"{label}, {each.label}: {value}"


def _stack(
    index: int,
    label: str,
    labels: Sequence[str],
    series: Sequence[Series],
    scale: Scale,
    text: Formatter,
) -> str:
    band = 100 / len(labels)
    width = min(band * BAR_SHARE, WIDEST_BAR)
    x = (index + 0.5) * band - width / 2
    above = below = 0.0
    parts = []
    for position, each in enumerate(series):
        value = each.values[index]
        if value is None:
            continue
        start = above if value >= 0 else below
        end = start + float(value)
        if value >= 0:
            above = end
        else:
            below = end
        top, bottom = scale.y(max(start, end)), scale.y(min(start, end))
        hover = _hover(label, each, series, text(value))
        parts.append(_bar(x, width, top, bottom - top, colour_of(position), hover))
    return "".join(parts)


def _group(
    index: int,
    label: str,
    labels: Sequence[str],
    series: Sequence[Series],
    scale: Scale,
    text: Formatter,
) -> str:
    band = 100 / len(labels)
    width = min(band * BAR_SHARE / len(series), WIDEST_BAR)
    x = (index + 0.5) * band - width * len(series) / 2
    parts = []
    for position, each in enumerate(series):
        value = each.values[index]
        if value is None:
            continue
        top, bottom = scale.y(max(float(value), 0.0)), scale.y(min(float(value), 0.0))
        hover = _hover(label, each, series, text(value))
        left = x + position * width
        parts.append(_bar(left, width, top, bottom - top, colour_of(position), hover))
    return "".join(parts)
