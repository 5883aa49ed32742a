"""An interrupted series of weeks that may be noisy and alike: what a registration uses.

The model is that of `series.py`, and its step is the same. Only its interval is another one: there
all noise is independent from week to week, as in the published studies that it is held to; here it
is averaged over how noisy and how alike the weeks may be (`likeness.py`). Newey and West's errors
are no cure for short series: on the golden series they make the interval narrower.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from adoption.validation import numerics
from adoption.validation.likeness import (
    LIKENESS,
    SERIES,
    Mixture,
    Noise,
    frame,
    mixture,
    noise_from,
    weights_of,
)
from adoption.validation.results import Estimate, Interval
from adoption.validation.series import Series, design_of, interrupted_series

RUNS = 1_000
Array = np.ndarray


@dataclass(frozen=True, slots=True)
class _Fitted:
    """Weeks around what was fitted, in units of Poisson noise, and what the step is made of."""

    error: Mixture
    noise: Noise
    chance: float


def _look(residuals: Array, expected: Array, design: Array, place: int, weeks: Array) -> _Fitted:
    terms = design * np.sqrt(expected)[:, None]
    contrast = np.linalg.pinv(terms)[place]
    seen = frame(weeks, terms, np.ones(len(weeks)))
    weights = weights_of(residuals, seen, SERIES)
    chance = float(contrast @ contrast)
    excess = np.broadcast_to(seen.excess_of(contrast), (len(residuals), len(LIKENESS)))
    error = mixture(weights, np.full(len(residuals), chance), excess)
    return _Fitted(error, noise_from(weights, is_plain=False), chance)


def _weeks(series: Series) -> Array:
    places = np.arange(len(series.counts))
    return np.where(places >= series.launch, places + series.gap, places)


def alike_series(series: Series, *, alpha: float = 0.05) -> Estimate:
    """The step at the launch as a ratio.

    Raises:
        NotEvaluableError: too few periods on a side, or nothing happened in them.
    """
    found = interrupted_series(series, alpha=alpha)
    design, names = design_of(series)
    counts = np.asarray(series.counts, dtype=float)
    expected = np.exp(design @ [found.details[f"b_{name}"] for name in names])
    expected = np.maximum(expected * np.asarray(series.exposure, dtype=float), 1e-9)
    residuals = ((counts - expected) / np.sqrt(expected)).reshape(1, -1)
    seen = _look(residuals, expected, design, names.index("step"), _weeks(series))
    reach, step = float(seen.error.reach(alpha)[0]), found.details["step"]
    spread = reach / float(numerics.stats.norm.isf(alpha / 2))
    return replace(
        found,
        interval=Interval(math.exp(step - reach), math.exp(step + reach), 1 - alpha, "alike"),
        p_value=2 * float(seen.error.above(np.array([abs(step)]))[0]),
        method="interrupted_series.alike/2",
        standard_error=spread,
        dispersion=max(1.0, spread**2 / seen.chance),
        details={
            **found.details,
            "noise": seen.noise.dispersion,
            "likeness": seen.noise.likeness,
            "independent_low": found.interval.low,
            "independent_high": found.interval.high,
        },
    )


def noise_around(series: Series) -> Noise:
    """The noise of a baseline around its own trend; `launch` is where the baseline ends."""
    counts = np.asarray(series.counts[: series.launch], dtype=float)
    if len(counts) < 4 or not counts.sum() > 0:
        return Noise(1.0, 0.0, is_plain=True)
    design = np.column_stack([np.ones(len(counts)), np.arange(len(counts)) - len(counts) / 2])
    family = numerics.models.families.Poisson()
    expected = np.maximum(numerics.models.GLM(counts, design, family=family).fit().mu, 1e-9)
    terms = design * np.sqrt(expected)[:, None]
    seen = frame(np.arange(len(counts)), terms, np.ones(len(counts)))
    residuals = ((counts - expected) / np.sqrt(expected)).reshape(1, -1)
    return noise_from(weights_of(residuals, seen, SERIES), is_plain=False)


def alike_smallest_step(
    rate: float,
    series: Series,
    *,
    is_increase: bool,
    noise: Noise | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
    seed: int = 0,
) -> float | None:
    """The smallest step that this design finds with this power, for `rate` events a period.

    By seeded noise around the fitted series, which gives every roll-out its own error and its own
    reach; a step is found when it lies beyond both. A step changes how many events come after it,
    so it is found by going round until it no longer moves. The counts of `series` are not looked
    at. None when there is no such step up to sixtyfold.
    """
    if rate <= 0:
        return None
    design, names = design_of(series)
    place, left = names.index("step"), len(series.counts) - design.shape[1]
    if left < 2:
        return None
    rng = np.random.default_rng(seed)
    shocks = _shocks(rng, _weeks(series), noise)
    after = design[:, place]
    step, most = 0.0, math.log(60.0)
    for _ in range(12):
        expected = rate * np.exp(step * after)
        scaled = _scaled(shocks, expected, rate, noise)
        terms = design * np.sqrt(expected)[:, None]
        contrast = np.linalg.pinv(terms)[place]
        residuals = scaled - (scaled @ np.linalg.pinv(terms).T) @ terms.T
        reach = _look(residuals, expected, design, place, _weeks(series)).error.reach(alpha)
        sign = 1.0 if is_increase else -1.0
        needed = float(np.quantile(reach - sign * (scaled @ contrast), power))
        if needed > most:
            return None
        if abs(sign * needed - step) < 0.002:
            break
        step = sign * needed
    else:
        return None
    return math.exp(sign * needed)


def _shocks(rng: np.random.Generator, weeks: Array, noise: Noise | None) -> tuple[Array, Array]:
    """Chance of each week and the excess of each, both of variance 1."""
    chance = rng.normal(size=(RUNS, len(weeks)))
    excess = rng.normal(size=(RUNS, len(weeks)))
    likeness = 0.0 if noise is None else noise.likeness
    for week in range(1, len(weeks)):
        kept = likeness ** float(weeks[week] - weeks[week - 1])
        excess[:, week] = kept * excess[:, week - 1] + math.sqrt(1 - kept**2) * excess[:, week]
    return chance, excess


def _scaled(
    shocks: tuple[Array, Array], expected: Array, rate: float, noise: Noise | None
) -> Array:
    """Residuals in units of Poisson noise; the excess is a share of the level, so it grows."""
    excess = 0.0 if noise is None else noise.dispersion - 1
    found: Array = shocks[0] + shocks[1] * np.sqrt(excess * expected / rate)
    return found
