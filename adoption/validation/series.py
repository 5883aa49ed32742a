"""An interrupted time series of counts: the step at the launch, beside trend and season.

The model is Lopez Bernal, Cummins and Gasparrini (2017), doi 10.1093/ije/dyw098:
`ln E[y] = ln(exposure) + b0 + b1 t + b2 after + b3 (t - T0) after + season`. Time is centred at the
last period before the launch in the slope's term, else `exp(b2)` would be the step at the beginning
of the series, where nobody launched anything. Overdispersion is always estimated, and intervals
take the t distribution of the degrees of freedom that are left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adoption.validation import numerics
from adoption.validation.results import Estimate, Interval, NotEvaluableError, Scale

FEWEST_ON_A_SIDE = 8
SHORT = 24  # periods in all below which intervals are known to be too narrow
AUTOCORRELATED = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Counts of equal periods. `launch` is the index of the first period after the launch.

    Attributes:
        exposure: of each period, in one unit throughout.
        season: periods in a year (12 for months, 52 for weeks); None for no season.
        harmonics: pairs of sine and cosine of the season.
        slope: whether the trend may change at the launch.
        first: number of the first period, for the season.
        gap: periods between the sides that are left out (the wash-out); time goes on in them.
    """

    counts: Sequence[int]
    exposure: Sequence[float]
    launch: int
    season: int | None = None
    harmonics: int = 2
    slope: bool = False
    first: int = 1
    gap: int = 0


def design_of(series: Series) -> tuple[np.ndarray, list[str]]:
    """The terms of the model, a column each, and their names."""
    size = len(series.counts)
    period = np.arange(series.first, series.first + size, dtype=float)
    after = (np.arange(size) >= series.launch).astype(float)
    period += series.gap * after
    columns, names = [np.ones(size), period, after], ["level", "trend", "step"]
    if series.slope:
        columns.append((np.arange(size) - (series.launch - 1)) * after)
        names.append("slope")
    if series.season is not None:
        for k in range(1, series.harmonics + 1):
            angle = 2 * math.pi * k * period / series.season
            columns += [np.sin(angle), np.cos(angle)]
            names += [f"sin{k}", f"cos{k}"]
    return np.column_stack(columns), names


def interrupted_series(
    series: Series, *, alpha: float = 0.05, quantiles: str = "t", dispersed: bool = True
) -> Estimate:
    """The step at the launch as a ratio.

    Args:
        quantiles: `t`, or `normal` to compare with programs that use it.
        dispersed: False takes the counts for Poisson, to compare; it halves the standard error of
            noisy counts and is never what a registration uses.

    Raises:
        NotEvaluableError: too few periods on a side, or nothing happened in them.
    """
    _require(series)
    design, names = design_of(series)
    counts = np.asarray(series.counts, dtype=float)
    model = numerics.models.GLM(
        counts,
        design,
        family=numerics.models.families.Poisson(),
        offset=np.log(np.asarray(series.exposure, dtype=float)),
    )
    fitted = model.fit(scale="X2" if dispersed else 1.0)
    left = len(counts) - design.shape[1]
    place = names.index("step")
    step, error = float(fitted.params[place]), float(fitted.bse[place])
    law = numerics.stats.t(left) if quantiles == "t" else numerics.stats.norm
    reach = float(law.isf(alpha / 2)) * error
    return Estimate(
        scale=Scale.RATIO,
        effect=math.exp(step),
        interval=Interval(
            math.exp(step - reach), math.exp(step + reach), 1 - alpha, f"quasi_poisson_{quantiles}"
        ),
        p_value=2 * float(law.sf(abs(step) / error)),
        method="interrupted_series/1",
        n={"before": series.launch, "after": len(counts) - series.launch},
        standard_error=error,
        dispersion=float(fitted.scale),
        warnings=_warnings(fitted.resid_pearson, len(counts)),
        details={"step": step, "degrees_of_freedom": float(left)} | _terms(fitted, names),
    )


def _require(series: Series) -> None:
    sides = (series.launch, len(series.counts) - series.launch)
    if min(sides) < FEWEST_ON_A_SIDE:
        raise NotEvaluableError(
            f"{sides[0]} periods before the launch and {sides[1]} after it; a trend needs at least "
            f"{FEWEST_ON_A_SIDE} on each side."
        )
    if not any(series.counts[: series.launch]) or not any(series.counts[series.launch :]):
        raise NotEvaluableError("Nothing happened on one side of the launch.")
    if len(series.exposure) != len(series.counts) or min(series.exposure) <= 0:
        raise NotEvaluableError("A period has no exposure, so its rate is not known.")


def _terms(fitted: numerics.models.GLM, names: Sequence[str]) -> dict[str, float]:
    found = {}
    for name, value, error in zip(names, fitted.params, fitted.bse, strict=True):
        found[f"b_{name}"], found[f"se_{name}"] = float(value), float(error)
    return found


def _warnings(residuals: np.ndarray, size: int) -> tuple[str, ...]:
    found = []
    lags = min(12, size // 3)
    test = numerics.diagnostic.acorr_ljungbox(residuals, lags=[lags], return_df=True)
    if float(test["lb_pvalue"].iloc[0]) < AUTOCORRELATED:
        found.append("autocorrelation")
    if size < SHORT:
        found.append("short_series")
    return tuple(found)


def naive_before_after(series: Series, *, alpha: float = 0.05) -> Estimate:
    """The bare ratio of the rates before and after: never a verdict, for trends make it lie.

    Kept so that a page can show how far it is from what the model says.
    """
    before, after = series.counts[: series.launch], series.counts[series.launch :]
    exposed = (sum(series.exposure[: series.launch]), sum(series.exposure[series.launch :]))
    if not sum(before) or not sum(after):
        raise NotEvaluableError("Nothing happened on one side of the launch.")
    center = math.log((sum(after) / exposed[1]) / (sum(before) / exposed[0]))
    error = math.sqrt(1 / sum(before) + 1 / sum(after))
    reach = float(numerics.stats.norm.isf(alpha / 2)) * error
    return Estimate(
        scale=Scale.RATIO,
        effect=math.exp(center),
        interval=Interval(math.exp(center - reach), math.exp(center + reach), 1 - alpha, "naive"),
        p_value=2 * float(numerics.stats.norm.sf(abs(center) / error)),
        method="naive_before_after/1",
        n={"before": sum(before), "after": sum(after)},
        standard_error=error,
        warnings=("no_trend", "no_dispersion"),
    )


def smallest_step(
    rate: float, series: Series, *, dispersion: float = 1.0, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """The smallest step above 1 that this design finds, for `rate` expected events a period.

    From the information of the design under no effect, which is what is known beforehand. The
    counts of `series` are not looked at.
    """
    if rate <= 0:
        return None
    design, names = design_of(series)
    information = design.T @ (design * rate)
    try:
        variance = dispersion * np.linalg.inv(information)[names.index("step"), names.index("step")]
    except np.linalg.LinAlgError:
        return None
    if not variance > 0:
        return None
    left = len(series.counts) - design.shape[1]
    if left < 1:
        return None
    reach = float(numerics.stats.t(left).isf(alpha / 2) + numerics.stats.t(left).ppf(power))
    return math.exp(reach * math.sqrt(float(variance)))
