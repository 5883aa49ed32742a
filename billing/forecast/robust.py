"""Medians and what goes with them, in exact fractions: the same input gives the same digits."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

# 0.6745 is the 75th percentile of the standard normal distribution: MAD / 0.6745 estimates sigma.
NORMAL_QUARTILE = Fraction(6745, 10_000)
# The mean absolute deviation times this does the same; used where the MAD is zero.
MEAN_DEVIATION_FACTOR = Fraction(1_253_314, 1_000_000)


def median(values: Sequence[int | Fraction]) -> Fraction:
    """The middle value, or the mean of the two in the middle.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("no value has no median")
    ordered = sorted(Fraction(value) for value in values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def median_deviation(values: Sequence[int | Fraction], centre: Fraction) -> Fraction:
    """The median of the distances from `centre` (MAD).

    Raises:
        ValueError: there is no value.
    """
    return median([abs(value - centre) for value in values])


def spread(deviations: Sequence[int | Fraction]) -> Fraction:
    """An estimate of sigma from deviations around their centre that a few outliers do not move.

    MAD / 0.6745; where more than half of them are zero, 1.253314 times their mean size without the
    largest tenth, since a mean, unlike a median, is moved by one outlier.

    Raises:
        ValueError: there is none.
    """
    sizes = [abs(Fraction(each)) for each in deviations]
    middle = median(sizes)
    if middle:
        return middle / NORMAL_QUARTILE
    kept = sorted(sizes)[: len(sizes) - len(sizes) // 10]
    return MEAN_DEVIATION_FACTOR * sum(kept) / len(kept)


def modified_z(value: int, values: Sequence[int]) -> Fraction | None:
    """How far `value` is from the median of `values`, in robust sigmas: 0.6745 (x - median) / MAD.

    None when the MAD is zero: a flat history has no such distance.

    Raises:
        ValueError: there are no values.
    """
    centre = median(values)
    deviation = median_deviation(values, centre)
    return NORMAL_QUARTILE * (value - centre) / deviation if deviation else None


def whole(value: Fraction) -> int:
    """The nearest whole number, halves to the even one: nano-units are whole."""
    return round(value)
