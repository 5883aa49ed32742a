"""Writing milestones, and holding them against what was measured."""

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
from adoption.metrics.wording import threshold_text
from adoption.models import Milestone, MilestoneEvent, UseCase
from adoption.services.milestone_rules import (
    NOT_MEASURED,
    UNKNOWN_METRIC,
    Promise,
    Standing,
    check_due_date,
    check_measure,
    decide,
    holds,
    needs_look_back,
)
from adoption.services.refusals import RefusedError, check_version
from portal.models import User
from portal.shell.formats import date_text
from portal.shell.periods import day_of

logger = structlog.get_logger(__name__)
_LOOK_BACKS_PER_METRIC = 8
_STANDING_FIELDS = ("state", "measured_nano", "measured_reason", "reached_at")


class MilestoneLockedError(RefusedError):
    """A reached milestone keeps its measure; its promise is history."""


def _log(
    milestone: Milestone,
    kind: MilestoneEventKind,
    *,
    note: str,
    at: dt.datetime,
    actor: User | None = None,
) -> MilestoneEvent:
    return MilestoneEvent(
        use_case_id=milestone.use_case_id,
        milestone=milestone,
        title=milestone.title,
        kind=kind,
        note=note,
        decided_by=actor,
        happened_at=at,
    )


def _day(milestone: Milestone, moment: dt.datetime | None) -> str:
    """The day of a moment in the programme's zone, for the log."""
    if moment is None:
        return "an unknown day"
    return date_text(day_of(moment, ZoneInfo(milestone.use_case.programme.time_zone)))


def promise_text(milestone: Milestone) -> str:
    """Measure and due date in words, for the decision log."""
    if milestone.metric_key not in metrics:
        return f"{milestone.metric_key}, due {date_text(milestone.due_on)}"
    metric = metrics.get(milestone.metric_key)
    threshold = threshold_text(
        milestone.comparator, milestone.threshold_nano, metric.unit, milestone.currency
    )
    return f"{metric.label}: {threshold}, due {date_text(milestone.due_on)}"


def create_milestone(
    *,
    use_case_id: int,
    title: str,
    due_on: dt.date,
    metric_key: str,
    comparator: str,
    threshold_nano: int,
    currency: str = "",
    actor: User,
    at: dt.datetime,
) -> Milestone:
    """Promise something measurable by a day.

    Args:
        threshold_nano: nano-units (10⁻⁹) of the metric's unit; a share of 80 % is 800_000_000.
        currency: the programme's own for money metrics, empty otherwise.

    Raises:
        BadMilestoneError: unknown metric, comparator that it does not allow, a threshold that
            cannot be missed or reached, a due date outside the programme.
        ValidationError: another field is wrong.
    """
    with transaction.atomic():
        use_case = (
            UseCase.objects.select_for_update(of=("self",))
            .select_related("programme")
            .get(pk=use_case_id)
        )
        check_measure(
            metric_key=metric_key,
            comparator=comparator,
            threshold_nano=threshold_nano,
            currency=currency,
            programme=use_case.programme,
        )
        check_due_date(due_on, use_case.programme)
        milestone = Milestone(
            use_case=use_case,
            title=title.strip(),
            due_on=due_on,
            metric_key=metric_key,
            comparator=comparator,
            threshold_nano=threshold_nano,
            currency=currency,
            created_at=at,
        )
        milestone.full_clean()
        milestone.save()
        _log(
            milestone, MilestoneEventKind.ADDED, note=promise_text(milestone), at=at, actor=actor
        ).save()
    logger.info("milestone_created", milestone=milestone.pk, actor=actor.pk)
    return milestone


def _lock_milestone(milestone_id: int) -> Milestone:
    return (
        Milestone.objects.select_for_update(of=("self",))
        .select_related("use_case__programme")
        .get(pk=milestone_id)
    )


def _reopen(milestone: Milestone) -> None:
    milestone.state = MilestoneState.OPEN
    milestone.measured_nano = None
    milestone.measured_reason = ""
    milestone.measured_at = None
    milestone.reached_at = None


def update_milestone(
    *,
    milestone_id: int,
    expected_version: int,
    title: str,
    due_on: dt.date,
    metric_key: str,
    comparator: str,
    threshold_nano: int,
    currency: str = "",
    actor: User,
    at: dt.datetime,
) -> Milestone:
    """Change a milestone. Another measure or day opens it again, and the change is in the log.

    Raises:
        StaleVersionError: it is no longer at `expected_version`.
        MilestoneLockedError: it is reached, and more than its title would change.
        BadMilestoneError, ValidationError: as for creating.
    """
    promised = (due_on, metric_key, comparator, threshold_nano, currency)
    with transaction.atomic():
        milestone = _lock_milestone(milestone_id)
        check_version("milestone", expected=expected_version, current=milestone.version)
        before = promise_text(milestone)
        is_changed = promised != (
            milestone.due_on,
            milestone.metric_key,
            milestone.comparator,
            milestone.threshold_nano,
            milestone.currency,
        )
        if is_changed and milestone.state == MilestoneState.REACHED:
            raise MilestoneLockedError(
                "This milestone is reached. What it promised and by when is history; only its "
                "title can change. For a further promise, add a milestone.",
            )
        if is_changed:
            check_measure(
                metric_key=metric_key,
                comparator=comparator,
                threshold_nano=threshold_nano,
                currency=currency,
                programme=milestone.use_case.programme,
            )
            check_due_date(due_on, milestone.use_case.programme)
            milestone.due_on = due_on
            milestone.metric_key = metric_key
            milestone.comparator = comparator
            milestone.threshold_nano = threshold_nano
            milestone.currency = currency
            _reopen(milestone)
        was_called = milestone.title
        milestone.title = title.strip()
        milestone.version += 1
        milestone.full_clean()
        milestone.save()
        note = f"before: {before}; now: {promise_text(milestone)}" if is_changed else ""
        if was_called != milestone.title:
            note = f"was called “{was_called}”; {note}".removesuffix("; ")
        if note:
            _log(milestone, MilestoneEventKind.CHANGED, note=note, at=at, actor=actor).save()
    logger.info("milestone_updated", milestone=milestone.pk, actor=actor.pk)
    return milestone


def remove_milestone(
    *, milestone_id: int, expected_version: int, reason: str, actor: User, at: dt.datetime
) -> None:
    """Withdraw a promise that is not reached; that it was made stays in the log.

    Raises:
        StaleVersionError: it is no longer at `expected_version`.
        MilestoneLockedError: it is reached.
        RefusedError: no reason is given.
    """
    reason = reason.strip()
    if not reason:
        raise RefusedError("Say why this promise is withdrawn.", field="reason")
    with transaction.atomic():
        milestone = _lock_milestone(milestone_id)
        check_version("milestone", expected=expected_version, current=milestone.version)
        if milestone.state == MilestoneState.REACHED:
            raise MilestoneLockedError("This milestone is reached; it cannot be withdrawn.")
        state = milestone.get_state_display().lower()
        note = f"{promise_text(milestone)} ({state}). {reason}"
        _log(milestone, MilestoneEventKind.REMOVED, note=note, at=at, actor=actor).save()
        milestone.delete()
    logger.info("milestone_removed", milestone=milestone_id, actor=actor.pk)


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
        past = metric.measure([milestone.use_case_id for milestone in members], moment)
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
        day = _day(milestone, milestone.reached_at)
        note = f"It was reached on {day}; the facts no longer say so."
        events.append(_log(milestone, MilestoneEventKind.RESTATED, note=note, at=at))
    elif was_reached and standing.reached_at != milestone.reached_at:
        days = (_day(milestone, standing.reached_at), _day(milestone, milestone.reached_at))
        note = "Reached on {} instead of {}.".format(*days)
        events.append(_log(milestone, MilestoneEventKind.RESTATED, note=note, at=at))
    elif is_reached and not was_reached:
        note = f"On {_day(milestone, standing.reached_at)}. {promise_text(milestone)}"
        events.append(_log(milestone, MilestoneEventKind.REACHED, note=note, at=at))
    if standing.state == MilestoneState.MISSED and milestone.state != MilestoneState.MISSED:
        note = promise_text(milestone)
        events.append(_log(milestone, MilestoneEventKind.MISSED, note=note, at=at))
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
        values = metrics.get(metric_key).measure(use_cases, at)
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
