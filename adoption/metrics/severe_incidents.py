"""Facts → severe incidents on which people had to act, for each hundred delivery units.

The worst severity that was ever said counts, so lowering it later changes nothing; and an incident
of which nobody says whether people had to act counts as one on which they had.
"""

from __future__ import annotations

from fractions import Fraction

from adoption.metrics.contracts import Computed, Facts, Sample
from adoption.metrics.exact import nano, poisson, share_nano
from adoption.metrics.units_metric import per_hundred, use_case_units

MINIMUM = 20
SEVERE = ("critical", "high", "unknown")
NO_SOURCE = "a source of incidents for its services that showed a sign of life since it began"


def severe_incidents(facts: Facts) -> int:
    """How many of the window's incidents count."""
    return sum(
        each["severity"] in SEVERE and each["human_actioned"] is not False
        for service in facts["services"]
        for each in service["incidents"]
    )


def calculate_severe(facts: Facts) -> Computed:
    """The ratio with the exact interval of the count of incidents."""
    services = facts["services"]
    watched = sum(each["has_incident_source"] for each in services)
    coverage, people = share_nano(watched, len(services)), facts["contributors"]
    if not watched:
        return Computed(
            nano=None, reason="not_evaluable", missing=NO_SOURCE, coverage_nano=coverage
        )
    units = use_case_units(facts)
    if units < MINIMUM:
        return Computed(
            nano=None,
            reason="below_minimum",
            n=units,
            contributors=people,
            coverage_nano=coverage,
        )
    count = severe_incidents(facts)
    return Computed(
        nano=nano(per_hundred(count, units)),
        n=units,
        contributors=people,
        interval=poisson(count, Fraction(100, units)),
        coverage_nano=coverage,
    )


def sample_severe(facts: Facts) -> Sample:
    """Severe incidents, as events."""
    return Sample(events=severe_incidents(facts))
