"""CUPED: taking out of an outcome what was known before anybody was treated.

Deng, Xu, Kohavi and Walker (2013). `Y* = Y - theta (X - mean X)` with `theta = cov(X, Y) / var(X)`;
the variance falls by the square of the correlation. Turned over (`var / cov`), as one may read it
elsewhere, it makes the noise larger. X must be from before the treatment: one that the treatment
moves takes the effect away with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adoption.validation import numerics
from adoption.validation.results import Estimate, Interval, NotEvaluableError, Scale


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Adjusted outcomes in their order, and what was taken out of them.

    Attributes:
        values: outcomes with the same mean as before.
        theta: outcome per unit of the covariate.
        explained: share of the variance that is gone, 0 to 1.
    """

    values: tuple[float, ...]
    theta: float
    explained: float


def adjust(outcomes: Sequence[float], covariate: Sequence[float]) -> Adjustment:
    """Take the covariate's part out of the outcomes.

    Raises:
        NotEvaluableError: fewer than three pairs, or a covariate that does not vary.
    """
    y, x = np.asarray(outcomes, dtype=float), np.asarray(covariate, dtype=float)
    if len(y) != len(x) or len(y) < 3:
        raise NotEvaluableError("At least three outcomes, each with its covariate, are needed.")
    spread = float(np.var(x, ddof=1))
    if spread == 0:
        raise NotEvaluableError("The covariate is the same everywhere and explains nothing.")
    both = float(np.cov(x, y, ddof=1)[0, 1])
    theta = both / spread
    noise = float(np.var(y, ddof=1))
    explained = both**2 / (spread * noise) if noise else 0.0
    return Adjustment(tuple(map(float, y - theta * (x - x.mean()))), theta, explained)


def adjusted_difference(
    outcomes: Sequence[float],
    covariate: Sequence[float],
    treated: Sequence[bool],
    *,
    alpha: float = 0.05,
) -> tuple[Estimate, Estimate]:
    """The difference of the groups' means, adjusted, and raw beside it. Both by Welch's t.

    Both are shown, and the page says which was registered: taking the better one afterwards is
    shopping for a method.

    Raises:
        NotEvaluableError: a group has fewer than two, or as `adjust`.
    """
    chosen = np.asarray(treated, dtype=bool)
    if chosen.sum() < 2 or (~chosen).sum() < 2:
        raise NotEvaluableError("Each group needs two outcomes at least.")
    found = adjust(outcomes, covariate)
    raw = np.asarray(outcomes, dtype=float)
    adjusted = np.asarray(found.values)
    details = {"theta": found.theta, "explained": found.explained}
    return (
        _welch(adjusted[chosen], adjusted[~chosen], "cuped/1", alpha, details),
        _welch(raw[chosen], raw[~chosen], "welch/1", alpha, {}),
    )


def _welch(
    treated: np.ndarray, others: np.ndarray, method: str, alpha: float, details: dict[str, float]
) -> Estimate:
    test = numerics.stats.ttest_ind(treated, others, equal_var=False)
    limits = test.confidence_interval(1 - alpha)
    error = float(
        np.sqrt(np.var(treated, ddof=1) / len(treated) + np.var(others, ddof=1) / len(others))
    )
    return Estimate(
        scale=Scale.DIFFERENCE,
        effect=float(treated.mean() - others.mean()),
        interval=Interval(float(limits.low), float(limits.high), 1 - alpha, "welch"),
        p_value=float(test.pvalue),
        method=method,
        n={"treated": len(treated), "comparison": len(others)},
        standard_error=error,
        details=details,
    )
