"""Held deliveries week by week: the outcome that a use case can be judged on before others exist.

Registered with its definition in `definitions.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from adoption.choices import DeliveryState, ScopeKind
from adoption.metrics.contracts import (
    Better,
    Computed,
    Dimension,
    Facts,
    Sample,
    Windowed,
)
from adoption.metrics.held import USE_CASE, came_to_hold
from adoption.metrics.windows import Window, WindowKind
from adoption.models import UseCase

NANO = 1_000_000_000


def collect_held(
    use_case_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> Mapping[int, Facts]:
    """Deliveries that came to hold, or were confirmed, within the window; two queries.

    A use case that did not exist when the window ended has no entry.
    """
    there = set(
        UseCase.objects.filter(pk__in=use_case_ids, created_at__lt=window.ends_at).values_list(
            "pk", flat=True
        )
    )
    found = came_to_hold(there, of=USE_CASE, as_of=as_of, window=window)
    return {
        pk: {
            "held": sum(each.state == DeliveryState.HELD for each in found[pk]),
            "confirmed": sum(each.state == DeliveryState.CONFIRMED for each in found[pk]),
            "contributors": len({each.person_id for each in found[pk]}),
        }
        for pk in there
    }


def _count(facts: Facts) -> int:
    return int(facts["held"]) + int(facts["confirmed"])


def calculate_held(facts: Facts) -> Computed:
    """The count; None is not possible, for a use case that exists has held some number."""
    count = _count(facts)
    return Computed(nano=count * NANO, n=count, contributors=int(facts["contributors"]))


def sample_held(facts: Facts) -> Sample:
    """Events of the window."""
    return Sample(events=_count(facts))


HELD_WEEKLY = Windowed(
    number=13,  # what validated impact is judged on
    scope=ScopeKind.USE_CASE,
    window=WindowKind.WEEK,
    collect=collect_held,
    calculate=calculate_held,
    sample=sample_held,
    k=0,  # a use case and its deliveries are open to read; nothing here is about a person
    better=Better.HIGHER,
    dimension=Dimension.PERFORMANCE,
    guardrails=("change_fail_rate", "survival_21_days"),
    resists={
        "A6": "tests/adoption/services/test_impact_verdicts.py::"
        "test_what_is_undone_later_makes_a_new_verdict_and_the_old_one_stays",
    },
    readers="Owners of use cases and the steering group",
    withheld_from="nobody: a use case is no person",
)
