"""Moving use cases through their stages: asked for by one person, approved by another.

To stop or retire takes no second person: ending what does not work is a good outcome, and nobody
should have to wait for it.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import structlog
from django.db import transaction

from adoption.approvals import STAGE_KIND, stage_target, use_case_address
from adoption.choices import (
    NEXT_STAGES,
    STAGES_THAT_NEED_A_REASON,
    STAGES_THAT_NEED_APPROVAL,
    Stage,
)
from adoption.models import Milestone, MilestoneEvent, StageChange, UseCase
from adoption.policies import may_move_use_case
from adoption.selectors.records import benefit_claim
from adoption.selectors.stage_gates import gate_facts, profile_of
from adoption.services.milestone_log import promise_text
from adoption.services.refusals import RefusedError, check_version
from adoption.services.use_cases import save_next_version
from adoption.stage_gates import missing_for, needed_for
from portal.approvals.errors import ApprovalRefusedError
from portal.approvals.registry import ApprovalKind, Content, Payload, SubjectGoneError
from portal.choices import Role
from portal.models import ApprovalRequest, User
from portal.policies import AnyUser
from portal.services.approvals import recheck, request_approval
from portal.shell.periods import day_of

logger = structlog.get_logger(__name__)
_HINTS = 2  # of what is missing; the checklist on the page has them all


class StageNotAllowedError(RefusedError):
    """The use case cannot go to that stage; `reason` says what is missing or possible."""


def _check_stage(use_case: UseCase, to_stage: Stage, reason: str) -> None:
    allowed = NEXT_STAGES[Stage(use_case.stage)]
    if to_stage not in allowed:
        possible = ", ".join(stage.label.lower() for stage in allowed)
        raise StageNotAllowedError(
            f"From “{use_case.get_stage_display()}” a use case cannot go to “{to_stage.label}”. "
            + (f"Possible: {possible}." if possible else "This stage is final."),
            field="to_stage",
        )
    if to_stage in STAGES_THAT_NEED_A_REASON and not reason:
        raise StageNotAllowedError(
            f"“{to_stage.label}” needs a reason: whoever looks for this use case next year wants "
            "to know what was learnt.",
            field="reason",
        )
    _check_gate(use_case, to_stage)


def _check_gate(use_case: UseCase, to_stage: Stage) -> None:
    if not needed_for(to_stage):
        return
    missing = missing_for(to_stage, gate_facts(use_case, profile_of(use_case)))
    if missing:
        raise StageNotAllowedError(
            f"“{to_stage.label}” needs {'; '.join(each.label for each in missing)}. "
            + " ".join(each.how for each in missing[:_HINTS]),
            field="to_stage",
        )


def _locked(use_case_id: int | str) -> UseCase:
    return (
        UseCase.objects.select_for_update(of=("self",))
        .select_related("programme")
        .get(pk=use_case_id)
    )


def end_use_case(
    *,
    use_case_id: int,
    to_stage: str,
    expected_version: int,
    reason: str,
    actor: User,
    at: dt.datetime,
) -> UseCase:
    """Stop or retire a use case and write down why. What was asked for about it is void.

    The day is that of `at` in the programme's time zone.

    Raises:
        StaleVersionError: it is no longer at `expected_version`.
        StageNotAllowedError: it has ended already, the stage is one that is approved, or no reason
            is given.
    """
    target = Stage(to_stage)
    if target in STAGES_THAT_NEED_APPROVAL:
        raise StageNotAllowedError(
            f"“{target.label}” is approved by another person; ask for it.", field="to_stage"
        )
    with transaction.atomic():
        use_case = _locked(use_case_id)
        check_version("use case", expected=expected_version, current=use_case.version)
        _check_stage(use_case, target, reason.strip())
        _move(use_case, target, reason=reason.strip(), decided_by=actor, at=at)
        recheck(kind=STAGE_KIND, subject=str(use_case.pk), at=at)
    return use_case


def request_stage(
    *,
    use_case_id: int,
    to_stage: str,
    expected_version: int,
    reason: str = "",
    actor: User,
    at: dt.datetime,
) -> ApprovalRequest:
    """Ask that another person approves the next stage, on what the use case says now.

    Raises:
        StaleVersionError: it is no longer at `expected_version`.
        StageNotAllowedError: the table of stages does not allow it, something that the stage needs
            is missing (`stage_gates.py`), or somebody else has asked already.
    """
    target = Stage(to_stage)
    with transaction.atomic():
        use_case = _locked(use_case_id)
        check_version("use case", expected=expected_version, current=use_case.version)
        _check_stage(use_case, target, reason.strip())
        try:
            return request_approval(
                kind=STAGE_KIND,
                subject=str(use_case.pk),
                payload={"to_stage": target.value, "reason": reason.strip()},
                reason=reason,
                actor=actor,
                at=at,
            )
        except ApprovalRefusedError as error:
            raise StageNotAllowedError(error.reason, field="to_stage") from error


def _move(
    use_case: UseCase,
    target: Stage,
    *,
    reason: str,
    decided_by: User,
    at: dt.datetime,
    approval: ApprovalRequest | None = None,
) -> None:
    StageChange.objects.create(
        use_case=use_case,
        from_stage=use_case.stage,
        to_stage=target,
        reason=reason,
        decided_by=decided_by,
        decided_at=at,
        approval=approval,
    )
    use_case.stage = target
    use_case.stage_since = day_of(at, ZoneInfo(use_case.programme.time_zone))
    use_case.editors_since_stage = []
    save_next_version(use_case, at=at)
    logger.info(
        "use_case_stage_changed", use_case=use_case.pk, to=target.value, actor=decided_by.pk
    )


# --- the kind of approval -------------------------------------------------------------------------


def describe_stage(subject: str, payload: Payload) -> Content:
    """What the approver sees: the claim, the way to end it, and what was promised.

    Raises:
        SubjectGoneError: the use case cannot go there (any more).
    """
    use_case = (
        UseCase.objects.select_related("programme", "team", "owner").filter(pk=subject).first()
    )
    if use_case is None:
        raise SubjectGoneError("There is no such use case.")
    target = Stage(payload["to_stage"])
    try:
        _check_stage(use_case, target, payload["reason"])
    except StageNotAllowedError as error:
        raise SubjectGoneError(error.reason) from error
    return Content(
        title=f"{use_case.title}: {target.label.lower()}",
        before={"Stage": use_case.get_stage_display()},
        after={"Stage": target.label},
        facts=(
            *_claims(use_case),
            *(("Milestone", f"{one.title}: {promise_text(one)}") for one in _milestones(use_case)),
            ("Version", str(use_case.version)),
        ),
        target=stage_target(target, use_case.version),
        url=use_case_address(use_case.slug),
        editors=_editors(use_case),
    )


def _claims(use_case: UseCase) -> tuple[tuple[str, str], ...]:
    profile = profile_of(use_case)
    return (
        ("Programme", use_case.programme.name),
        ("Team", use_case.team.name),
        ("Owner", use_case.owner.get_full_name()),
        ("Value", use_case.get_value_type_display()),
        ("Risk", use_case.get_risk_tier_display()),
        ("Problem", use_case.problem or "not stated"),
        ("Hypothesis", use_case.hypothesis or "not stated"),
        ("Benefit", benefit_claim(profile) or "not stated"),
        ("Guardrails", profile.guardrails or "not stated"),
        ("Data class", profile.get_data_class_display() or "not stated"),
        ("Stop rule", use_case.stop_rule or "not stated"),
    )


def _milestones(use_case: UseCase) -> list[Milestone]:
    return list(use_case.milestones.order_by("due_on", "pk"))


def _editors(use_case: UseCase) -> frozenset[int]:
    """Whoever edited the use case or its milestones since its stage last changed."""
    last = use_case.stage_changes.order_by("-decided_at", "-pk").first()
    events = MilestoneEvent.objects.filter(use_case=use_case, decided_by__isnull=False)
    if last is not None:
        events = events.filter(happened_at__gte=last.decided_at)
    promised = events.values_list("decided_by_id", flat=True)
    return frozenset(use_case.editors_since_stage) | frozenset(
        pk for pk in promised if pk is not None
    )


def lock_use_case(subject: str) -> None:
    """Edits take the same lock, so an edit and an approval never pass each other."""
    list(UseCase.objects.select_for_update(of=("self",)).filter(pk=subject))


def apply_stage(request: ApprovalRequest, approver: User, at: dt.datetime) -> None:
    """Move it, on the approver's word."""
    use_case = _locked(request.subject)
    _move(
        use_case,
        Stage(request.payload["to_stage"]),
        reason=request.payload["reason"],
        decided_by=approver,
        at=at,
        approval=request,
    )


def may_ask_for_stage(user: AnyUser, subject: str) -> bool:
    use_case = UseCase.objects.filter(pk=subject).first()
    return use_case is not None and may_move_use_case(user, use_case)


STAGES = ApprovalKind(
    key=STAGE_KIND,
    label="Stage of a use case",
    approver_roles=(Role.PROGRAMME_LEAD, Role.APPROVER),
    describe=describe_stage,
    lock=lock_use_case,
    apply=apply_stage,
    may_request=may_ask_for_stage,
)
