"""Counts of equal weeks before and after: the registered comparison of two rates.

Counts of a product's weeks are noisier than Poisson, and one week resembles the next. Both make the
plain interval too narrow, and noise is then taken for an effect. Where the weeks show neither, the
score and exact intervals of `rates.py` stand; where they do, the standard error is widened by what
was seen of both, and quantiles are those of the t distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from adoption.validation import numerics
from adoption.validation.rates import FEW, Rate, equivalence_p, rate_ratio
from adoption.validation.results import Estimate, Interval, NotEvaluableError

NOISY = 0.2  # p of Pearson's test of the weeks; below it they do not count as Poisson
LARGEST_LIKENESS = 0.8
CHANCE = 0.5  # standard errors of a correlation up to which weeks count as independent
RUNS = 2_000  # simulated roll-outs behind a promised power
Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Noise:
    """What the weeks show of their noise.

    Attributes:
        dispersion: Pearson's, at least 1.
        likeness: correlation of a week with the next one, 0 to 0.8, corrected for short series.
        p_value: of Pearson's chi-square; small when the weeks are not Poisson.
        freedom: degrees of freedom.
    """

    dispersion: float
    likeness: float
    p_value: float
    freedom: int

    @property
    def factor(self) -> float:
        """How many times as large as Poisson's the variance of a sum of weeks is, at least 1."""
        return max(1.0, self.dispersion * (1 + self.likeness) / (1 - self.likeness))

    @property
    def is_plain(self) -> bool:
        """Whether nothing speaks against Poisson counts of independent weeks."""
        return self.p_value >= NOISY and self.likeness <= 0.0


def noise_of(before: Sequence[int], after: Sequence[int]) -> Noise:
    """Look at the weeks of each side around that side's own mean. A side may be empty."""
    dispersion, likeness, p_value, freedom = _noise(
        *(np.asarray(side, dtype=float).reshape(1, -1) for side in (before, after))
    )
    return Noise(float(dispersion[0]), float(likeness[0]), float(p_value[0]), int(freedom[0]))


def _noise(*sides: Array) -> tuple[Array, Array, Array, Array]:
    """Dispersion, likeness, p-value and degrees of freedom, a row of weeks each."""
    rows = sides[0].shape[0]
    squares, products = np.zeros(rows), np.zeros(rows)
    freedom, pairs, weeks = np.zeros(rows), np.zeros(rows), np.zeros(rows)
    for side in sides:
        length = side.shape[1]
        if length < 2:
            continue
        mean = side.mean(axis=1, keepdims=True)
        counted = mean[:, 0] > 0
        residuals = (side - mean) / np.sqrt(np.where(mean > 0, mean, 1.0))
        squares += (residuals**2).sum(axis=1)
        products += (residuals[:, 1:] * residuals[:, :-1]).sum(axis=1)
        freedom += counted * (length - 1)
        pairs += counted * (length - 1)
        weeks += counted * length
    known = (freedom > 0) & (squares > 0)
    safe = np.where(known, squares, 1.0)
    seen = np.where(known, products / safe * weeks / np.maximum(pairs, 1), 0.0)
    # A correlation around a mean taken from the same few weeks is too small (Kendall 1954).
    lost = (weeks - freedom) / np.maximum(weeks, 1)
    corrected = seen + (1 + 3 * np.maximum(0.0, seen)) * lost
    by_chance = CHANCE / np.sqrt(np.maximum(weeks, 1))
    likeness = np.clip(np.where(seen > by_chance, corrected, 0.0), 0.0, LARGEST_LIKENESS)
    dispersion = np.maximum(1.0, np.where(known, squares / np.maximum(freedom, 1), 1.0))
    p_value = np.where(known, numerics.stats.chi2.sf(squares, np.maximum(freedom, 1)), 1.0)
    return dispersion, likeness, p_value, freedom


def weekly_ratio(before: Sequence[int], after: Sequence[int], *, alpha: float = 0.05) -> Estimate:
    """How many times as often things happen in a week after as before.

    Raises:
        NotEvaluableError: no week on a side, or nothing happened before; nothing after and noise.
    """
    first, second = _sides(before, after)
    noise = noise_of(before, after)
    if noise.is_plain:
        found = rate_ratio(first, second, alpha=alpha)
        return replace(found, method=f"weekly_ratio.{found.interval.method}/1")
    if min(first.events, second.events) == 0:
        raise NotEvaluableError("Nothing happened on one side, and the weeks are noisy.")
    center = math.log(second.value / first.value)
    error = math.sqrt(noise.factor * (1 / first.events + 1 / second.events))
    law = numerics.stats.t(max(1, noise.freedom))
    reach = float(law.isf(alpha / 2)) * error
    warnings = ["overdispersed"] if noise.p_value < NOISY else []
    warnings += ["autocorrelation"] if noise.likeness > 0 else []
    warnings += ["few_events"] if min(first.events, second.events) < FEW else []
    return Estimate(
        scale=rate_ratio(first, second).scale,
        effect=second.value / first.value,
        interval=Interval(math.exp(center - reach), math.exp(center + reach), 1 - alpha, "noisy_t"),
        p_value=2 * float(law.sf(abs(center) / error)),
        method="weekly_ratio.noisy_t/1",
        n={"before": first.events, "after": second.events},
        standard_error=error,
        dispersion=noise.factor,
        warnings=tuple(warnings),
        details={
            "rate_before": first.value,
            "rate_after": second.value,
            "likeness": noise.likeness,
            "degrees_of_freedom": float(noise.freedom),
        },
    )


def weekly_equivalence_p(
    before: Sequence[int], after: Sequence[int], low: float, high: float
) -> float:
    """The p-value of two one-sided tests that the ratio lies between two margins, as above."""
    first, second = _sides(before, after)
    noise = noise_of(before, after)
    if noise.is_plain:
        few = min(first.events, second.events) < FEW
        return equivalence_p(first, second, low, high, exact=few)
    if min(first.events, second.events) == 0:
        return 1.0
    center = math.log(second.value / first.value)
    error = math.sqrt(noise.factor * (1 / first.events + 1 / second.events))
    law = numerics.stats.t(max(1, noise.freedom))
    return max(
        float(law.sf((center - math.log(low)) / error)),
        float(law.cdf((center - math.log(high)) / error)),
    )


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
    dispersion: float = 1.0,
    alpha: float = 0.05,
    seed: int = 0,
    runs: int = RUNS,
) -> float:
    """How often this protocol finds an effect of this ratio: its power, widening included.

    By seeded roll-outs of weeks that are Poisson, or negative binomial where `dispersion` says so:
    a formula that forgot what the protection against noise costs would promise too much.

    Args:
        mean: events of a week of the baseline.
        weeks: before and after.
        dispersion: Pearson's, of the baseline.
    """
    rng = np.random.default_rng(seed)
    before = _draw(rng, mean, (runs, weeks[0]), dispersion)
    after = _draw(rng, mean * ratio, (runs, weeks[1]), dispersion)
    seen, likeness, p_value, freedom = _noise(before, after)
    plain = (p_value >= NOISY) & (likeness <= 0)
    first, second = before.sum(axis=1), after.sum(axis=1)
    known = (first > 0) & (second > 0)
    one, two = np.where(known, first, 1.0), np.where(known, second, 1.0)
    factor = np.where(plain, 1.0, np.maximum(1.0, seen * (1 + likeness) / (1 - likeness)))
    reach = np.where(
        plain,
        numerics.stats.norm.isf(alpha / 2),
        numerics.stats.t.isf(alpha / 2, np.maximum(freedom, 1)),
    )
    distance = np.log(two / weeks[1]) - np.log(one / weeks[0])
    found = np.sign(math.log(ratio)) * distance > reach * np.sqrt(factor * (1 / one + 1 / two))
    return float((found & known).mean())


def _draw(
    rng: np.random.Generator, mean: float, shape: tuple[int, int], dispersion: float
) -> Array:
    if dispersion <= 1.0:
        return rng.poisson(mean, shape).astype(float)
    return rng.negative_binomial(mean / (dispersion - 1), 1 / dispersion, shape).astype(float)


def weekly_smallest(
    mean: float,
    weeks: tuple[int, int],
    *,
    is_increase: bool,
    dispersion: float = 1.0,
    alpha: float = 0.05,
    power: float = 0.8,
    seed: int = 0,
) -> float | None:
    """The smallest ratio that this protocol finds with this power; None when there is none.

    None means: no increase up to sixtyfold, or no decrease at all.
    """
    if mean <= 0:
        return None

    def enough(distance: float) -> bool:
        ratio = math.exp(distance if is_increase else -distance)
        return (
            weekly_power(ratio, mean, weeks, dispersion=dispersion, alpha=alpha, seed=seed) >= power
        )

    grid = np.geomspace(0.01, math.log(60.0), 24)
    reached = next((place for place, each in enumerate(grid) if enough(float(each))), None)
    if reached is None:
        return None
    low, high = (float(grid[reached - 1]) if reached else 0.0), float(grid[reached])
    for _ in range(9):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return math.exp(high if is_increase else -high)
