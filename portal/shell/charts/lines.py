"""Lines and steps over months or other labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.utils.html import escape

from portal.shell.charts.model import Chart, Formatter, Series, colour_of, plain_number
from portal.shell.charts.plot import Plot
from portal.shell.charts.scale import Scale
from portal.shell.charts.svg import percent, pixels
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

    Arguments as of `bar_chart`, and `step`: each value holds until the next label (a budget, a
    headcount).

    Raises:
        UnevenSeriesError: a series does not fit the labels.
    """
    plot = Plot(title, description, labels, series, unit, text, target, height)
    values = [value for each in series for value in each.values if value is not None]
    values += [end for each in series for ends in each.intervals.values() for end in ends if end]
    return plot.finish(values, lambda scale: _draw(plot, scale, step=step))


def _draw(plot: Plot, scale: Scale, *, step: bool) -> Iterator[str]:
    for position, each in enumerate(plot.series):
        colour = colour_of(position)
        yield from _band(plot, each, scale, colour)
        yield from _line(plot, each, scale, colour, step=step)
        for index, value in enumerate(each.values):
            if value is not None:
                yield (
                    f'<circle class="f{colour}" cx="{percent((index + 0.5) * plot.band)}" '
                    f'cy="{pixels(scale.y(value))}" r="3.5">'
                    f"<title>{escape(plot.hover(index, each, value))}</title></circle>"
                )


def _band(plot: Plot, each: Series, scale: Scale, colour: int) -> Iterator[str]:
    """An interval a label, as wide as its share of the plot; an open end reaches the edge."""
    for index, (low, high) in sorted(each.intervals.items()):
        if each.values[index] is None:
            continue
        top = scale.y(scale.high if high is None else high)
        bottom = scale.y(scale.low if low is None else low)
        name = f"{plot.labels[index]}, interval"
        words = f"{'open' if low is None else plot.text(low)} to "
        words += "open" if high is None else plot.text(high)
        yield (
            f'<rect class="band f{colour}" x="{percent((index + 0.2) * plot.band)}" '
            f'y="{pixels(top)}" width="{percent(plot.band * 0.6)}" '
            f'height="{pixels(max(1.0, bottom - top))}">'
            f"<title>{escape(f'{name}: {words}')}</title></rect>"
        )


def _segment(colour: int, x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line class="series l{colour}" x1="{percent(x1)}" y1="{pixels(y1)}" '
        f'x2="{percent(x2)}" y2="{pixels(y2)}"/>'
    )


def _line(plot: Plot, each: Series, scale: Scale, colour: int, *, step: bool) -> Iterator[str]:
    for index, value in enumerate(each.values):
        if value is None:
            continue
        left, right = index * plot.band, (index + 1) * plot.band
        y = scale.y(value)
        if step:
            yield _segment(colour, left, y, right, y)
        following = each.values[index + 1] if index + 1 < len(each.values) else None
        if following is None:
            continue
        if step:
            yield _segment(colour, right, y, right, scale.y(following))
        else:
            middle = (left + right) / 2
            yield _segment(colour, middle, y, middle + plot.band, scale.y(following))
