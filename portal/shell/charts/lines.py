"""Lines and steps over months or other labels."""

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


def line_chart(
    *,
    title: str,
    description: str,
    labels: Sequence[str],
    series: Sequence[Series],
    unit: str = "",
    text: Formatter = plain_number,
    step: bool = False,
    target: Number | None = None,
    height: int = 190,
) -> Chart:
    """A line for each series. A line never crosses a missing value: it stops and starts again.

    Args:
        description: one sentence that says what the drawing shows.
        text: writes a value, for the table and the hover text.
        step: each value holds until the next label (a budget, a headcount).
        target: a line to compare with.

    Raises:
        UnevenSeriesError: a series does not fit the labels.
    """
    check_lengths(labels, series)
    values = [value for each in series for value in each.values if value is not None]
    scale = nice_scale([*values, *([target] if target is not None else [])], height=height)
    total = scale.top + height + LABEL_HEIGHT
    parts = [grid(scale)]
    for index, label in enumerate(labels):
        if all(each.values[index] is None for each in series):
            reason = series[0].reason_at(index) if series else ""
            parts.append(gap(index, len(labels), scale, f"{label}: no value, {reason}"))
    for position, each in enumerate(series):
        colour = colour_of(position)
        parts.append(_line(each, len(labels), scale, colour, step=step))
        parts.append(_points(each, labels, series, scale, colour, text))
    parts.append(bottom_labels(labels, total - 4))
    if target is not None:
        parts.append(target_line(scale, float(target), f"Target {text(target)}"))
    legend = [LegendEntry(colour_of(i), each.label) for i, each in enumerate(series)]
    return Chart(
        title=title,
        unit=unit,
        svg=drawing(title, description, total, parts),
        axis_svg=axis(scale, total),
        headings=["", *(each.label for each in series)],
        rows=value_rows(labels, series, text),
        legend=legend if len(series) > 1 else (),
        notes=missing_notes(labels, series),
    )


def _segment(colour: int, x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line class="series l{colour}" x1="{percent(x1)}" y1="{pixels(y1)}" '
        f'x2="{percent(x2)}" y2="{pixels(y2)}"/>'
    )


def _line(each: Series, count: int, scale: Scale, colour: int, *, step: bool) -> str:
    band = 100 / max(1, count)
    parts = []
    for index, value in enumerate(each.values):
        if value is None:
            continue
        x, y = (index + 0.5) * band, scale.y(value)
        if step:
            parts.append(_segment(colour, index * band, y, (index + 1) * band, y))
        following = each.values[index + 1] if index + 1 < count else None
        if following is None:
            continue
        if step:
            edge = (index + 1) * band
            parts.append(_segment(colour, edge, y, edge, scale.y(following)))
        else:
            parts.append(_segment(colour, x, y, x + band, scale.y(following)))
    return "".join(parts)


def _points(
    each: Series,
    labels: Sequence[str],
    series: Sequence[Series],
    scale: Scale,
    colour: int,
    text: Formatter,
) -> str:
    band = 100 / max(1, len(labels))
    parts = []
    for index, value in enumerate(each.values):
        if value is None:
            continue
        name = labels[index] if len(series) == 1 else f"{labels[index]}, {each.label}"
        parts.append(
            f'<circle class="f{colour}" cx="{percent((index + 0.5) * band)}" '
            f'cy="{pixels(scale.y(value))}" r="3.5"><title>{escape(f"{name}: {text(value)}")}'
            "</title></circle>"
        )
    return "".join(parts)
