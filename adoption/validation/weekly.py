"""Counts of equal weeks before and after: the registered comparison of two rates.

Counts of a product's weeks are noisier than Poisson, and one week resembles the next. Both make the
plain interval too narrow, and noise is then taken for an effect. Where the weeks show neither, the
score and exact intervals of `rates.py` stand; where they do, the interval is averaged over how
noisy and how alike the weeks may be (`likeness.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from adoption.validation import numerics
from adoption.validation.likeness import (
    COUNTS,
    Frame,
    Mixture,
    Noise,
    is_chance,
    mixture,
    noise_from,
    two_sides,
    weights_of,
)
from adoption.validation.rates import FEW, Rate, equivalence_p, rate_ratio
from adoption.validation.results import Estimate, Interval, NotEvaluableError, Scale

RUNS = 1_000  # simulated roll-outs behind a promised power: 1.3 points of error
FINEST = 0.004  # of the logarithm of a promised ratio
Array = np.ndarray


def _rows(side: Sequence[int]) -> Array:
    return np.asarray(side, dtype=float).reshape(1, -1)


def _residuals(before: Array, after: Array) -> tuple[Array, Frame, Array]:
    """Rows of weeks around their side's mean, in units of Poisson noise; frame and places."""
    parts = []
    for side in (before, after):
        mean = side.mean(axis=1, keepdims=True) if side.shape[1] else np.zeros((len(side), 1))
        parts.append((side - mean) / np.sqrt(np.where(mean > 0, mean, 1.0)))
    lengths = (before.shape[1], after.shape[1])
    places = np.concatenate([np.arange(lengths[0]), lengths[0] + 1 + np.arange(lengths[1])])
    return np.concatenate(parts, axis=1), two_sides(*lengths), places


def noise_of(before: Sequence[int], after: Sequence[int]) -> Noise:
    """Look at the weeks of each side around that side's own mean. A side may be empty."""
    if max(len(before), len(after)) < 2:
        return Noise(1.0, 0.0, is_plain=True)
    residuals, seen, places = _residuals(_rows(before), _rows(after))
    plain = bool(is_chance(residuals, seen, places)[0])
    return noise_from(weights_of(residuals, seen, COUNTS), is_plain=plain)


def _errors(before: Array, after: Array) -> tuple[Mixture, Array, Array]:
    """Per row: the error of the logarithm of the ratio, whether the weeks are plain, and weights.

    A side without events counts as one with a single event; callers leave it out.
    """
    residuals, seen, places = _residuals(before, after)
    weights = weights_of(residuals, seen, COUNTS)
    sides = np.zeros((2, before.shape[1] + after.shape[1]))
    sides[0, : before.shape[1]] = before.shape[1] ** -0.5
    sides[1, before.shape[1] :] = after.shape[1] ** -0.5
    chances = [1.0 / np.maximum(1.0, side.sum(axis=1)) for side in (before, after)]
    excess = sum(
        chance[:, None] * seen.excess_of(side)[None, :]
        for chance, side in zip(chances, sides, strict=True)
    )
    error = mixture(weights, chances[0] + chances[1], np.asarray(excess))
    return error, is_chance(residuals, seen, places), weights


def weekly_ratio(before: Sequence[int], after: Sequence[int], *, alpha: float = 0.05) -> Estimate:
    """How many times as often things happen in a week after as before.

    Raises:
        NotEvaluableError: no week on a side, or nothing happened before; nothing after and noise.
    """
    first, second = _sides(before, after)
    error, plain, weights = _errors(_rows(before), _rows(after))
    if plain[0]:
        found = rate_ratio(first, second, alpha=alpha)
        return replace(found, method=f"weekly_ratio.{found.interval.method}/2")
    if min(first.events, second.events) == 0:
        raise NotEvaluableError("Nothing happened on one side, and the weeks are noisy.")
    noise = noise_from(weights, is_plain=False)
    center = math.log(second.value / first.value)
    reach = float(error.reach(alpha)[0])
    spread = reach / float(numerics.stats.norm.isf(alpha / 2))
    return Estimate(
        scale=Scale.RATIO,
        effect=second.value / first.value,
        interval=Interval(math.exp(center - reach), math.exp(center + reach), 1 - alpha, "alike"),
        p_value=2 * float(error.above(np.array([abs(center)]))[0]),
        method="weekly_ratio.alike/2",
        n={"before": first.events, "after": second.events},
        standard_error=spread,
        dispersion=max(1.0, spread**2 / (1 / first.events + 1 / second.events)),
        warnings=_warnings(noise, first, second),
        details={
            "rate_before": first.value,
            "rate_after": second.value,
            "noise": noise.dispersion,
            "likeness": noise.likeness,
        },
    )


def _warnings(noise: Noise, first: Rate, second: Rate) -> tuple[str, ...]:
    found = ["overdispersed"] if noise.dispersion > OVERDISPERSED else []
    found += ["autocorrelation"] if noise.likeness > AUTOCORRELATED else []
    found += ["few_events"] if min(first.events, second.events) < FEW else []
    return tuple(found)


OVERDISPERSED, AUTOCORRELATED = 1.2, 0.3  # from here on a reader is told


def weekly_equivalence_p(
    before: Sequence[int], after: Sequence[int], low: float, high: float
) -> float:
    """The p-value of two one-sided tests that the ratio lies between two margins, as above."""
    first, second = _sides(before, after)
    error, plain, _ = _errors(_rows(before), _rows(after))
    if plain[0]:
        few = min(first.events, second.events) < FEW
        return equivalence_p(first, second, low, high, exact=few)
    if min(first.events, second.events) == 0:
        return 1.0
    center = math.log(second.value / first.value)
    distances = (center - math.log(low), math.log(high) - center)
    return max(float(error.above(np.array([each]))[0]) for each in distances)


def _sides(before: Sequence[int], after: Sequence[int]) -> tuple[Rate, Rate]:
    if not before or not after:
        raise NotEvaluableError("A side has no week.")
    first, second = Rate(sum(before), len(before)), Rate(sum(after), len(after))
    if first.events == 0:
        raise NotEvaluableError("No event in the baseline: a ratio to nothing has no value.")
    return first, second


def weekly_power(
    ratio: float,
    mean: float,
    weeks: tuple[int, int],
    *,
    noise: Noise | None = None,
    alpha: float = 0.05,
    seed: int = 0,
    runs: int = RUNS,
) -> float:
    """How often this protocol finds an effect of this ratio: its power, widening included.

    By seeded roll-outs of weeks that are Poisson, or as noisy and alike as `noise` says: a formula
    that forgot what the protection against noise costs would promise too much.

    Args:
        mean: events of a week of the baseline.
        weeks: before and after.
        noise: of the baseline; None for Poisson.
    """
    rng = np.random.default_rng(seed)
    before = draw_weeks(rng, mean, (runs, weeks[0]), noise)
    after = draw_weeks(rng, mean, (runs, weeks[1]), noise, times=ratio)
    error, plain, _ = _errors(before, after)
    first, second = before.sum(axis=1), after.sum(axis=1)
    known = (first > 0) & (second > 0)
    one, two = np.maximum(first, 1.0), np.maximum(second, 1.0)
    distance = np.log(two / weeks[1]) - np.log(one / weeks[0])
    distance = np.sign(math.log(ratio)) * distance
    usual = float(numerics.stats.norm.isf(alpha / 2)) * np.sqrt(1 / one + 1 / two)
    found = np.where(plain, distance > usual, 2 * error.above(distance) < alpha)
    return float((found & known).mean())


def draw_weeks(
    rng: np.random.Generator,
    mean: float,
    shape: tuple[int, int],
    noise: Noise | None,
    *,
    times: float = 1.0,
) -> Array:
    """Rows of weeks: Poisson counts around a level that wanders as `noise` says of this mean.

    The level's logarithm is normal, and each week's resembles the last one's. An effect multiplies
    the level, wandering and all, so that weeks with more events are noisier as well.
    """
    excess = 0.0 if noise is None else noise.dispersion - 1
    if noise is None or not excess > 0 or not mean > 0:
        return rng.poisson(mean * times, shape).astype(float)
    level = rng.normal(size=shape)
    for week in range(1, shape[1]):
        level[:, week] *= math.sqrt(1 - noise.likeness**2)
        level[:, week] += noise.likeness * level[:, week - 1]
    variance = math.log1p(excess / mean)
    rates = mean * times * np.exp(math.sqrt(variance) * level - variance / 2)
    return rng.poisson(rates).astype(float)


def weekly_smallest(
    mean: float,
    weeks: tuple[int, int],
    *,
    is_increase: bool,
    noise: Noise | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
    seed: int = 0,
    runs: int = RUNS,
) -> float | None:
    """The smallest ratio that this protocol finds with this power; None when there is none.

    None means: no increase up to sixtyfold, or no decrease at all.
    """
    if mean <= 0:
        return None

    def enough(distance: float) -> bool:
        ratio = math.exp(distance if is_increase else -distance)
        found = weekly_power(ratio, mean, weeks, noise=noise, alpha=alpha, seed=seed, runs=runs)
        return found >= power

    # Below half of what textbook counts need nothing is found, so looking starts there.
    events = mean * weeks[0] * weeks[1] / sum(weeks)
    start = min(1.0, 1.4 / math.sqrt(events))
    low, high = 0.0, start
    while not enough(high):
        low, high = high, high * 1.4
        if high > math.log(60.0):
            return None
    while high - low > FINEST:
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return math.exp(high if is_increase else -high)
