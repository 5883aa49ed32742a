"""The parts that every drawing shares: the outer element, grid lines, axis labels.

Horizontal positions are percentages and vertical ones pixels, so that a drawing fills any width
while its text keeps its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from portal.shell.charts.model import element_id
from portal.shell.charts.scale import Scale, label_steps, shorten
from portal.shell.formats import short_number_text

AXIS_WIDTH = 52
LABEL_HEIGHT = 22


def percent(value: float) -> str:
    """A horizontal position."""
    return f"{value:.2f}".rstrip("0").rstrip(".") + "%"


def pixels(value: float) -> str:
    """A vertical position or length."""
    return f"{value:.1f}".rstrip("0").rstrip(".")


def drawing(title: str, description: str, height: float, parts: Iterable[str]) -> SafeString:
    """The whole `<svg>`, with its name and description for screen readers.

    `parts` are elements made by this package, which escapes every text that it is given.
    """
    key = element_id(title, description)
    return mark_safe(  # noqa: S308  (texts are escaped here and by the callers)
        f'<svg class="plot" role="img" height="{pixels(height)}" '
        f'aria-labelledby="{key}-t {key}-d">'
        f'<title id="{key}-t">{escape(title)}</title>'
        f'<desc id="{key}-d">{escape(description)}</desc>'
        f"{''.join(parts)}</svg>"
    )


def axis(scale: Scale, height: float) -> SafeString:
    """The tick labels, in a drawing of their own to the left of the plot."""
    labels = "".join(
        f'<text x="{AXIS_WIDTH - 8}" y="{pixels(scale.y(tick) + 4)}" text-anchor="end">'
        f"{escape(short_number_text(tick))}</text>"
        for tick in scale.ticks
    )
    return mark_safe(  # noqa: S308  (numbers only)
        f'<svg class="axis-labels" aria-hidden="true" width="{AXIS_WIDTH}" '
        f'height="{pixels(height)}">{labels}</svg>'
    )


def grid(scale: Scale) -> str:
    """A thin line at each tick, a stronger one at zero."""
    return "".join(
        f'<line class="{"zero-line" if tick == 0 else "grid-line"}" x1="0" x2="100%" '
        f'y1="{pixels(scale.y(tick))}" y2="{pixels(scale.y(tick))}"/>'
        for tick in scale.ticks
    )


def bottom_labels(labels: Sequence[str], y: float) -> str:
    """Category labels, thinned out so that they never run into each other."""
    short = [shorten(label) for label in labels]
    wide, narrow = label_steps(short)
    band = 100 / max(1, len(labels))
    found = []
    for index in range(0, len(labels), wide):
        css = "" if index % narrow == 0 else ' class="minor"'
        is_first, is_last = index == 0 and len(labels) > 1, index == len(labels) - 1 > 0
        x, anchor = (index + 0.5) * band, "middle"
        if band < 16 and is_first:
            x, anchor = 0.0, "start"
        elif band < 16 and is_last:
            x, anchor = 100.0, "end"
        found.append(
            f'<text{css} x="{percent(x)}" y="{pixels(y)}" text-anchor="{anchor}">'
            f"{escape(short[index])}</text>"
        )
    return "".join(found)


def target_line(scale: Scale, value: float, text: str) -> str:
    """A horizontal line at a target, with its words above it."""
    y = pixels(scale.y(value))
    return (
        f'<line class="target" x1="0" x2="100%" y1="{y}" y2="{y}" stroke-dasharray="6 4"/>'
        f'<text class="halo strong" x="100%" y="{pixels(scale.y(value) - 5)}" text-anchor="end">'
        f"{escape(text)}</text>"
    )


def gap(index: int, count: int, scale: Scale, text: str) -> str:
    """A dashed box where there is no value at all."""
    band = 100 / count
    return (
        f'<rect class="gap-mark" x="{percent(index * band + band * 0.18)}" '
        f'y="{pixels(scale.top)}" width="{percent(band * 0.64)}" height="{pixels(scale.height)}">'
        f"<title>{escape(text)}</title></rect>"
    )
