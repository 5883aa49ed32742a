"""An exponentially weighted moving average and its control limits: has something drifted?

Layout of NIST/SEMATECH 6.3.2.4, with the asymptotic limits. A signal says that a series left what
it was, never why: it warns beside a verdict and is no verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LAMBDA, WIDTH = 0.3, 3.0


@dataclass(frozen=True, slots=True)
class Chart:
    """A finished chart, in the unit of the values.

    Attributes:
        averages: one for each value; the start is not among them.
        low, high: the limits.
        signals: positions in `averages` that lie outside them.
    """

    averages: tuple[float, ...]
    low: float
    high: float
    signals: tuple[int, ...]


def ewma(
    values: Sequence[float],
    *,
    start: float,
    deviation: float,
    weight: float = LAMBDA,
    width: float = WIDTH,
) -> Chart:
    """The chart of a series around `start`.

    Args:
        start: what the series was before, such as the mean of a baseline.
        deviation: standard deviation of a single value then.
        weight: of the newest value, above 0 and up to 1 (1 is Shewhart's chart).
        width: of the limits, in standard errors of the average.

    Raises:
        ValueError: a weight outside of that, or a negative deviation.
    """
    if not 0 < weight <= 1 or deviation < 0:
        raise ValueError("the weight lies above 0 and up to 1, and a deviation is not negative")
    averages, average = [], start
    for value in values:
        average = weight * value + (1 - weight) * average
        averages.append(average)
    reach = width * math.sqrt(weight / (2 - weight)) * deviation
    low, high = start - reach, start + reach
    outside = (place for place, each in enumerate(averages) if not low <= each <= high)
    return Chart(tuple(averages), low, high, tuple(outside))
