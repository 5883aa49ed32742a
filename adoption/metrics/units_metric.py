"""Facts → normalised delivery units of a service in a week."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from adoption.metrics import ndu
from adoption.metrics.contracts import Computed, Facts, Sample, ValueInterval
from adoption.metrics.exact import share_nano
from adoption.metrics.registry import NANO

MINIMUM_WEEKS = 8


def standing_units(facts: Facts, *, promised_or_not: bool = False) -> int:
    """Units that began in the window and stand, as far as is known at `as_of`.

    Args:
        promised_or_not: count those that served no promise as well, whatever the rule says.
    """
    rule = ndu.read_rule(facts["rule"])
    if promised_or_not:
        rule = replace(rule, needs_promise=False)
    counted = ndu.count_units(map(ndu.read_rollout, facts["rollouts"]), rule)
    start, end = ndu.read_moment(facts["starts_at"]), ndu.read_moment(facts["ends_at"])
    return sum(start <= unit.at < end for unit in counted.units)


def linked_share(facts: Facts, promised: int, seen: int) -> int | None:
    """Of the units that were seen, the share that served a promise; None where the rule does not
    ask. Two windows of unlike shares are not compared: the difference would be one of logging."""
    if not facts["rule"].get("needs_promise"):
        return None
    # Units of promises begin with the promised change, so there can be one more of them than seen.
    return share_nano(min(promised, seen), seen)


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
        coverage_nano=_coverage(facts, units),
    )


def _coverage(facts: Facts, units: int) -> int | None:
    """Changes whose files are known, or units that served a promise: the smaller share."""
    known = share_nano(facts["paths_known"], facts["changes"])
    linked = linked_share(facts, units, standing_units(facts, promised_or_not=True))
    return min((each for each in (known, linked) if each is not None), default=None)


def sample_units(facts: Facts) -> Sample:
    """The units of the window, as events, promised or not: deliveries are logged from a launch on,
    and an effect that only the logging had would be none."""
    return Sample(events=standing_units(facts, promised_or_not=True))


def use_case_units(facts: Facts) -> int:
    """Standing units over all services of a use case."""
    return sum(
        standing_units({**facts, "rollouts": each["rollouts"]}) for each in facts["services"]
    )


def per_hundred(part: int, units: int) -> Fraction:
    """How many for each hundred units."""
    return Fraction(100 * part, units)
