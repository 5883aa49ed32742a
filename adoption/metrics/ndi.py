"""Normalised delivery index: what a use case's services delivered, beside their own baseline.

    index = Σ units after / Σ (units in the baseline × weeks after / weeks of the baseline)

Only services with units in the baseline take part, and those that came out of one of them count
with it: a new or a renamed service adds nothing.

Since version 2 only units that served a promise count afterwards, while the baseline counts all of
its units: before a launch nobody logs deliveries, and beginning to log is no improvement. So the
index can only be too low. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from adoption.metrics import ndu
from adoption.metrics.baselines import read_window
from adoption.metrics.contracts import Computed, Facts, Sample, ValueInterval
from adoption.metrics.exact import coarse_nano, nano
from adoption.metrics.units_metric import linked_share
from adoption.metrics.windows import Window
from adoption.validation.rates import Rate, rate_ratio

MINIMUM_UNITS, MINIMUM_WEEKS = 30, 8
NO_REGISTRATION = "a registration, made before the launch, whose later window ends here"


@dataclass(frozen=True, slots=True)
class Index:
    """Units on both sides, of the families that have a baseline; `seen`: those afterwards, whether
    they served a promise or not."""

    base: int
    after: int
    base_weeks: Fraction
    after_weeks: Fraction
    seen: int = 0

    @property
    def value(self) -> Fraction | None:
        """The index; None when there is nothing to compare with."""
        if not self.base:
            return None
        return Fraction(self.after) / (self.base * self.after_weeks / self.base_weeks)


def weeks_of(window: Window) -> Fraction:
    """How many weeks a window has."""
    return Fraction((window.ends_on - window.starts_on).days, 7)


def _units_in(units: Iterable[ndu.Unit], window: Window) -> int:
    return sum(window.starts_at <= unit.at < window.ends_at for unit in units)


def index_of(
    families: Mapping[str, Iterable[ndu.Rollout]],
    baseline: Window,
    after: Window,
    rule: ndu.Rule = ndu.RULE,
    base_units: int = 0,
) -> Index:
    """The index of families of services, by the name of the one they all came from.

    Args:
        base_units: of the baseline when it was registered; the larger count holds.
    """
    base = late = seen = 0
    for name in sorted(families):
        rollouts = list(families[name])
        every = ndu.count_units(rollouts, replace(rule, needs_promise=False)).units
        own = _units_in(every, baseline)
        if own:
            base += own
            seen += _units_in(every, after)
            late += _units_in(ndu.count_units(rollouts, rule).units, after)
    return Index(max(base, base_units), late, weeks_of(baseline), weeks_of(after), seen)


def _index(facts: Facts) -> Index:
    registered = facts["registration"]
    return index_of(
        {
            each["service"]: [ndu.read_rollout(one) for one in each["rollouts"]]
            for each in facts["families"]
        },
        read_window(registered["baseline"]),
        read_window(registered["after"]),
        ndu.read_rule(facts["rule"]),
        registered["base_units"],
    )


def calculate_index(facts: Facts) -> Computed:
    """The index with a score interval (Gu and others 2008); exact where a side has few units."""
    registered = facts["registration"]
    if registered is None:
        return Computed(nano=None, reason="not_evaluable", missing=NO_REGISTRATION)
    after = read_window(registered["after"])
    if ndu.read_moment(facts["as_of"]) < after.ends_at:
        return Computed(nano=None, reason="window_open", missing=f"it ends on {after.ends_on}")
    index = _index(facts)
    people = facts["contributors"]
    short = min(index.base_weeks, index.after_weeks) < MINIMUM_WEEKS
    if short or index.base < MINIMUM_UNITS or index.value is None:
        return Computed(nano=None, reason="below_minimum", n=index.base, contributors=people)
    ratio = rate_ratio(
        Rate(index.base, float(index.base_weeks)), Rate(index.after, float(index.after_weeks))
    )
    return Computed(
        nano=nano(index.value),
        n=index.base,
        contributors=people,
        interval=ValueInterval(
            coarse_nano(ratio.interval.low),
            coarse_nano(ratio.interval.high),
            f"poisson-{ratio.interval.method}",
        ),
        coverage_nano=linked_share(facts, index.after, index.seen),
    )


def sample_index(facts: Facts) -> Sample:
    """Units of the later window, promised or not, as events; none without a registration."""
    return Sample() if facts["registration"] is None else Sample(events=_index(facts).seen)
