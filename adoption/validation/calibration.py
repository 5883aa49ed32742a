"""Roll-outs that never were, and some that were: how often the protocol is right.

Each story is a way in which weeks differ from textbook counts. A method is held against each of
them twice: with an effect of nothing, and with one as large as it promises to find.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from adoption.validation import numerics
from adoption.validation.differences import Unit, paired_changes, permuted_changes
from adoption.validation.medians import median_difference, rank_shift
from adoption.validation.power import smallest_difference
from adoption.validation.promises import RANK_COST
from adoption.validation.rates import Rate, rate_ratio
from adoption.validation.results import Estimate, Interval, NotEvaluableError, Scale
from adoption.validation.series import Series, interrupted_series, naive_before_after, smallest_step
from adoption.validation.weekly import weekly_ratio, weekly_smallest

WEEKS = 12
Rng = np.random.Generator
Sides = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, slots=True)
class Story:
    """A way in which data come about, a method, and what one would do without the protocol.

    Attributes:
        draw: `draw(rng, effect)` → the two sides, or units.
        effect: one that the method promises to find with 80 % power; None: only nothing is drawn.
    """

    method: str
    name: str
    null: float
    draw: Callable[[Rng, float], Sides]
    judge: Callable[[Sides, int], Estimate]
    blind: Callable[[Sides, int], Estimate]
    effect: float | None


@dataclass(frozen=True, slots=True)
class Tally:
    """How it went; counts out of `runs`. `covered` and `found` are of the real effect."""

    method: str
    story: str
    runs: int
    covered: int
    false_supported: int
    false_without_protocol: int
    found: int
    has_effect: bool


def _weekly(sides: Sides, _seed: int) -> Estimate:
    return weekly_ratio(sides[0].tolist(), sides[1].tolist())


def _totals(sides: Sides, _seed: int) -> Estimate:
    before, after = (Rate(int(side.sum()), len(side)) for side in sides)
    return rate_ratio(before, after)


def _poisson(mean: float) -> Callable[[Rng, float], Sides]:
    return lambda rng, effect: (rng.poisson(mean, WEEKS), rng.poisson(mean * effect, WEEKS))


def _overdispersed(mean: float, times: float) -> Callable[[Rng, float], Sides]:
    def side(rng: Rng, at: float) -> np.ndarray:
        return rng.negative_binomial(at / (times - 1), 1 / times, WEEKS)

    return lambda rng, effect: (side(rng, mean), side(rng, mean * effect))


def _alike(mean: float, likeness: float, spread: float) -> Callable[[Rng, float], Sides]:
    """Weeks that resemble the one before: an autoregressive level behind Poisson counts."""

    def draw(rng: Rng, effect: float) -> Sides:
        level = np.empty(2 * WEEKS)
        level[0] = rng.normal()
        for week in range(1, 2 * WEEKS):
            level[week] = likeness * level[week - 1]
            level[week] += math.sqrt(1 - likeness**2) * rng.normal()
        rates = mean * np.exp(spread * level - spread**2 / 2)
        rates[WEEKS:] *= effect
        counts = rng.poisson(rates)
        return counts[:WEEKS], counts[WEEKS:]

    return draw


def _after_a_trough(rng: Rng, effect: float) -> Sides:
    """A launch because last month was the worst of a year: baseline before it, window after it."""
    weeks = rng.poisson(8, 60)
    months = weeks[24:48].reshape(6, 4).sum(axis=1)
    worst = 24 + 4 * int(months.argmin())
    return weeks[worst - WEEKS : worst + 4], rng.poisson(8 * effect, WEEKS)


def _without_the_trough(sides: Sides, seed: int) -> Estimate:
    return _weekly((sides[0][:-4], sides[1]), seed)


def _from_the_trough(sides: Sides, seed: int) -> Estimate:
    return _weekly((sides[0][-4:], sides[1]), seed)


def _trending(rng: Rng, effect: float) -> Sides:
    rates = 25 * np.exp(0.02 * np.arange(36))
    rates[18:] *= effect
    counts = rng.poisson(rates)
    return counts[:18], counts[18:]


def _as_series(sides: Sides, _seed: int) -> Estimate:
    return interrupted_series(_series(sides))


def _series(sides: Sides) -> Series:
    counts = [*sides[0].tolist(), *sides[1].tolist()]
    return Series(counts=counts, exposure=[1.0] * len(counts), launch=len(sides[0]))


def _bare(sides: Sides, _seed: int) -> Estimate:
    return naive_before_after(_series(sides))


def _skewed(size: int) -> Callable[[Rng, float], Sides]:
    return lambda rng, effect: (rng.exponential(30, size), rng.exponential(30, size) + effect)


def _ranks(sides: Sides, _seed: int) -> Estimate:
    return rank_shift(sides[0].tolist(), sides[1].tolist())


def _medians(sides: Sides, seed: int) -> Estimate:
    return median_difference(sides[0].tolist(), sides[1].tolist(), seed=seed)


def _normal(size: int) -> Callable[[Rng, float], Sides]:
    return lambda rng, effect: (rng.normal(40, 10, size), rng.normal(40 + effect, 10, size))


def _units(size: int) -> Callable[[Rng, float], Sides]:
    """Units with their own levels, all a little better after; half of them treated."""

    def draw(rng: Rng, effect: float) -> Sides:
        level = rng.normal(40, 15, size)
        after = level + rng.normal(3, 2, size)
        after[: size // 2] += effect
        return level, after

    return draw


def _as_units(sides: Sides) -> list[Unit]:
    half = len(sides[0]) // 2
    return [
        Unit(str(k), k < half, float(before), float(after))
        for k, (before, after) in enumerate(zip(*sides, strict=True))
    ]


def _paired(sides: Sides, _seed: int) -> Estimate:
    return paired_changes(_as_units(sides))


def _permuted(sides: Sides, seed: int) -> Estimate:
    return permuted_changes(_as_units(sides), seed=seed)


def _treated_only(sides: Sides, _seed: int) -> Estimate:
    """The changes of the treated by themselves, without anybody to compare with."""
    half = len(sides[0]) // 2
    changes = sides[1][:half] - sides[0][:half]
    test = numerics.stats.ttest_1samp(changes, 0.0)
    limits = test.confidence_interval(0.95)
    return Estimate(
        scale=Scale.DIFFERENCE,
        effect=float(changes.mean()),
        interval=Interval(float(limits.low), float(limits.high), 0.95, "t"),
        p_value=float(test.pvalue),
        method="treated_only/1",
        n={"treated": half},
    )


def stories() -> list[Story]:
    """All of them. Those without an effect are about false alarms only."""
    weekly = "weekly_ratio"
    series = Series(counts=[0] * 36, exposure=[1.0] * 36, launch=18)
    step = smallest_step(25 * math.exp(0.02 * 17.5), series)
    paired = smallest_difference((12, 12), 2.0)
    shift = smallest_difference((60, 60), 10 * RANK_COST)
    weeks = (WEEKS, WEEKS)
    return [
        Story(weekly, "Poisson", 1.0, _poisson(8), _weekly, _totals,
              weekly_smallest(8, weeks, is_increase=True)),
        Story(weekly, "small n", 1.0, _poisson(1.5), _weekly, _totals, None),
        Story(weekly, "overdispersed", 1.0, _overdispersed(20, 3), _weekly, _totals,
              weekly_smallest(20, weeks, is_increase=True, dispersion=3)),
        Story(weekly, "weeks alike", 1.0, _alike(20, 0.4, 0.3), _weekly, _totals, None),
        Story(weekly, "after a bad month", 1.0, _after_a_trough, _without_the_trough,
              _from_the_trough, None),
        Story("interrupted_series", "trend", 1.0, _trending, _as_series, _bare, step),
        Story("rank_shift", "normal", 0.0, _normal(60), _ranks, _ranks, shift),
        Story("rank_shift", "skewed", 0.0, _skewed(40), _ranks, _ranks, None),
        Story("median_difference", "skewed", 0.0, _skewed(40), _medians, _medians, None),
        Story("paired_changes", "units", 0.0, _units(24), _paired, _treated_only, paired),
        Story("permuted_changes", "few units", 0.0, _units(10), _permuted, _treated_only, None),
    ]  # fmt: skip


def calibrate(story: Story, *, runs: int, seed: int) -> Tally:
    """Carry a story out so many times with an effect of nothing and, where it has one, with it.

    `supported` is the whole interval above the null: the wanted half of a two-sided test.
    """
    rng = np.random.default_rng(seed)
    false = blind = covered = found = 0
    for run in range(runs):
        sides = story.draw(rng, story.null)
        false += _is_above(story.judge, sides, run, story.null)
        blind += _is_above(story.blind, sides, run, story.null)
        truth = story.null if story.effect is None else story.effect
        drawn = sides if story.effect is None else story.draw(rng, truth)
        try:
            interval = story.judge(drawn, run).interval
        except NotEvaluableError:
            continue
        covered += not interval.excludes(truth)
        found += story.effect is not None and interval.low > story.null
    return Tally(
        story.method, story.name, runs, covered, false, blind, found, story.effect is not None
    )


def _is_above(
    judge: Callable[[Sides, int], Estimate], sides: Sides, seed: int, null: float
) -> bool:
    try:
        return judge(sides, seed).interval.low > null
    except NotEvaluableError:
        return False


def calibrations(*, runs: int, seed: int) -> Iterator[Tally]:
    """Every story, one after the other."""
    for story in stories():
        yield calibrate(story, runs=runs, seed=seed)
