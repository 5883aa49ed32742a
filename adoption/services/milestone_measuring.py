"""Holding milestones against what was measured."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import structlog
from django.db import transaction

from adoption.choices import (
    STAGES_THAT_NEED_A_REASON,
    MilestoneEventKind,
    MilestoneKind,
    MilestoneState,
)
from adoption.metrics.registry import Measured, metrics
from adoption.models import Milestone, MilestoneEvent
from adoption.services.milestone_log import day_text, make_event, promise_text
from adoption.services.milestone_rules import (
    ATTESTED,
    NOT_MEASURED,
    UNKNOWN_METRIC,
    WAITS_FOR_ATTESTATION,
    Standing,
    decide,
)
from adoption.services.promise_notices import AT_RISK, tell_milestone
from adoption.services.promise_standing import (
    look_back,
    outlook_of,
    promise_of,
    save_standings,
    write_standing,
)
from portal.shell.periods import day_of

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class MeasuredMilestones:
    """What one measuring did: how many milestones it looked at, and what they became."""

    looked_at: int = 0
    reached: int = 0
    missed: int = 0
    restated: int = 0
    at_risk: int = 0


@dataclass(slots=True)
class _Found:
    """What one measuring found: changed rows, log lines, rows looked at, rows newly at risk."""

    changed: list[Milestone] = field(default_factory=list)
    events: list[MilestoneEvent] = field(default_factory=list)
    looked_at: list[int] = field(default_factory=list)
    at_risk: list[Milestone] = field(default_factory=list)


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


def _measure_one_metric(
    metric_key: str, milestones: Sequence[Milestone], at: dt.datetime, found: _Found
) -> None:
    """Hold the milestones of one metric against it; `found` gathers what to write."""
    values: dict[int, Measured] = {}
    reason = UNKNOWN_METRIC
    supported: set[int] = set()
    waiting: set[int] = set()
    metric = metrics.get(metric_key) if metric_key in metrics else None
    if metric is not None:
        reason = NOT_MEASURED
        use_cases = sorted({milestone.use_case_id for milestone in milestones})
        values = metric.measurable(use_cases, at)
        supported, waiting = look_back(
            metric, metric.measurable, milestones, values, scope_of=lambda row: row.use_case_id
        )
    for milestone in milestones:
        if milestone.pk in waiting:
            continue
        value = values.get(milestone.use_case_id) or Measured(
            None, at, _why_attested(milestone) or reason
        )
        zone = ZoneInfo(milestone.use_case.programme.time_zone)
        standing = decide(
            promise_of(milestone),
            value,
            at=at,
            zone=zone,
            still_supported=milestone.pk in supported,
        )
        found.events += _event_for(milestone, standing, at)
        had_risk = milestone.risk
        ahead = outlook_of(milestone, standing, metric, value, at=at, zone=zone)
        if write_standing(
            milestone, standing, ahead, today=day_of(at, zone), is_running=_is_running(milestone)
        ):
            found.changed.append(milestone)
        if milestone.risk and not had_risk:
            found.at_risk.append(milestone)
        found.looked_at.append(milestone.pk)


def _why_attested(milestone: Milestone) -> str:
    """Why an attested milestone has no value; empty for one that is measured."""
    if milestone.kind != MilestoneKind.ATTESTED:
        return ""
    return ATTESTED if milestone.state == MilestoneState.REACHED else WAITS_FOR_ATTESTATION


def _is_running(milestone: Milestone) -> bool:
    return milestone.use_case.stage not in STAGES_THAT_NEED_A_REASON


def measure_milestones(*, use_case_ids: Iterable[int], at: dt.datetime) -> MeasuredMilestones:
    """Measure every milestone of these use cases and write down where each stands.

    Each metric that is needed is asked once for all use cases. `reached_at` of an upward count is
    the moment at which the counted thing happened that filled it; of anything else, the moment up
    to which was looked. A reached milestone whose facts were withdrawn is open again (or missed,
    once its due day is over in the programme's zone) with `measured_reason` `restated` and a line
    in the log. An open one gets a forecast and may be at risk. Owners are told of what is missed,
    restated or at risk, once each. The number of queries does not depend on how many use cases
    there are, beyond the batches in which the database takes changed rows and what is told.

    Args:
        at: now (aware).
    """
    with transaction.atomic():
        milestones = list(
            Milestone.objects.select_for_update(of=("self",))
            .filter(use_case_id__in=list(use_case_ids))
            .select_related("use_case__programme", "use_case__owner")
            .order_by("pk")
        )
        by_metric: dict[str, list[Milestone]] = {}
        for milestone in milestones:
            by_metric.setdefault(milestone.metric_key, []).append(milestone)
        found = _Found()
        for metric_key, members in sorted(by_metric.items()):
            _measure_one_metric(metric_key, members, at, found)
        Milestone.objects.filter(pk__in=found.looked_at).update(measured_at=at)
        save_standings(found.changed)
        MilestoneEvent.objects.bulk_create(found.events)
        _tell(found, at)
    counts = Counter(event.kind for event in found.events)
    result = MeasuredMilestones(
        looked_at=len(found.looked_at),
        reached=counts[MilestoneEventKind.REACHED],
        missed=counts[MilestoneEventKind.MISSED],
        restated=counts[MilestoneEventKind.RESTATED],
        at_risk=len(found.at_risk),
    )
    if found.events:
        logger.info(
            "milestones_measured",
            reached=result.reached,
            missed=result.missed,
            restated=result.restated,
        )
    return result


def _tell(found: _Found, at: dt.datetime) -> None:
    """Notices to the owners of use cases that run; the last write of the measuring."""
    for event in found.events:
        milestone = event.milestone
        if milestone is not None and _is_running(milestone):
            tell_milestone(milestone, event.kind, note=event.note, at=at)
    for milestone in found.at_risk:
        tell_milestone(milestone, AT_RISK, note="", at=at)
