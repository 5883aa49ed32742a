"""Metric 17, milestone alignment: of the targets that were due, how many were met by their day.

Counted are targets that serve a milestone; a target cannot be set without one. What would flatter
the share does not work: a target whose day is moved out of the quarter, or that is withdrawn, once
the quarter has begun stays among those due, and one that is reached after its day is not met.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from adoption.choices import MilestoneEventKind, MilestoneState, ScopeKind
from adoption.metrics.contracts import Better, Computed, Dimension, Facts, Windowed
from adoption.metrics.registry import NANO, MetricDefinition, metrics
from adoption.metrics.windows import Window, WindowKind
from adoption.models import AdoptionTarget, TargetEvent
from portal.shell.periods import day_of

FEWEST_TARGETS = 5


def due_days(
    target: AdoptionTarget, events: Sequence[TargetEvent], window: Window, as_of: dt.datetime
) -> list[dt.date]:
    """The days within the window on which the target was due at some moment since its start."""
    held: list[tuple[dt.datetime, dt.date]] = []
    for event in events:
        if event.happened_at <= as_of and (not held or held[-1][1] != event.due_on):
            held.append((event.happened_at, event.due_on))
    days: list[dt.date] = []
    for index, (_, due_on) in enumerate(held):
        ends = held[index + 1][0] if index + 1 < len(held) else None
        if ends is not None and ends <= window.starts_at:
            continue  # moved before the quarter began
        if window.starts_on <= due_on < window.ends_on:
            days.append(due_on)
    return days


def collect_alignment(
    scope_ids: Sequence[int], window: Window, as_of: dt.datetime
) -> dict[int, Facts]:
    """Facts of each programme: its targets due in the window, and when each was met."""
    zone = ZoneInfo(window.zone)
    events: dict[int, list[TargetEvent]] = defaultdict(list)
    rows = TargetEvent.objects.filter(target__programme_id__in=list(scope_ids))
    for event in rows.order_by("happened_at", "pk"):
        events[event.target_id].append(event)
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    targets = AdoptionTarget.objects.filter(programme_id__in=list(scope_ids), created_at__lte=as_of)
    for target in targets.order_by("pk"):
        days = due_days(target, events[target.pk], window, as_of)
        gone = next(
            (each.happened_at for each in events[target.pk]
             if each.kind == MilestoneEventKind.REMOVED and each.happened_at <= as_of),
            None,
        )  # fmt: skip
        if not days or (gone is not None and gone < window.starts_at):
            continue
        met = target.reached_at if target.state == MilestoneState.REACHED else None
        is_known = met is not None and met <= as_of
        found[target.programme_id].append(
            {
                "target": target.pk,
                "milestone": target.milestone_id,
                "due_on": min(days).isoformat(),
                "met_on": day_of(met, zone).isoformat() if is_known and met else None,
                "is_withdrawn": gone is not None,
            }
        )
    # Nothing of the window falls due after it, so later days are no facts of it.
    until = min(day_of(as_of, zone), window.ends_on).isoformat()
    return {pk: {"targets": found[pk], "until": until} for pk in found}


def calculate_alignment(facts: Facts) -> Computed:
    """Met by their day ÷ due, over the targets whose day is over; pure."""
    due = [
        each
        for each in facts["targets"]
        if each["milestone"] is not None and each["due_on"] < facts["until"]
    ]
    if len(due) < FEWEST_TARGETS:
        return Computed(nano=None, reason="below_minimum", n=len(due))
    met = sum(_is_met(each) for each in due)
    # All targets that were due are counted, so there is nothing to estimate and no interval.
    return Computed(nano=round(Fraction(met, len(due)) * NANO), n=len(due), coverage_nano=NANO)


def _is_met(each: Mapping[str, Any]) -> bool:
    """By its day; days are ISO texts, which compare as days do."""
    return (
        each["met_on"] is not None and each["met_on"] <= each["due_on"] and not each["is_withdrawn"]
    )


metrics.register(
    MetricDefinition(
        key="milestone_alignment",
        version="1.0.0",
        label="Milestone alignment",
        unit="share",
        formula=(
            "Adoption targets that serve a delivery milestone and were met by their day, divided "
            "by all targets due in the quarter, over the days that are over. A target is due on "
            "every day that it was set to since the quarter began: moving its day out of the "
            "quarter, or withdrawing it, leaves it among those due and not met. Below five "
            "targets there is no value. All are counted, none sampled, so there is no interval."
        ),
        inputs=frozenset({"targets", "milestones"}),
        comparators=(),
        measure=None,
        decision="Whether what is aimed at is what was promised to be delivered, and is reached.",
        windowed=Windowed(
            number=17,
            scope=ScopeKind.PROGRAMME,
            window=WindowKind.QUARTER,
            collect=collect_alignment,
            calculate=calculate_alignment,
            minimum_n=FEWEST_TARGETS,
            k=0,
            better=Better.HIGHER,
            guardrails=("validation_coverage",),
            dimension=Dimension.PERFORMANCE,
            resists={
                "free-floating quotas": (
                    "tests/adoption/services/test_targets.py"
                    "::test_a_target_without_a_milestone_is_a_quota"
                ),
                "after-the-fact edits": (
                    "tests/adoption/metrics/test_alignment.py"
                    "::test_a_target_that_is_moved_out_or_withdrawn_stays_due"
                ),
                "A1": (
                    "tests/adoption/metrics/test_alternatives.py"
                    "::test_no_disguise_gets_a_word_of_usage_through"
                ),
            },
            readers="Steering group",
        ),
    )
)
