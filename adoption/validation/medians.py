"""Skewed outcomes, such as hours of waiting: ranks, and medians by bootstrap.

A lead time's mean is its three worst cases. Which of the two is used is registered beforehand:
they can disagree, and whoever may choose afterwards finds something.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adoption.validation import numerics
from adoption.validation.results import Estimate, Interval, NotEvaluableError, Scale

EXACT_UP_TO = 50  # values in all; beyond, and with ties, the asymptotic distribution is used
RESAMPLES = 9_999
FEW = 10


def _require(before: Sequence[float], after: Sequence[float]) -> None:
    if len(before) < 3 or len(after) < 3:
        raise NotEvaluableError(
            f"{len(before)} values before and {len(after)} after; each side needs three at least."
        )


def rank_shift(before: Sequence[float], after: Sequence[float], *, alpha: float = 0.05) -> Estimate:
    """How far the values moved, by Mann and Whitney's test and Hodges and Lehmann's estimate.

    The interval is made of the ordered differences of all pairs (Moses): it agrees with the test.

    Raises:
        NotEvaluableError: fewer than three values on a side.
    """
    _require(before, after)
    first, second = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    tied = len(np.unique(np.concatenate([first, second]))) < len(first) + len(second)
    exact = not tied and len(first) + len(second) <= EXACT_UP_TO
    test = numerics.stats.mannwhitneyu(second, first, method="exact" if exact else "asymptotic")
    differences = np.sort(np.subtract.outer(second, first).ravel())
    cut = _pairs_outside(len(second), len(first), alpha)
    if cut < 1:
        low, high = -np.inf, np.inf  # so few values that no interval of this level is finite
    else:
        low, high = differences[cut - 1], differences[-cut]
    return Estimate(
        scale=Scale.DIFFERENCE,
        effect=float(np.median(differences)),
        interval=Interval(float(low), float(high), 1 - alpha, "moses"),
        p_value=float(test.pvalue),
        method="rank_shift/1",
        n={"before": len(first), "after": len(second)},
        warnings=("few_values",) if min(len(first), len(second)) < FEW else (),
        details={"u": float(test.statistic), "is_exact": float(exact)},
    )


def _pairs_outside(first: int, second: int, alpha: float) -> int:
    """How many of the ordered differences lie outside on each side (normal approximation)."""
    center = first * second / 2
    spread = (first * second * (first + second + 1) / 12) ** 0.5
    return int(np.floor(center - float(numerics.stats.norm.isf(alpha / 2)) * spread - 0.5)) + 1


def median_difference(
    before: Sequence[float], after: Sequence[float], *, seed: int, alpha: float = 0.05
) -> Estimate:
    """The difference of the medians with a bias-corrected, accelerated bootstrap interval.

    Args:
        seed: of the resampling; with the same one the answer is the same to the last bit.

    Raises:
        NotEvaluableError: fewer than three values on a side, or none of them differ.
    """
    _require(before, after)
    first, second = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    if np.ptp(first) == 0 and np.ptp(second) == 0:
        raise NotEvaluableError("No value differs from the others of its side: no noise is seen.")
    effect = float(np.median(second) - np.median(first))
    rng = np.random.default_rng(seed)
    resampled = _resampled_medians(rng, second) - _resampled_medians(rng, first)
    low, high, how = _bca(resampled, effect, _acceleration(first, second), alpha)
    return Estimate(
        scale=Scale.DIFFERENCE,
        effect=effect,
        interval=Interval(low, high, 1 - alpha, how),
        p_value=None,
        method="median_difference/2",
        n={"before": len(first), "after": len(second)},
        standard_error=float(resampled.std(ddof=1)),
        warnings=("few_values",) if min(len(first), len(second)) < FEW else (),
        details={"seed": float(seed)},
    )


def _resampled_medians(rng: np.random.Generator, values: np.ndarray) -> np.ndarray:
    """Medians of bootstrap samples, without drawing the samples.

    Only the middle one or two of a sample's ordered places matter. Uniform numbers stand for the
    places; the middle one of them, put in order, has a beta distribution, and the next one after it
    lies above by a share of the rest that has another. So this is exact, and a thousand times
    quicker than samples of thousands of values.
    """
    ordered, size = np.sort(values), len(values)
    place = (size + 1) // 2
    first = rng.beta(place, size - place + 1, RESAMPLES)
    low = ordered[np.minimum((first * size).astype(int), size - 1)]
    if size % 2:
        return np.asarray(low)
    second = first + (1 - first) * rng.beta(1, size - place, RESAMPLES)
    high = ordered[np.minimum((second * size).astype(int), size - 1)]
    return np.asarray((low + high) / 2)


def _left_out(values: np.ndarray) -> np.ndarray:
    """The median without each value in turn, in the order of size."""
    ordered, size = np.sort(values), len(values)
    half = size // 2
    if size % 2:  # an even number stays: the middle two, of which one may be the one left out
        low = np.where(np.arange(size) < half, ordered[half], ordered[half - 1])
        high = np.where(np.arange(size) <= half, ordered[half + 1], ordered[half])
        return np.asarray((low + high) / 2)
    return np.asarray(np.where(np.arange(size) < half, ordered[half], ordered[half - 1]))


def _acceleration(before: np.ndarray, after: np.ndarray) -> float:
    """How the error of the difference changes with its size (Efron 1987), by leaving one out."""
    thirds = seconds = 0.0
    for values, sign in ((after, 1.0), (before, -1.0)):
        found = sign * _left_out(values)
        influence = (len(values) - 1) * (found.mean() - found)
        thirds += float((influence**3).sum()) / len(values) ** 3
        seconds += float((influence**2).sum()) / len(values) ** 2
    return thirds / (6 * seconds**1.5) if seconds > 0 else 0.0


def _bca(
    resampled: np.ndarray, effect: float, acceleration: float, alpha: float
) -> tuple[float, float, str]:
    """The bias-corrected, accelerated interval, or plain percentiles where there is none."""
    below = float(((resampled < effect).mean() + (resampled <= effect).mean()) / 2)
    shares, how = [alpha / 2, 1 - alpha / 2], "percentile"
    if 0 < below < 1:
        bias, how = float(numerics.special.ndtri(below)), "bca"
        shifted = [bias + float(numerics.special.ndtri(share)) for share in shares]
        shares = [
            float(numerics.special.ndtr(bias + each / (1 - acceleration * each)))
            for each in shifted
        ]
    low, high = (float(each) for each in np.quantile(resampled, shares))
    return low, high, how


def mean_difference(
    before: Sequence[float], after: Sequence[float], *, seed: int, alpha: float = 0.05
) -> Estimate:
    """The difference of the means with the same kind of interval.

    Raises:
        NotEvaluableError: as `median_difference`.
    """
    _require(before, after)
    first, second = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    if np.ptp(first) == 0 and np.ptp(second) == 0:
        raise NotEvaluableError("No value differs from the others of its side: no noise is seen.")
    return _bootstrapped(first, second, np.mean, "mean_difference/1", seed, alpha)


def _bootstrapped(
    before: np.ndarray, after: np.ndarray, center: object, method: str, seed: int, alpha: float
) -> Estimate:
    assert callable(center)  # noqa: S101  (for the checker of types)

    def statistic(second: np.ndarray, first: np.ndarray, axis: int = -1) -> np.ndarray:
        found: np.ndarray = center(second, axis=axis) - center(first, axis=axis)
        return found

    resampled = numerics.stats.bootstrap(
        (after, before),
        statistic,
        n_resamples=RESAMPLES,
        confidence_level=1 - alpha,
        method="BCa",
        rng=np.random.default_rng(seed),
    )
    limits = resampled.confidence_interval
    low, high, how = float(limits.low), float(limits.high), "bca"
    if np.isnan(low) or np.isnan(high):  # every jackknife value alike: no acceleration to correct
        low, high = (
            float(q)
            for q in np.quantile(resampled.bootstrap_distribution, [alpha / 2, 1 - alpha / 2])
        )
        how = "percentile"
    return Estimate(
        scale=Scale.DIFFERENCE,
        effect=float(statistic(after, before)),
        interval=Interval(low, high, 1 - alpha, how),
        p_value=None,
        method=method,
        n={"before": len(before), "after": len(after)},
        standard_error=float(resampled.standard_error),
        warnings=("few_values",) if min(len(before), len(after)) < FEW else (),
        details={"seed": float(seed)},
    )
