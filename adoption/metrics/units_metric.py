"""Facts → normalised delivery units of a service in a week."""

from __future__ import annotations

from fractions import Fraction

from adoption.metrics import ndu
from adoption.metrics.contracts import Computed, Facts, Sample, ValueInterval
from adoption.metrics.exact import share_nano
from adoption.metrics.registry import NANO

MINIMUM_WEEKS = 8


def standing_units(facts: Facts) -> int:
    """Units that began in the window and stand, as far as is known at `as_of`."""
    counted = counted_of(facts)
    start, end = ndu.read_moment(facts["starts_at"]), ndu.read_moment(facts["ends_at"])
    return sum(start <= unit.at < end for unit in counted.units)


def counted_of(facts: Facts) -> ndu.Counted:
    """What the rollouts in facts come to."""
    return ndu.count_units(map(ndu.read_rollout, facts["rollouts"]), ndu.read_rule(facts["rule"]))


def calculate_units(facts: Facts) -> Computed:
    """The count; `n` is how many weeks the service has been known, which must be eight."""
    weeks, people = facts["weeks_known"], facts["contributors"]
    if weeks < MINIMUM_WEEKS:
        return Computed(nano=None, reason="below_minimum", n=weeks, contributors=people)
    units = standing_units(facts)
    return Computed(
        nano=units * NANO,
        n=weeks,
        contributors=people,
        interval=ValueInterval(units * NANO, units * NANO, "count"),
        coverage_nano=share_nano(facts["paths_known"], facts["changes"]),
    )


def sample_units(facts: Facts) -> Sample:
    """The units of the window, as events."""
    return Sample(events=standing_units(facts))


def use_case_units(facts: Facts) -> int:
    """Standing units over all services of a use case."""
    return sum(
        standing_units({**facts, "rollouts": each["rollouts"]}) for each in facts["services"]
    )


def per_hundred(part: int, units: int) -> Fraction:
    """How many for each hundred units."""
    return Fraction(100 * part, units)
