"""Writing milestones. `measure_milestones` holds them against what was measured."""

from __future__ import annotations

import datetime as dt
from typing import Any

import structlog
from django.db import transaction

from adoption.approvals import ATTESTATION_KIND, STAGE_KIND
from adoption.choices import MilestoneEventKind, MilestoneKind, MilestoneState
from adoption.models import Milestone, UseCase
from adoption.services.milestone_log import make_event, promise_text
from adoption.services.milestone_measuring import MeasuredMilestones, measure_milestones
from adoption.services.milestone_rules import check_due_date, check_measure
from adoption.services.promise_standing import open_again
from adoption.services.refusals import RefusedError, check_version
from portal.models import User
from portal.services.approvals import recheck

__all__ = [
    "MeasuredMilestones",
    "MilestoneLockedError",
    "create_milestone",
    "lock_milestone",
    "measure_milestones",
    "promise_text",
    "remove_milestone",
    "update_milestone",
]

logger = structlog.get_logger(__name__)


class MilestoneLockedError(RefusedError):
    """A reached milestone keeps its measure; its promise is history."""


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
        make_event(
            milestone, MilestoneEventKind.ADDED, note=promise_text(milestone), at=at, actor=actor
        ).save()
        recheck(kind=STAGE_KIND, subject=str(use_case.pk), at=at)
    logger.info("milestone_created", milestone=milestone.pk, actor=actor.pk)
    return milestone


def lock_milestone(milestone_id: int) -> Milestone:
    """The milestone, under the lock of its use case: what is promised is part of what is approved
    with the next stage."""
    list(UseCase.objects.select_for_update(of=("self",)).filter(milestones=milestone_id))
    return (
        Milestone.objects.select_for_update(of=("self",))
        .select_related("use_case__programme")
        .get(pk=milestone_id)
    )


def _promise_anew(milestone: Milestone, promised: dict[str, Any]) -> None:
    """Put another measure or day onto the row, which opens it again."""
    if milestone.state == MilestoneState.REACHED:
        raise MilestoneLockedError(
            "This milestone is reached. What it promised and by when is history; only its "
            "title can change. For a further promise, add a milestone.",
        )
    programme = milestone.use_case.programme
    measure = {name: value for name, value in promised.items() if name != "due_on"}
    check_measure(**measure, programme=programme)
    check_due_date(promised["due_on"], programme)
    for name, value in promised.items():
        setattr(milestone, name, value)
    open_again(milestone)


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
    promised = {
        "due_on": due_on,
        "metric_key": metric_key,
        "comparator": comparator,
        "threshold_nano": threshold_nano,
        "currency": currency,
    }
    with transaction.atomic():
        milestone = lock_milestone(milestone_id)
        check_version("milestone", expected=expected_version, current=milestone.version)
        if milestone.kind == MilestoneKind.ATTESTED:
            raise MilestoneLockedError(
                "An attested milestone is not measured by a metric. What it promises is changed "
                "where attested milestones are (API: …/attested/)."
            )
        before = promise_text(milestone)
        is_changed = any(getattr(milestone, name) != value for name, value in promised.items())
        if is_changed:
            _promise_anew(milestone, promised)
        was_called = milestone.title
        milestone.title = title.strip()
        milestone.version += 1
        milestone.full_clean()
        milestone.save()
        note = f"before: {before}; now: {promise_text(milestone)}" if is_changed else ""
        if was_called != milestone.title:
            note = f"was called “{was_called}”; {note}".removesuffix("; ")
        if note:
            make_event(milestone, MilestoneEventKind.CHANGED, note=note, at=at, actor=actor).save()
        recheck(kind=STAGE_KIND, subject=str(milestone.use_case_id), at=at)
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
        milestone = lock_milestone(milestone_id)
        check_version("milestone", expected=expected_version, current=milestone.version)
        if milestone.state == MilestoneState.REACHED:
            raise MilestoneLockedError("This milestone is reached; it cannot be withdrawn.")
        serving = list(milestone.targets.values_list("title", flat=True))
        if serving:
            raise MilestoneLockedError(
                f"Targets serve this milestone: {', '.join(serving)}. It stays with them; a target "
                "that was withdrawn keeps its promise too."
            )
        state = milestone.get_state_display().lower()
        note = f"{promise_text(milestone)} ({state}). {reason}"
        make_event(milestone, MilestoneEventKind.REMOVED, note=note, at=at, actor=actor).save()
        milestone.delete()
        recheck(kind=ATTESTATION_KIND, subject=str(milestone_id), at=at)
        recheck(kind=STAGE_KIND, subject=str(milestone.use_case_id), at=at)
    logger.info("milestone_removed", milestone=milestone_id, actor=actor.pk)
