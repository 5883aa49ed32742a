"""Arithmetic of metric values: whole numbers and fractions, so that it is the same everywhere.

Results are in nano-units (10⁻⁹). Where a quantile of a distribution is needed, scipy's answer is
rounded to six digits: far beyond what an interval means, and short of where machines differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from fractions import Fraction

from adoption.metrics.contracts import ValueInterval
from adoption.metrics.registry import NANO
from adoption.validation import numerics

SECONDS_OF_HOUR = 3600
_Z = Decimal("1.959963984540054")  # normal quantile of 97.5 %
_CONTEXT = Context(prec=40, rounding=ROUND_HALF_EVEN)
_COARSE = 1_000  # nano-units that intervals of distributions are rounded to


def nano(value: Fraction) -> int:
    """In nano-units, rounded half to even."""
    return round(value * NANO)


def coarse_nano(value: float) -> int:
    """A bound from a distribution, in nano-units, rounded to six digits after the point."""
    return round(value * (NANO // _COARSE)) * _COARSE


def share_nano(part: int, whole: int) -> int | None:
    """A share, 0 to 10⁹; None of nothing."""
    return nano(Fraction(part, whole)) if whole else None


def wilson(part: int, whole: int) -> ValueInterval:
    """The score interval of a share (Wilson 1927), for a whole above 0."""
    with localcontext(_CONTEXT):
        share, n, square = Decimal(part) / whole, Decimal(whole), _Z * _Z
        middle = share + square / (2 * n)
        reach = _Z * (share * (1 - share) / n + square / (4 * n * n)).sqrt()
        scale = 1 + square / n
        # At 0 and at 1 the bound is exact; only rounding would move it.
        low = 0 if part == 0 else round((middle - reach) / scale * NANO)
        high = NANO if part == whole else round((middle + reach) / scale * NANO)
    return ValueInterval(low, high, "wilson")


def poisson(events: int, per: Fraction) -> ValueInterval:
    """The exact interval of a count of events (Garwood 1936), each side times `per`."""
    scale = float(per)
    low = float(numerics.stats.chi2.ppf(0.025, 2 * events)) / 2 if events else 0.0
    high = float(numerics.stats.chi2.isf(0.025, 2 * events + 2)) / 2
    return ValueInterval(coarse_nano(low * scale), coarse_nano(high * scale), "poisson-exact")


def quantile(values: Sequence[int], missing: int, share: Fraction) -> Fraction | None:
    """A quantile between the two values nearest to it; None when one of them is missing.

    Args:
        missing: how many more values there are that nobody knows. They rank as the largest, so
            that leaving out a value never makes a quantile smaller.
    """
    ordered = sorted(values)
    place = (len(ordered) + missing - 1) * share
    below = math.floor(place)
    above = math.ceil(place)
    if not ordered or above >= len(ordered):
        return None
    low, high = ordered[below], ordered[above]
    return low + (place - below) * (high - low)


def median_interval(values: Sequence[int], missing: int, scale: Fraction) -> ValueInterval:
    """The interval of a median by order statistics, at least 95 %; an end that is not known is
    open."""
    total = len(values) + missing
    ordered = sorted(values)
    below, tail = -1, 0
    while 40 * (tail + math.comb(total, below + 1)) <= 2**total:
        below += 1
        tail += math.comb(total, below)
    if below < 0:
        return ValueInterval(None, None, "order-statistics")
    low, high = below, total - 1 - below
    return ValueInterval(
        nano(ordered[low] * scale) if low < len(ordered) else None,
        nano(ordered[high] * scale) if high < len(ordered) else None,
        "order-statistics",
    )
