"""Simulated weeks: the ways in which real ones differ from textbook counts.

Everything is drawn from a seeded generator. An effect of the null is one of nothing; ratios
multiply the weeks after, differences are added to them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from adoption.validation.methods import UnitWeeks, Week

WEEKS = 12  # of each side, unless told otherwise
LONGER = 18  # of each side of a series with a trend
A_WEEK = 5  # measurements
Rng = np.random.Generator
Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Rollout:
    """What a registration would look at, and what whoever knows no protocol looks at."""

    units: list[UnitWeeks]
    naive: list[UnitWeeks]


Draw = Callable[[Rng, float], Rollout]


def wandering(rng: Rng, weeks: int, likeness: float, spread: float) -> Array:
    """Levels around 1 whose logarithm has this deviation, each resembling the one before."""
    level = rng.normal(size=weeks)
    for week in range(1, weeks):
        level[week] *= math.sqrt(1 - likeness**2)
        level[week] += likeness * level[week - 1]
    return np.exp(spread * level - spread**2 / 2)


def _counted(before: Array, after: Array) -> list[UnitWeeks]:
    sides = [tuple(Week(events=int(count)) for count in side) for side in (before, after)]
    return [UnitWeeks("all", True, sides[0], sides[1])]


def _same(units: list[UnitWeeks]) -> Rollout:
    return Rollout(units, units)


def counts(
    mean: float,
    *,
    weeks: int = WEEKS,
    likeness: float = 0.0,
    spread: float = 0.0,
    trend: float = 0.0,
) -> Draw:
    """Poisson counts of a level that may wander and grow by a share of `trend` a week."""

    def draw(rng: Rng, effect: float) -> Rollout:
        level = mean * np.exp(trend * (np.arange(2 * weeks) - weeks))
        level *= wandering(rng, 2 * weeks, likeness, spread)
        level[weeks:] *= effect
        drawn = rng.poisson(level)
        return _same(_counted(drawn[:weeks], drawn[weeks:]))

    return draw


def overdispersed(mean: float, times: float, *, weeks: int = WEEKS) -> Draw:
    """Negative binomial counts, week by week apart; before the launch the variance is so many times
    the mean."""
    shape = mean / (times - 1)

    def side(rng: Rng, at: float) -> Array:
        return rng.negative_binomial(shape, shape / (shape + at), weeks)

    return lambda rng, effect: _same(_counted(side(rng, mean), side(rng, mean * effect)))


def _trough(level: Array, first: int) -> int:
    """Where the worst four weeks of the year before the launch begin."""
    return first + 4 * int(level[first : first + 24].reshape(6, 4).sum(axis=1).argmin())


def bad_month_counts(mean: float, *, weeks: int = WEEKS) -> Draw:
    """A launch because last month was the worst of half a year. The protocol ends its baseline
    before that month; whoever knows none compares with that month alone."""

    def draw(rng: Rng, effect: float) -> Rollout:
        drawn = rng.poisson(mean, weeks + 24)
        worst = _trough(drawn, weeks)
        before, after = drawn[worst - weeks : worst], rng.poisson(mean * effect, weeks)
        naive = _counted(drawn[worst : worst + 4], after)
        return Rollout(_counted(before, after), naive)

    return draw


def _measured(before: Array, after: Array) -> list[UnitWeeks]:
    sides = [
        tuple(Week(measurements=tuple(week.tolist())) for week in side) for side in (before, after)
    ]
    return [UnitWeeks("all", True, sides[0], sides[1])]


def _values(rng: Rng, weeks: int, a_week: int, *, skewed: bool) -> Array:
    if skewed:
        return rng.exponential(30, (weeks, a_week))
    return rng.normal(40, 10, (weeks, a_week))


def measurements(
    *,
    a_week: int = A_WEEK,
    weeks: int = WEEKS,
    skewed: bool = False,
    likeness: float = 0.0,
    spread: float = 0.0,
) -> Draw:
    """Measurements such as hours; `spread` is that of what a week's measurements have in common,
    in standard deviations of one of them."""

    def draw(rng: Rng, effect: float) -> Rollout:
        drawn = _values(rng, 2 * weeks, a_week, skewed=skewed)
        level = rng.normal(size=2 * weeks)
        for week in range(1, 2 * weeks):
            level[week] *= math.sqrt(1 - likeness**2)
            level[week] += likeness * level[week - 1]
        drawn += spread * (30 if skewed else 10) * level[:, None]
        drawn[weeks:] += effect
        return _same(_measured(drawn[:weeks], drawn[weeks:]))

    return draw


def bad_month_measurements() -> Draw:
    """The same launch after the worst month, for hours."""

    def draw(rng: Rng, effect: float) -> Rollout:
        drawn = _values(rng, WEEKS + 24, A_WEEK, skewed=False)
        worst = _trough(drawn.mean(axis=1), WEEKS)
        after = _values(rng, WEEKS, A_WEEK, skewed=False) + effect
        naive = _measured(drawn[worst : worst + 4], after)
        return Rollout(_measured(drawn[worst - WEEKS : worst], after), naive)

    return draw


def units(
    size: int,
    *,
    likeness: float = 0.0,
    noise: float = 4.0,
    skewed: bool = False,
    after_a_bad_month: bool = False,
) -> Draw:
    """Units with their own levels, all a little better after; half of them treated.

    `noise` is the deviation of one week, whose likeness to the next is `likeness`. After a bad
    month: treated are those whose last month before was the worst, and whoever knows no protocol
    takes that month for the baseline.
    """

    def draw(rng: Rng, effect: float) -> Rollout:
        level = rng.normal(40, 15, (size, 1))
        shocks = rng.normal(size=(size, 2 * WEEKS + 4))
        if skewed:
            shocks = rng.exponential(1.0, shocks.shape) - 1
        for week in range(1, shocks.shape[1]):
            shocks[:, week] *= math.sqrt(1 - likeness**2)
            shocks[:, week] += likeness * shocks[:, week - 1]
        drawn = level + noise * shocks
        drawn[:, WEEKS + 4 :] += rng.normal(3, 1, (size, 1))
        month = drawn[:, WEEKS : WEEKS + 4]
        order = np.argsort((month - level).mean(axis=1)) if after_a_bad_month else np.arange(size)
        treated = np.zeros(size, dtype=bool)
        treated[order[: size // 2]] = True
        drawn[treated, WEEKS + 4 :] += effect
        after = drawn[:, WEEKS + 4 :]
        naive = month if after_a_bad_month else drawn[:, :WEEKS]
        return Rollout(_units(treated, drawn[:, :WEEKS], after), _units(treated, naive, after))

    return draw


def _units(treated: Array, before: Array, after: Array) -> list[UnitWeeks]:
    def weeks(row: Array) -> tuple[Week, ...]:
        return (Week(measurements=tuple(row.tolist())),)  # a unit counts with its mean alone

    return [
        UnitWeeks(str(place), bool(treated[place]), weeks(before[place]), weeks(after[place]))
        for place in range(len(treated))
    ]
