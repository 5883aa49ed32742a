"""Measurements that come in weeks: how much a pool of them forgets.

Measurements of one week share what was special about it, and neighbouring weeks resemble each
other. Ranks and medians take all of them for independent, so their intervals are widened by what
the weeks show (`likeness.py`). Looked at are ranks, so that one enormous measurement does not speak
for its week.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adoption.validation import numerics
from adoption.validation.likeness import (
    FAR,
    LIKENESS,
    MEASUREMENTS,
    Frame,
    Noise,
    frame,
    mixture,
    noise_from,
    weights_of,
)

RUNS = 1_000
Array = np.ndarray
Weeks = Sequence[Sequence[float]]
PLAIN = Noise(1.0, 0.0, is_plain=True)


@dataclass(frozen=True, slots=True)
class _Pool:
    """Weeks with at least one measurement.

    Attributes:
        sizes: measurements of each.
        places: week numbers; those after are far from those before.
        means: of each week's ranks.
        within: variance of a rank between measurements of one week; 0 when it is not known.
        is_whole: there are hardly two measurements in a week, and `within` is that of all of them.
    """

    sizes: Array
    places: Array
    means: Array
    within: float
    is_whole: bool

    @property
    def is_after(self) -> Array:
        found: Array = self.places >= FAR
        return found


def _pool(before: Weeks, after: Weeks) -> _Pool:
    placed = [(k, week) for k, week in enumerate(before) if week]
    placed += [(FAR + k, week) for k, week in enumerate(after) if week]
    sizes = np.array([len(week) for _, week in placed], dtype=float)
    ranks = numerics.stats.rankdata(np.concatenate([np.asarray(week) for _, week in placed]))
    parts = np.split(ranks, np.cumsum(sizes.astype(int))[:-1])
    means = np.array([part.mean() for part in parts])
    squares = sum(float(((part - part.mean()) ** 2).sum()) for part in parts)
    freedom = sizes.sum() - len(parts)
    places = np.array([place for place, _ in placed])
    is_whole = freedom < len(parts)  # chance and an independent excess cannot be told apart
    if is_whole:
        apart = means - _centers(means, sizes, places >= FAR)
        squares, freedom = squares + float((sizes * apart**2).sum()), sizes.sum() - 2
    return _Pool(sizes, places, means, squares / freedom if freedom > 0 else 0.0, is_whole)


def _centers(means: Array, sizes: Array, is_after: Array) -> Array:
    found = np.zeros(len(means))
    for side in (is_after, ~is_after):
        if side.any():
            found[side] = np.average(means[side], weights=sizes[side])
    return found


def _frame(sizes: Array, places: Array) -> tuple[Frame, Array]:
    """What is known beforehand, and the weights of the difference of the sides' means."""
    roots, is_after = np.sqrt(sizes), places >= FAR
    terms = [roots * side for side in (~is_after, is_after) if side.any()]
    signs = np.where(is_after, 1.0, -1.0)
    sums = np.where(is_after, sizes[is_after].sum(), sizes[~is_after].sum())
    return frame(places, np.column_stack(terms), roots), roots * signs / sums


def _residuals(pool: _Pool) -> Array:
    apart = pool.means - _centers(pool.means, pool.sizes, pool.is_after)
    found: Array = np.sqrt(pool.sizes) * apart / math.sqrt(pool.within)
    return found.reshape(1, -1)


def _weights(residuals: Array, seen: Frame, *, is_whole: bool) -> Array:
    return weights_of(residuals, seen, MEASUREMENTS, is_whole=is_whole)


def _times(
    residuals: Array, seen: Frame, contrast: Array, alpha: float, *, is_whole: bool
) -> Array:
    """Per row, how many times as wide as by chance alone the interval must be, at least 1."""
    chance = np.full(len(residuals), float(contrast @ contrast))
    excess = np.broadcast_to(seen.excess_of(contrast), (len(residuals), len(LIKENESS)))
    weights = _weights(residuals, seen, is_whole=is_whole)
    reach = mixture(weights, chance, excess, is_whole=is_whole).reach(alpha)
    usual = float(numerics.stats.norm.isf(alpha / 2)) * np.sqrt(chance)
    found: Array = np.maximum(1.0, reach / usual)
    return found


def widening(before: Weeks, after: Weeks, *, alpha: float = 0.05) -> tuple[float, Noise]:
    """How many times as wide an interval of pooled measurements must be, at least 1; and why.

    Args:
        before, after: measurements of each week; weeks without any are left out.
    """
    pool = _pool(before, after)
    if len(pool.sizes) < 4 or not pool.within > 0:
        return 1.0, PLAIN
    seen, contrast = _frame(pool.sizes, pool.places)
    residuals = _residuals(pool)
    times = float(_times(residuals, seen, contrast, alpha, is_whole=pool.is_whole)[0])
    return times, noise_from(_weights(residuals, seen, is_whole=pool.is_whole), is_plain=False)


def measured_noise(before: Weeks) -> Noise:
    """What the weeks of a baseline show: the excess is that of a single measurement."""
    if sum(bool(week) for week in before) < 4:
        return PLAIN
    pool = _pool(before, ())
    if not pool.within > 0:
        return PLAIN
    seen, _ = _frame(pool.sizes, pool.places)
    residuals = _residuals(pool)
    return noise_from(_weights(residuals, seen, is_whole=pool.is_whole), is_plain=False)


def errors_needed(
    weeks: tuple[int, int],
    a_week: float,
    noise: Noise,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    seed: int = 0,
) -> float:
    """How many plain standard errors large an effect is that is found with this power.

    2.80 for independent measurements without any protection. By seeded noise of weeks, of which
    each gives its own error and its own widening.

    Args:
        weeks: before and after, at least two each.
        a_week: measurements of a week.
    """
    rng = np.random.default_rng(seed)
    sizes = np.full(sum(weeks), max(1.0, a_week))
    places = np.concatenate([np.arange(weeks[0]), FAR + np.arange(weeks[1])])
    seen, contrast = _frame(sizes, places)
    shocks = rng.normal(size=(RUNS, sum(weeks)))
    level = rng.normal(size=(RUNS, sum(weeks)))
    for week in range(1, sum(weeks)):
        kept = noise.likeness if week != weeks[0] else 0.0
        level[:, week] = kept * level[:, week - 1] + math.sqrt(1 - kept**2) * level[:, week]
    shocks += level * np.sqrt(max(0.0, noise.dispersion - 1) * sizes)
    is_whole = a_week < 2  # as of a pool: then the noise is looked at as a whole
    if is_whole:
        shocks /= np.sqrt(1 + max(0.0, noise.dispersion - 1) * sizes)
    terms = np.column_stack([np.sqrt(sizes) * (places >= FAR), np.sqrt(sizes) * (places < FAR)])
    residuals = shocks - (shocks @ np.linalg.pinv(terms).T) @ terms.T
    usual = float(numerics.stats.norm.isf(alpha / 2))
    times = _times(residuals, seen, contrast, alpha, is_whole=is_whole)
    errors = shocks @ contrast / math.sqrt(float(contrast @ contrast))
    return float(np.quantile(usual * times - errors, power))
