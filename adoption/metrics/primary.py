"""Deliveries week by week: those that held, which a use case can be judged on before other outcomes
exist, and those that were taken back, which guard them.

Registered with their definitions in `definitions.py`.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence

from django.db.models import Q

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
from adoption.models import Delivery, UseCase

NANO = 1_000_000_000


def _existing(use_case_ids: Sequence[int], window: Window) -> set[int]:
    """Use cases that were there when the window ended; the others are unknown, not nought."""
    rows = UseCase.objects.filter(pk__in=use_case_ids, created_at__lt=window.ends_at)
    return set(rows.values_list("pk", flat=True))


def collect_held(
    use_case_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> Mapping[int, Facts]:
    """Deliveries that came to hold, or were confirmed, within the window; two queries.

    A use case that did not exist when the window ended has no entry.
    """
    there = _existing(use_case_ids, window)
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
    guardrails=("taken_back_deliveries_weekly", "change_fail_rate", "survival_21_days"),
    resists={
        "A6": "tests/adoption/services/test_impact_verdicts.py::"
        "test_what_is_undone_later_makes_a_new_verdict_and_the_old_one_stays",
    },
    readers="Owners of use cases and the steering group",
    withheld_from="nobody: a use case is no person",
)


def collect_taken_back(
    use_case_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> Mapping[int, Facts]:
    """Deliveries that were undone in production, or refused by their reviewer, within the window.

    Two queries. A use case that did not exist when the window ended has no entry.
    """
    there = _existing(use_case_ids, window)
    end = min(window.ends_at, as_of + dt.timedelta(microseconds=1))
    undone = Q(state=DeliveryState.REVERTED, reverted_at__gte=window.starts_at, reverted_at__lt=end)
    refused = Q(
        state=DeliveryState.REJECTED, reviewed_at__gte=window.starts_at, reviewed_at__lt=end
    )
    rows = Delivery.objects.filter(undone | refused, use_case_id__in=there)
    counts: dict[int, int] = defaultdict(int)
    people: dict[int, set[int]] = defaultdict(set)
    for use_case_id, person in rows.values_list("use_case_id", "claimed_by_id"):
        counts[use_case_id] += 1
        people[use_case_id].add(person)
    return {pk: {"taken_back": counts[pk], "contributors": len(people[pk])} for pk in there}


def calculate_taken_back(facts: Facts) -> Computed:
    """The count; nought when none was taken back, never unknown."""
    count = int(facts["taken_back"])
    return Computed(nano=count * NANO, n=count, contributors=int(facts["contributors"]))


def sample_taken_back(facts: Facts) -> Sample:
    """Events of the window."""
    return Sample(events=int(facts["taken_back"]))


TAKEN_BACK_WEEKLY = Windowed(
    number=13,
    scope=ScopeKind.USE_CASE,
    window=WindowKind.WEEK,
    collect=collect_taken_back,
    calculate=calculate_taken_back,
    sample=sample_taken_back,
    k=0,  # as the deliveries themselves
    better=Better.LOWER,
    dimension=Dimension.PERFORMANCE,
    is_value=False,
    guardrails=("survival_21_days",),
    resists={
        "A6": "tests/adoption/services/test_impact_verdicts.py::"
        "test_what_is_undone_later_makes_a_new_verdict_and_the_old_one_stays",
    },
    readers="Owners of use cases and the steering group",
    withheld_from="nobody: a use case is no person",
)
