"""What an estimator says: an effect with its interval first, everything else behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Scale(StrEnum):
    """How an effect is counted: `ratio` has the null 1, `difference` the null 0."""

    RATIO = "ratio"
    DIFFERENCE = "difference"

    @property
    def null(self) -> float:
        """The effect of something that does nothing."""
        return 1.0 if self is Scale.RATIO else 0.0


class NotEvaluableError(Exception):
    """The data cannot carry an estimate. The message says what is missing, for a person."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided confidence interval. `level` is a share, such as 0.95."""

    low: float
    high: float
    level: float
    method: str

    def excludes(self, value: float) -> bool:
        """Whether the value lies outside; a bound that touches it does not exclude it."""
        return value < self.low or value > self.high

    def is_within(self, low: float, high: float) -> bool:
        """Whether the whole interval lies strictly between two bounds."""
        return low < self.low and self.high < high


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One effect, estimated once by a named method.

    Attributes:
        scale: whether `effect` is a ratio or a difference (in the unit of the metric).
        effect: the point estimate.
        interval: around it.
        p_value: two-sided, for the record; no page leads with it. None where a method has none.
        method: its key and version, such as `rate_ratio.score/1`.
        n: what was counted, by name (`before`, `after`, `units` …).
        standard_error: on the scale on which it is symmetric (logarithmic for ratios).
        dispersion: Pearson's chi-square per degree of freedom, where counts were modelled.
        warnings: stable words for what a reader must know (`autocorrelation`, `few_units` …).
        details: further numbers of the method, for the page and for a re-run to agree with.
    """

    scale: Scale
    effect: float
    interval: Interval
    p_value: float | None
    method: str
    n: Mapping[str, float]
    standard_error: float | None = None
    dispersion: float | None = None
    warnings: tuple[str, ...] = ()
    details: Mapping[str, float] = field(default_factory=dict)
