"""Bars over months or other labels: plain, stacked or side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils.html import escape

from portal.shell.charts.model import Chart, Formatter, Series, colour_of, plain_number
from portal.shell.charts.plot import Plot
from portal.shell.charts.scale import Scale
from portal.shell.charts.svg import percent, pixels
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
    plot = Plot(title, description, labels, series, unit, text, target, height)
    draw = _draw_stacks if stacked else _draw_groups
    values = [value for each in series for value in each.values if value is not None]
    return plot.finish(_stack_ends(series) if stacked else values, lambda scale: draw(plot, scale))


def _stack_ends(series: Sequence[Series]) -> list[float]:
    """The tops of the stacks above zero and the bottoms of those below."""
    ends = []
    for index in range(max((len(each.values) for each in series), default=0)):
        found = [each.values[index] for each in series if index < len(each.values)]
        known = [float(value) for value in found if value is not None]
        ends += [sum(v for v in known if v > 0), sum(v for v in known if v < 0)]
    return ends


def _bar(x: float, width: float, ends: tuple[float, float], colour: int, text: str) -> str:
    top, bottom = sorted(ends)
    return (
        f'<rect class="bar f{colour}" x="{percent(x)}" y="{pixels(top)}" '
        f'width="{percent(width)}" height="{pixels(bottom - top)}">'
        f"<title>{escape(text)}</title></rect>"
    )


def _draw_stacks(plot: Plot, scale: Scale) -> Iterator[str]:
    width = min(plot.band * BAR_SHARE, WIDEST_BAR)
    for index in range(len(plot.labels)):
        x = (index + 0.5) * plot.band - width / 2
        reached = {True: 0.0, False: 0.0}  # by sign: credits stack downwards from zero
        for position, each in enumerate(plot.series):
            value = each.values[index]
            if value is None:
                continue
            start = reached[value >= 0]
            end = reached[value >= 0] = start + float(value)
            hover = plot.hover(index, each, value)
            yield _bar(x, width, (scale.y(start), scale.y(end)), colour_of(position), hover)


def _draw_groups(plot: Plot, scale: Scale) -> Iterator[str]:
    width = min(plot.band * BAR_SHARE / max(1, len(plot.series)), WIDEST_BAR)
    for index in range(len(plot.labels)):
        x = (index + 0.5) * plot.band - width * len(plot.series) / 2
        for position, each in enumerate(plot.series):
            value = each.values[index]
            if value is None:
                continue
            ends = (scale.y(0), scale.y(value))
            hover = plot.hover(index, each, value)
            yield _bar(x + position * width, width, ends, colour_of(position), hover)
