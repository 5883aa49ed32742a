"""Writing adoption targets: setting, changing, withdrawing. Measuring: `target_measuring.py`."""

from __future__ import annotations

import datetime as dt
from typing import Any

import structlog
from django.db import transaction

from adoption.choices import MilestoneEventKind, MilestoneState, ScopeKind
from adoption.metrics.registry import MetricDefinition
from adoption.models import AdoptionTarget, Milestone, TargetEvent
from adoption.services.milestones import lock_milestone
from adoption.services.promise_standing import open_again
from adoption.services.refusals import RefusedError, check_version
from adoption.services.target_rules import (
    BadTargetError,
    TargetDraft,
    baseline_of,
    baseline_text,
    check_milestone,
    check_promise,
    check_scope,
    target_metric,
)
from adoption.services.target_wording import target_text
from portal.models import User

logger = structlog.get_logger(__name__)
# A change of any of these is another promise.
PROMISED = ("milestone_id", "scope_kind", "metric_key", "comparator", "threshold_nano", "due_on")
# And of these another baseline.
_MEASURED = ("scope_kind", "programme_id", "team_id", "use_case_id", "metric_key")


class TargetLockedError(RefusedError):
    """A reached or withdrawn target is history."""


def _milestone_of(draft: TargetDraft) -> Milestone:
    try:
        return lock_milestone(draft.milestone_id)
    except Milestone.DoesNotExist:
        raise BadTargetError(
            "A target serves a milestone; choose one. A target that serves none is a quota.",
            field="milestone",
        ) from None


def _checked(draft: TargetDraft, milestone: Milestone, at: dt.datetime) -> MetricDefinition:
    metric = target_metric(draft.title, draft.metric_key, draft.scope_kind)
    check_scope(draft, milestone)
    check_promise(draft, metric, milestone.use_case.programme)
    check_milestone(draft, milestone, at=at)
    return metric


def _values(draft: TargetDraft, metric: MetricDefinition, milestone: Milestone) -> dict[str, Any]:
    """The columns that a draft says."""
    return {
        "title": draft.title.strip(),
        "milestone_id": milestone.pk,
        "scope_kind": draft.scope_kind,
        "programme_id": milestone.use_case.programme_id,
        "team_id": draft.scope_id if draft.scope_kind == ScopeKind.TEAM else None,
        "use_case_id": draft.scope_id if draft.scope_kind == ScopeKind.USE_CASE else None,
        "metric_key": metric.key,
        "comparator": draft.comparator,
        "threshold_nano": draft.threshold_nano,
        "currency": draft.currency,
        "due_on": draft.due_on,
    }


def _note(
    target: AdoptionTarget, kind: MilestoneEventKind, note: str, actor: User | None, at: dt.datetime
) -> TargetEvent:
    return TargetEvent(
        target=target, kind=kind, due_on=target.due_on, note=note, decided_by=actor, happened_at=at
    )


def create_target(*, draft: TargetDraft, actor: User, at: dt.datetime) -> AdoptionTarget:
    """Set a target. Its baseline is measured now.

    Raises:
        BadTargetError: it is about usage (with the outcome to use instead), serves no open
            milestone of its scope, or is there already.
        BadMilestoneError: a comparator or threshold that cannot be missed or reached.
        ValidationError: another field is wrong.
    """
    target_metric(draft.title, draft.metric_key)  # usage is refused before anything else is asked
    with transaction.atomic():
        milestone = _milestone_of(draft)
        metric = _checked(draft, milestone, at)
        baseline, reason = baseline_of(draft, metric, at=at)
        target = AdoptionTarget(
            **_values(draft, metric, milestone), metric_version=metric.version,
            baseline_nano=baseline, baseline_reason=reason, baseline_at=at,
            created_by=actor, created_at=at,
        )  # fmt: skip
        target.full_clean()
        target.save()
        said = f"{target_text(target)}, {baseline_text(baseline, reason, metric, draft.currency)}"
        _note(target, MilestoneEventKind.ADDED, said, actor, at).save()
    logger.info("target_set", target=target.pk, actor=actor.pk)
    return target


def _locked(target_id: int) -> AdoptionTarget:
    """The target, under the lock of its milestone's use case and then its own."""
    milestone_id = AdoptionTarget.objects.values_list("milestone_id", flat=True).get(pk=target_id)
    lock_milestone(milestone_id)
    return (
        AdoptionTarget.objects.select_for_update(of=("self",))
        .select_related("programme", "team", "use_case", "milestone__use_case")
        .get(pk=target_id)
    )


def update_target(
    *, target_id: int, expected_version: int, draft: TargetDraft, actor: User, at: dt.datetime
) -> AdoptionTarget:
    """Change a target. Another promise opens it again; before and after are in its log.

    Raises:
        StaleVersionError: it is no longer at `expected_version`.
        TargetLockedError: it is withdrawn, or reached and more than its title would change.
        BadTargetError, BadMilestoneError, ValidationError: as for setting one.
    """
    with transaction.atomic():
        target = _locked(target_id)
        check_version("target", expected=expected_version, current=target.version)
        if target.withdrawn_at is not None:
            raise TargetLockedError("This target is withdrawn; set a new one.")
        metric = target_metric(draft.title, draft.metric_key or target.metric_key)
        before, was_called = target_text(target), target.title
        if _is_other_promise(target, draft, metric):
            _promise_anew(target, draft, at)
        target.title = draft.title.strip()
        target.version += 1
        target.full_clean()
        target.save()
        note = f"before: “{was_called}”, {before}; now: “{target.title}”, {target_text(target)}"
        _note(target, MilestoneEventKind.CHANGED, note, actor, at).save()
    logger.info("target_changed", target=target.pk, actor=actor.pk)
    return target


def _is_other_promise(target: AdoptionTarget, draft: TargetDraft, metric: MetricDefinition) -> bool:
    asked = {name: getattr(draft, name) for name in PROMISED} | {"metric_key": metric.key}
    return draft.scope_id != target.scope_id or any(
        getattr(target, name) != value for name, value in asked.items()
    )


def _promise_anew(target: AdoptionTarget, draft: TargetDraft, at: dt.datetime) -> None:
    """Put another promise onto the row; another metric or scope has another baseline."""
    if target.state == MilestoneState.REACHED:
        raise TargetLockedError(
            "This target is reached. What it promised and by when is history; only its title can "
            "change. For more, set a further target."
        )
    milestone = _milestone_of(draft)
    metric = _checked(draft, milestone, at)
    before = {name: getattr(target, name) for name in _MEASURED}
    for name, value in _values(draft, metric, milestone).items():
        setattr(target, name, value)
    baseline, reason = baseline_of(draft, metric, at=at)
    if before != {name: getattr(target, name) for name in _MEASURED}:
        target.metric_version = metric.version
        target.baseline_nano, target.baseline_reason, target.baseline_at = baseline, reason, at
    open_again(target)


def withdraw_target(
    *, target_id: int, expected_version: int, reason: str, actor: User, at: dt.datetime
) -> AdoptionTarget:
    """Give a target up. It stays in the list, and counts as not met for the quarter it was due in.

    Raises:
        StaleVersionError: it is no longer at `expected_version`.
        TargetLockedError: it is reached or withdrawn already.
        RefusedError: no reason is given.
    """
    if not reason.strip():
        raise RefusedError("Say why this target is withdrawn.", field="reason")
    with transaction.atomic():
        target = _locked(target_id)
        check_version("target", expected=expected_version, current=target.version)
        if target.withdrawn_at is not None or target.state == MilestoneState.REACHED:
            raise TargetLockedError("This target is history; it cannot be withdrawn.")
        target.withdrawn_at, target.withdrawn_reason = at, reason.strip()
        target.risk = ""
        target.version += 1
        target.save()
        _note(target, MilestoneEventKind.REMOVED, reason.strip(), actor, at).save()
    logger.info("target_withdrawn", target=target.pk, actor=actor.pk)
    return target
