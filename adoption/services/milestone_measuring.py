"""Holding milestones against what was measured."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import structlog
from django.db import transaction

from adoption.choices import MilestoneEventKind, MilestoneState
from adoption.metrics.registry import Measured, metrics
from adoption.models import Milestone, MilestoneEvent
from adoption.services.milestone_log import day_text, make_event, promise_text
from adoption.services.milestone_rules import (
    NOT_MEASURED,
    UNKNOWN_METRIC,
    Promise,
    Standing,
    decide,
    holds,
    needs_look_back,
)

logger = structlog.get_logger(__name__)
_LOOK_BACKS_PER_METRIC = 8
_STANDING_FIELDS = ("state", "measured_nano", "measured_reason", "reached_at")


@dataclass(frozen=True, slots=True)
class MeasuredMilestones:
    """What one measuring did: how many milestones it looked at, and what they became."""

    looked_at: int = 0
    reached: int = 0
    missed: int = 0
    restated: int = 0


def _promise(milestone: Milestone) -> Promise:
    return Promise(
        due_on=milestone.due_on,
        comparator=milestone.comparator,
        threshold_nano=milestone.threshold_nano,
        currency=milestone.currency,
        state=milestone.state,
        measured_nano=milestone.measured_nano,
        measured_reason=milestone.measured_reason,
        reached_at=milestone.reached_at,
    )


def _look_back(
    metric_key: str, milestones: Sequence[Milestone], values: dict[int, Measured]
) -> tuple[set[int], set[int]]:
    """Which reached milestones their own past still supports, and which wait for the next time.

    One call for each distinct moment, at most `_LOOK_BACKS_PER_METRIC`, longest unmeasured first.
    """
    metric = metrics.get(metric_key)
    moments: dict[dt.datetime, list[Milestone]] = {}
    for milestone in sorted(milestones, key=lambda m: (m.measured_at or m.created_at, m.pk)):
        value = values.get(milestone.use_case_id)
        if value is None or milestone.reached_at is None:
            continue
        if needs_look_back(_promise(milestone), value, metric.unit):
            moments.setdefault(milestone.reached_at, []).append(milestone)
    supported: set[int] = set()
    waiting: set[int] = set()
    for index, (moment, members) in enumerate(moments.items()):
        if index >= _LOOK_BACKS_PER_METRIC:
            waiting.update(milestone.pk for milestone in members)
            continue
        past = metric.measurable([milestone.use_case_id for milestone in members], moment)
        for milestone in members:
            then = past.get(milestone.use_case_id)
            if (
                then is not None
                and then.nano is not None
                and holds(milestone.comparator, then.nano, milestone.threshold_nano)
            ):
                supported.add(milestone.pk)
    return supported, waiting


def _event_for(milestone: Milestone, standing: Standing, at: dt.datetime) -> list[MilestoneEvent]:
    """The log lines for a milestone that goes from where it stands to `standing`."""
    events: list[MilestoneEvent] = []
    was_reached = milestone.state == MilestoneState.REACHED
    is_reached = standing.state == MilestoneState.REACHED
    if was_reached and not is_reached:
        day = day_text(milestone, milestone.reached_at)
        note = f"It was reached on {day}; the facts no longer say so."
        events.append(make_event(milestone, MilestoneEventKind.RESTATED, note=note, at=at))
    elif was_reached and standing.reached_at != milestone.reached_at:
        days = (day_text(milestone, standing.reached_at), day_text(milestone, milestone.reached_at))
        note = "Reached on {} instead of {}.".format(*days)
        events.append(make_event(milestone, MilestoneEventKind.RESTATED, note=note, at=at))
    elif is_reached and not was_reached:
        note = f"On {day_text(milestone, standing.reached_at)}. {promise_text(milestone)}"
        events.append(make_event(milestone, MilestoneEventKind.REACHED, note=note, at=at))
    if standing.state == MilestoneState.MISSED and milestone.state != MilestoneState.MISSED:
        note = promise_text(milestone)
        events.append(make_event(milestone, MilestoneEventKind.MISSED, note=note, at=at))
    return events


def _apply(milestone: Milestone, standing: Standing) -> bool:
    """Write the standing onto the row; whether anything differs."""
    new = (standing.state.value, standing.nano, standing.reason, standing.reached_at)
    old = tuple(getattr(milestone, name) for name in _STANDING_FIELDS)
    for name, value in zip(_STANDING_FIELDS, new, strict=True):
        setattr(milestone, name, value)
    return new != old


def _measure_one_metric(
    metric_key: str, milestones: Sequence[Milestone], at: dt.datetime
) -> tuple[list[Milestone], list[MilestoneEvent], list[int]]:
    """Changed rows, log lines, and the keys of the rows looked at."""
    values: dict[int, Measured] = {}
    reason = UNKNOWN_METRIC
    supported: set[int] = set()
    waiting: set[int] = set()
    if metric_key in metrics:
        reason = NOT_MEASURED
        use_cases = sorted({milestone.use_case_id for milestone in milestones})
        values = metrics.get(metric_key).measurable(use_cases, at)
        supported, waiting = _look_back(metric_key, milestones, values)
    changed: list[Milestone] = []
    events: list[MilestoneEvent] = []
    looked_at: list[int] = []
    for milestone in milestones:
        if milestone.pk in waiting:
            continue
        value = values.get(milestone.use_case_id) or Measured(None, at, reason)
        standing = decide(
            _promise(milestone),
            value,
            at=at,
            zone=ZoneInfo(milestone.use_case.programme.time_zone),
            still_supported=milestone.pk in supported,
        )
        events += _event_for(milestone, standing, at)
        if _apply(milestone, standing):
            changed.append(milestone)
        looked_at.append(milestone.pk)
    return changed, events, looked_at


def measure_milestones(*, use_case_ids: Iterable[int], at: dt.datetime) -> MeasuredMilestones:
    """Measure every milestone of these use cases and write down where each stands.

    Each metric that is needed is asked once for all use cases. `reached_at` of an upward count is
    the moment at which the counted thing happened that filled it; of anything else, the moment up
    to which was looked. A reached milestone whose facts were withdrawn is open again (or missed,
    once its due day is over in the programme's zone) with `measured_reason` `restated` and a line
    in the log. The number of queries does not depend on how many use cases there are, beyond
    the batches in which the database takes changed rows.

    Args:
        at: now (aware).
    """
    with transaction.atomic():
        milestones = list(
            Milestone.objects.select_for_update(of=("self",))
            .filter(use_case_id__in=list(use_case_ids))
            .select_related("use_case__programme")
            .order_by("pk")
        )
        by_metric: dict[str, list[Milestone]] = {}
        for milestone in milestones:
            by_metric.setdefault(milestone.metric_key, []).append(milestone)
        changed: list[Milestone] = []
        events: list[MilestoneEvent] = []
        looked_at: list[int] = []
        for metric_key, members in sorted(by_metric.items()):
            rows, lines, keys = _measure_one_metric(metric_key, members, at)
            changed += rows
            events += lines
            looked_at += keys
        Milestone.objects.filter(pk__in=looked_at).update(measured_at=at)
        Milestone.objects.bulk_update(changed, list(_STANDING_FIELDS))
        MilestoneEvent.objects.bulk_create(events)
    counts = Counter(event.kind for event in events)
    result = MeasuredMilestones(
        looked_at=len(looked_at),
        reached=counts[MilestoneEventKind.REACHED],
        missed=counts[MilestoneEventKind.MISSED],
        restated=counts[MilestoneEventKind.RESTATED],
    )
    if events:
        logger.info(
            "milestones_measured",
            reached=result.reached,
            missed=result.missed,
            restated=result.restated,
        )
    return result
