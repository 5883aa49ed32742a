"""Difference in differences: how much more treated units changed than the others.

Units that are seen twice are paired: their own change is one observation. Treating the two looks
as independent people throws the pairing away and makes the standard error too large (Card and
Krueger 1994 read that way would have found nothing).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from adoption.validation import numerics
from adoption.validation.results import Estimate, Interval, NotEvaluableError, Scale

FEW_UNITS = 10  # in the smaller group: below it, only permutation is trusted
RESAMPLES = 9_999


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit's outcome before and after, in the metric's unit; None where it was not seen."""

    name: str
    treated: bool
    before: float | None
    after: float | None

    @property
    def change(self) -> float | None:
        """After less before; None unless both were seen."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before


def _changes(units: Sequence[Unit]) -> tuple[list[float], list[float]]:
    treated = [u.change for u in units if u.treated and u.change is not None]
    others = [u.change for u in units if not u.treated and u.change is not None]
    if len(treated) < 2 or len(others) < 2:
        raise NotEvaluableError(
            f"{len(treated)} treated units and {len(others)} others were seen before and after; "
            "a difference of changes needs two of each."
        )
    return treated, others


def _missing(units: Sequence[Unit]) -> dict[str, float]:
    """Share of units that were not seen both times, by group."""
    found = {}
    for name, treated in (("treated", True), ("comparison", False)):
        group = [unit for unit in units if unit.treated == treated]
        lost = sum(unit.change is None for unit in group)
        found[f"missing_{name}"] = lost / len(group) if group else 0.0
    return found


def paired_changes(units: Sequence[Unit], *, alpha: float = 0.05) -> Estimate:
    """The mean change of the treated less that of the others, by Welch's t on the changes.

    Units that were seen once only are left out and counted.

    Raises:
        NotEvaluableError: fewer than two complete units in a group, or no unit varies.
    """
    treated, others = _changes(units)
    if np.ptp(treated) == 0 and np.ptp(others) == 0:
        raise NotEvaluableError(
            "Every unit of a group changed by the same amount: no noise is seen."
        )
    test = numerics.stats.ttest_ind(treated, others, equal_var=False)
    limits = test.confidence_interval(1 - alpha)
    error = math.sqrt(np.var(treated, ddof=1) / len(treated) + np.var(others, ddof=1) / len(others))
    return Estimate(
        scale=Scale.DIFFERENCE,
        effect=float(np.mean(treated) - np.mean(others)),
        interval=Interval(float(limits.low), float(limits.high), 1 - alpha, "welch"),
        p_value=float(test.pvalue),
        method="paired_changes/1",
        n={"treated": len(treated), "comparison": len(others)},
        standard_error=error,
        warnings=_warned(treated, others),
        details={"degrees_of_freedom": float(test.df)} | _missing(units),
    )


def _warned(treated: Sequence[float], others: Sequence[float]) -> tuple[str, ...]:
    return ("few_units",) if min(len(treated), len(others)) < FEW_UNITS else ()


def _permuted(
    treated: Sequence[float], others: Sequence[float], seed: int
) -> Callable[[float], float]:
    """The two-sided p-value of a constant effect, by all other ways to give out the treatment.

    Taking an effect off the treated moves every permuted difference by a known share of it, so the
    permutations are made once for all effects.
    """
    changes = np.array([*treated, *others])
    chosen = _assignments(len(treated), len(changes), seed)
    shares = np.where(chosen, 1 / len(treated), -1 / len(others))
    differences, moved = shares @ changes, shares[:, : len(treated)].sum(axis=1)
    effect = float(np.mean(treated) - np.mean(others))
    is_sample = math.comb(len(changes), len(treated)) > RESAMPLES
    near = 1e-9 * max(1e-9, float(np.ptp(changes)))

    def p_of(shift: float) -> float:
        found, seen = differences - shift * moved, effect - shift
        sides = [(found >= seen - near).sum(), (found <= seen + near).sum()]
        # A sample does not hold the assignment that was made, so that one is counted as well.
        return min(1.0, 2 * float(min(sides) + is_sample) / (len(found) + is_sample))

    return p_of


def _assignments(treated: int, units: int, seed: int) -> np.ndarray:
    """A row for each way to treat so many units: every one, or a seeded sample."""
    if math.comb(units, treated) <= RESAMPLES:
        rows = np.array(list(combinations(range(units), treated)))
    else:
        order = np.random.default_rng(seed).random((RESAMPLES, units))
        rows = np.argpartition(order, treated - 1, axis=1)[:, :treated]
    chosen = np.zeros((len(rows), units), dtype=bool)
    np.put_along_axis(chosen, rows, values=True, axis=1)
    return chosen


def permuted_changes(units: Sequence[Unit], *, seed: int, alpha: float = 0.05) -> Estimate:
    """The same effect, judged by giving the treatment to other units: for few units.

    Every assignment is tried where there are no more than 9,999, a seeded sample of them otherwise.
    The interval is the set of constant effects that the same test does not reject.

    Raises:
        NotEvaluableError: as `paired_changes`.
    """
    treated, others = _changes(units)
    effect = float(np.mean(treated) - np.mean(others))
    p_of = _permuted(treated, others, seed)
    error = math.sqrt(np.var(treated, ddof=1) / len(treated) + np.var(others, ddof=1) / len(others))
    low, high = (_edge(p_of, effect, sign * max(error, 1e-12), alpha) for sign in (-1, 1))
    return Estimate(
        scale=Scale.DIFFERENCE,
        effect=effect,
        interval=Interval(low, high, 1 - alpha, "permutation"),
        p_value=p_of(0.0),
        method="permuted_changes/2",
        n={"treated": len(treated), "comparison": len(others)},
        standard_error=error,
        warnings=_warned(treated, others),
        details={"seed": float(seed)} | _missing(units),
    )


def _edge(p_of: object, effect: float, step: float, alpha: float) -> float:
    """How far from the effect a constant effect is just not rejected; infinite when none is.

    With very few units the smallest p there can be lies above alpha: then nothing is rejected.
    """
    assert callable(p_of)  # noqa: S101  (for the checker of types)
    reach = step
    for _ in range(12):
        if p_of(effect + reach) <= alpha:
            break
        reach *= 2
    else:
        return math.copysign(math.inf, step)
    inside, outside = 0.0, reach
    for _ in range(25):
        middle = (inside + outside) / 2
        if p_of(effect + middle) <= alpha:
            outside = middle
        else:
            inside = middle
    return effect + outside


def clustered_difference(
    outcomes: Sequence[float],
    treated: Sequence[bool],
    after: Sequence[bool],
    clusters: Sequence[object],
    *,
    alpha: float = 0.05,
) -> Estimate:
    """Difference in differences of single observations, with errors clustered by unit.

    For units that are not all seen twice. Few clusters make these errors too small, which is said.

    Raises:
        NotEvaluableError: one of the four cells is empty, or there are fewer than three clusters.
    """
    is_treated, is_after = np.asarray(treated, dtype=float), np.asarray(after, dtype=float)
    for group in (0.0, 1.0):
        for time in (0.0, 1.0):
            if not ((is_treated == group) & (is_after == time)).any():
                raise NotEvaluableError("One of the groups was not observed before or after.")
    codes = np.unique(np.asarray([str(each) for each in clusters]), return_inverse=True)[1]
    groups = int(codes.max()) + 1
    if groups < 3:
        raise NotEvaluableError(f"{groups} clusters; errors by cluster need three at least.")
    design = np.column_stack([np.ones(len(outcomes)), is_treated, is_after, is_treated * is_after])
    fitted = numerics.models.OLS(np.asarray(outcomes, dtype=float), design).fit(
        cov_type="cluster", cov_kwds={"groups": codes}
    )
    effect, error = float(fitted.params[3]), float(fitted.bse[3])
    law = numerics.stats.t(groups - 1)
    reach = float(law.isf(alpha / 2)) * error
    return Estimate(
        scale=Scale.DIFFERENCE,
        effect=effect,
        interval=Interval(effect - reach, effect + reach, 1 - alpha, "cluster"),
        p_value=2 * float(law.sf(abs(effect) / error)),
        method="clustered_difference/1",
        n={"observations": len(outcomes), "clusters": groups},
        standard_error=error,
        warnings=("few_clusters",) if groups < 30 else (),
    )


def cell_difference(
    before: Sequence[float],
    after: Sequence[float],
    other_before: Sequence[float],
    other_after: Sequence[float],
    *,
    alpha: float = 0.05,
) -> Estimate:
    """Difference in differences of repeated measurements of one treated and one other unit.

    Ordinary least squares with the usual errors: each measurement counts as independent, which a
    series of one unit hardly is. Said as `unpaired`; prefer paired units.

    Raises:
        NotEvaluableError: fewer than five measurements in all, or an empty cell.
    """
    cells = (before, after, other_before, other_after)
    if not all(cells) or sum(map(len, cells)) < 5:
        raise NotEvaluableError("Too few measurements for four means and a spread.")
    outcomes = np.concatenate([np.asarray(cell, dtype=float) for cell in cells])
    marks = [(1.0, 0.0), (1.0, 1.0), (0.0, 0.0), (0.0, 1.0)]
    rows = [
        (1.0, group, time, group * time)
        for cell, (group, time) in zip(cells, marks, strict=True)
        for _ in cell
    ]
    fitted = numerics.models.OLS(outcomes, np.asarray(rows)).fit()
    effect, error = float(fitted.params[3]), float(fitted.bse[3])
    law = numerics.stats.t(fitted.df_resid)
    reach = float(law.isf(alpha / 2)) * error
    return Estimate(
        scale=Scale.DIFFERENCE,
        effect=effect,
        interval=Interval(effect - reach, effect + reach, 1 - alpha, "ols"),
        p_value=float(fitted.pvalues[3]),
        method="cell_difference/1",
        n={"observations": len(outcomes)},
        standard_error=error,
        warnings=("unpaired",),
        details={"degrees_of_freedom": float(fitted.df_resid)},
    )
