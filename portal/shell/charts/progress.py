"""How far a measured value is from its target, with the target as a plumb line."""

from __future__ import annotations

from django.utils.html import escape

from portal.shell.charts.model import Chart, Formatter, plain_number
from portal.shell.charts.svg import drawing, percent, pixels
from portal.shell.formats import MISSING, Number

TRACK_TOP, TRACK_HEIGHT, HEIGHT = 24.0, 14.0, 66.0


def progress_chart(
    *,
    title: str,
    value: Number | None,
    target: Number,
    target_words: str = "Target",
    baseline: Number | None = None,
    reached: bool | None = None,
    reason: str = "",
    unit: str = "",
    text: Formatter = plain_number,
) -> Chart:
    """A bar from zero to `value`, a plumb line at `target`, and a tick at `baseline`.

    Args:
        target_words: how the target reads, for example `at least` or `below`.
        reached: whether the measure says so; None when it cannot say. The drawing never decides.
        reason: why there is no value; shown in its place.
        text: writes a value.
    """
    known = [float(n) for n in (value, target, baseline, 0) if n is not None]
    low, high = min(known), max(known)
    span = (high - low) * 1.08 or 1.0

    def x(number: Number | float) -> float:
        return (float(number) - low) / span * 100

    parts = [
        f'<rect class="track" x="0" y="{pixels(TRACK_TOP)}" width="100%" '
        f'height="{pixels(TRACK_HEIGHT)}" rx="3"/>'
    ]
    if value is not None:
        left, right = sorted((x(0), x(value)))
        parts.append(
            f'<rect class="f1" x="{percent(left)}" y="{pixels(TRACK_TOP)}" '
            f'width="{percent(right - left)}" height="{pixels(TRACK_HEIGHT)}" rx="3"/>'
        )
    if low < 0:
        parts.append(_tick(x(0), "Zero"))
    if baseline is not None:
        parts.append(_tick(x(baseline), f"Baseline {text(baseline)}"))
    parts.append(_plumb_line(x(target)))
    parts.append(_label(x(target), 13.0, f"{target_words} {text(target)}", "strong"))
    shown = f"{MISSING} {reason}" if value is None else text(value)
    parts.append(_label(x(value) if value is not None else 0.0, HEIGHT - 6, shown, "strong"))
    verdict = {True: "reached", False: "not reached", None: "cannot be said yet"}[reached]
    rows = [["Measured", shown], [target_words, text(target)]]
    if baseline is not None:
        rows.append(["Baseline", text(baseline)])
    rows.append(["Verdict", verdict])
    description = f"Measured {shown}; {target_words.lower()} {text(target)}: {verdict}."
    return Chart(
        title=title,
        unit=unit,
        svg=drawing(title, description, HEIGHT, parts),
        headings=["", "Value"],
        rows=rows,
    )


def _label(x: float, y: float, text: str, css: str) -> str:
    anchor = "start" if x < 20 else "end" if x > 80 else "middle"
    return (
        f'<text class="{css}" x="{percent(x)}" y="{pixels(y)}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def _tick(x: float, text: str) -> str:
    return (
        f'<line class="axis" x1="{percent(x)}" x2="{percent(x)}" y1="{pixels(TRACK_TOP - 3)}" '
        f'y2="{pixels(TRACK_TOP + TRACK_HEIGHT + 3)}"><title>{escape(text)}</title></line>'
    )


def _plumb_line(x: float) -> str:
    """A vertical line with a bob at its end; the bob sits in a drawing of its own at x."""
    end = TRACK_TOP + TRACK_HEIGHT + 3
    return (
        f'<line class="target" x1="{percent(x)}" x2="{percent(x)}" y1="{pixels(TRACK_TOP - 6)}" '
        f'y2="{pixels(end)}"/>'
        f'<svg x="{percent(x)}" y="{pixels(end)}" width="1" height="1" overflow="visible">'
        '<path class="target-bob" d="M0-1 4 3.5 0 10-4 3.5z"/></svg>'
    )
