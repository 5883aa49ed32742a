"""From values to positions. Geometry is in floats; the texts beside it come from exact values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portal.shell.formats import Number

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """A vertical scale over `height` pixels with round ticks; it always contains zero."""

    low: float
    high: float
    ticks: tuple[float, ...]
    height: float
    top: float

    def y(self, value: Number | float) -> float:
        """Pixels from the top of the drawing."""
        share = (float(value) - self.low) / (self.high - self.low)
        return self.top + self.height * (1 - share)


_CENTRED = 6  # so many labels are all centred


def nice_scale(
    values: Iterable[Number], *, height: float, top: float = 10.0, wanted: int = 4
) -> Scale:
    """A scale around `values` (perhaps none, all equal, or negative), about `wanted` ticks."""
    numbers = [float(value) for value in values]
    low, high = min([0.0, *numbers]), max([0.0, *numbers])
    if low == high:
        high = 1.0
    step = _round_step((high - low) / wanted)
    first, last = math.floor(low / step), math.ceil(high / step)
    # Multiples of the step, not sums of it: sums would drift away from round numbers.
    ticks = tuple(round(index * step, 12) for index in range(first, last + 1))
    return Scale(ticks[0], ticks[-1], ticks, height, top)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    for step in _STEPS:
        if rough <= step * power * 1.000001:
            return step * power
    return 10.0 * power


def label_steps(labels: Sequence[str]) -> tuple[int, int]:
    """Every how many labels one is shown: on a wide chart (600 px), on a narrow one (280 px)."""
    if not labels:
        return 1, 1
    text = max(len(label) for label in labels) * 7  # pixels
    wide, narrow = (_label_step(len(labels), text, width) for width in (600, 280))
    return wide, math.ceil(narrow / wide) * wide


def _label_step(count: int, text: int, width: int) -> int:
    """The fewest labels from one that is shown to the next, so that they do not meet."""
    band = width / count
    step = (text + 10) / band
    if count > _CENTRED:  # the first begins at the edge instead of being centred below its mark
        step = max(step, (text * 1.5 + 8) / band - 0.5)
    return max(1, math.ceil(step))


def shorten(text: str, length: int = 18) -> str:
    """A label cut to fit an axis; the table behind the chart has it whole."""
    return text if len(text) <= length else f"{text[: length - 1]}…"
