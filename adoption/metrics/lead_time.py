"""Facts → change lead time: from the first commit to production, over changes, not over medians.

A change whose first commit is not known ranks as the slowest: leaving a slow one out of the data
makes nothing faster. What was rolled back and came back arrived when it came back.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from adoption.metrics.contracts import Computed, Facts, Sample
from adoption.metrics.exact import SECONDS_OF_HOUR, median_interval, nano, quantile, share_nano

MINIMUM = 20
_HOUR = Fraction(1, SECONDS_OF_HOUR)
MEDIAN, P90 = Fraction(1, 2), Fraction(9, 10)


def _known(facts: Facts) -> list[int]:
    return [each["seconds"] for each in facts["changes"] if each["seconds"] is not None]


def calculate_lead_time(share: Fraction) -> Callable[[Facts], Computed]:
    """The quantile of lead times, in hours; an interval for the median."""

    def calculate(facts: Facts) -> Computed:
        total, known = len(facts["changes"]), _known(facts)
        people = facts["contributors"]
        if not total:
            return Computed(nano=None, reason="no_data", contributors=people)
        coverage = share_nano(len(known), total)
        if total < MINIMUM:
            return Computed(
                nano=None,
                reason="below_minimum",
                n=total,
                contributors=people,
                coverage_nano=coverage,
            )
        found = quantile(known, total - len(known), share)
        if found is None:
            return Computed(
                nano=None,
                reason="not_evaluable",
                missing=f"the first commit of {total - len(known)} of {total} changes",
                n=total,
                contributors=people,
                coverage_nano=coverage,
            )
        is_median = share == MEDIAN
        return Computed(
            nano=nano(found * _HOUR),
            n=total,
            contributors=people,
            interval=median_interval(known, total - len(known), _HOUR) if is_median else None,
            coverage_nano=coverage,
        )

    return calculate


def sample_lead_time(facts: Facts) -> Sample:
    """Lead times in hours, of the changes whose first commit is known."""
    return Sample(measurements=tuple(float(each * _HOUR) for each in _known(facts)))
