"""Two rates of events: their ratio, its interval, and whether it is practically one.

Formulas and the choice of method: Gu, Ng, Tang and Schucany (2008), Biometrical Journal 50(2), and
Clopper and Pearson (1934) for the exact interval. Exposure is in whatever unit both sides share
(days, service-weeks); only its ratio matters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from adoption.validation import numerics
from adoption.validation.results import Estimate, Interval, NotEvaluableError, Scale

FEW = 10  # below this many events on a side the score interval is not trusted
SCORE, EXACT, LOG_WALD = "score", "exact", "log_wald"


@dataclass(frozen=True, slots=True)
class Rate:
    """Whole events over an exposure above 0."""

    events: int
    exposure: float

    def __post_init__(self) -> None:
        if self.events < 0 or not self.exposure > 0:
            raise ValueError("events are not negative and exposure is above 0")

    @property
    def value(self) -> float:
        """Events in one unit of exposure."""
        return self.events / self.exposure


def rate_ratio(
    before: Rate,
    after: Rate,
    *,
    alpha: float = 0.05,
    method: str | None = None,
    dispersion: float = 1.0,
) -> Estimate:
    """How many times as often things happen after as before.

    Args:
        method: `score`, `exact` or `log_wald`; by default `score`, and `exact` when one side has
            fewer than ten events. Only `log_wald` can take a dispersion above 1.
        dispersion: how many times as noisy as Poisson the counts are, 1 or more.

    Raises:
        NotEvaluableError: nothing happened before, or nothing at all.
        ValueError: the method is unknown or cannot take the dispersion.
    """
    _require_events(before, after)
    if method is None:
        method = EXACT if min(before.events, after.events) < FEW else SCORE
        method = LOG_WALD if dispersion > 1 else method
    if dispersion > 1 and method != LOG_WALD:
        raise ValueError(f"{method} knows no dispersion")
    ratio = after.value / before.value
    low, high, p_value, error = {SCORE: _score, EXACT: _exact, LOG_WALD: _log_wald}[method](
        before, after, alpha, dispersion
    )
    return Estimate(
        scale=Scale.RATIO,
        effect=ratio,
        interval=Interval(low, high, 1 - alpha, method),
        p_value=p_value,
        method=f"rate_ratio.{method}/1",
        n={"before": before.events, "after": after.events},
        standard_error=error,
        dispersion=dispersion,
        warnings=("few_events",) if min(before.events, after.events) < FEW else (),
        details={"rate_before": before.value, "rate_after": after.value},
    )


def _require_events(before: Rate, after: Rate) -> None:
    if before.events == 0:
        more = "" if after.events else ", and none after it either"
        raise NotEvaluableError(f"No event in the baseline{more}: a ratio to nothing has no value.")


_Found = tuple[float, float, float, float | None]


def _score(before: Rate, after: Rate, alpha: float, dispersion: float) -> _Found:
    counts = (after.events, after.exposure, before.events, before.exposure)
    low, high = numerics.rates.confint_poisson_2indep(
        *counts, method="score", compare="ratio", alpha=alpha
    )
    return (
        float(low),
        float(high),
        float(numerics.rates.test_poisson_2indep(*counts, method="score").pvalue),
        None,
    )


def _exact(before: Rate, after: Rate, alpha: float, dispersion: float) -> _Found:
    """Given how many events there were in all, those after are binomial (Clopper and Pearson)."""
    total = before.events + after.events
    share = after.exposure / (after.exposure + before.exposure)
    test = numerics.stats.binomtest(after.events, total, share)
    limits = test.proportion_ci(confidence_level=1 - alpha, method="exact")
    scale = before.exposure / after.exposure

    def odds(part: float) -> float:
        return math.inf if part >= 1 else part / (1 - part) * scale

    return odds(float(limits.low)), odds(float(limits.high)), float(test.pvalue), None


def _log_wald(before: Rate, after: Rate, alpha: float, dispersion: float) -> _Found:
    if after.events == 0:
        raise NotEvaluableError("No event afterwards: this method needs some; use `exact`.")
    error = math.sqrt(dispersion * (1 / before.events + 1 / after.events))
    center = math.log(after.value / before.value)
    reach = float(numerics.stats.norm.isf(alpha / 2)) * error
    p_value = 2 * float(numerics.stats.norm.sf(abs(center) / error))
    return math.exp(center - reach), math.exp(center + reach), p_value, error


def equivalence_p(before: Rate, after: Rate, low: float, high: float, *, exact: bool) -> float:
    """The p-value of two one-sided tests that the ratio lies between two margins (TOST).

    A large one is no evidence that anything changed, only that too little is known.

    Raises:
        ValueError: the margins are not two, or not above 0.
    """
    if not 0 < low < high:
        raise ValueError("the margins of a ratio are two numbers above 0, the lower one first")
    result = numerics.rates.tost_poisson_2indep(
        after.events,
        after.exposure,
        before.events,
        before.exposure,
        low,
        high,
        method="exact-cond" if exact else "score",
    )
    return float(result.pvalue)


def rate_interval(rate: Rate, *, alpha: float = 0.05) -> Interval:
    """The exact interval of one rate, by chi-square quantiles (Garwood 1936)."""
    low = float(numerics.stats.chi2.ppf(alpha / 2, 2 * rate.events)) / 2 if rate.events else 0.0
    high = float(numerics.stats.chi2.isf(alpha / 2, 2 * rate.events + 2)) / 2
    return Interval(low / rate.exposure, high / rate.exposure, 1 - alpha, "exact")


def pearson_dispersion(before: Sequence[int], after: Sequence[int]) -> float:
    """How noisy the counts of equal periods are beside Poisson, at least 1.

    Pearson's chi-square over its degrees of freedom, each side around its own mean. 1 where fewer
    than two periods stand on each side: then nothing is known of it.
    """
    chi_square, freedom = 0.0, 0
    for counts in (before, after):
        mean = sum(counts) / len(counts) if counts else 0.0
        if mean > 0:
            chi_square += sum((count - mean) ** 2 for count in counts) / mean
            freedom += len(counts) - 1
    return max(1.0, chi_square / freedom) if freedom else 1.0
