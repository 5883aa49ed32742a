"""Registering an effect before it is looked for: written once, approved by another person.

Before the launch a registration can be replaced by another one, which is approved as well. From the
launch on it can only be amended, which everybody sees and which caps its verdict.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q

from adoption.approvals import use_case_address
from adoption.choices import LossSide
from adoption.impact_guards import REGISTRATION_KIND
from adoption.metrics.registry import metrics
from adoption.models import ImpactAmendment, ImpactRegistration, LossReport, UseCase
from adoption.policies import may_edit_use_case
from adoption.services.impact_outlook import outlook
from adoption.services.impact_plans import Plan, metric_label, plan_from, plan_of
from adoption.services.impact_samples import MetricGoneError
from adoption.services.impact_wishes import (
    RegistrationRefusedError,
    Wish,
    check,
    complete,
    unit_names,
)
from adoption.validation.documents import text_sha256
from portal.approvals.errors import ApprovalRefusedError
from portal.approvals.registry import ApprovalKind, Content, Payload, SubjectGoneError
from portal.choices import Role
from portal.models import ApprovalRequest, User
from portal.policies import AnyUser
from portal.services.approvals import recheck, request_approval
from portal.shell.money import nano_text

logger = structlog.get_logger(__name__)
AMENDABLE = (
    "baseline_starts_on",
    "baseline_ends_on",
    "after_starts_on",
    "after_ends_on",
    "metric_key",
    "method",
    "alpha_percent",
)


def _locked_case(use_case_id: int) -> UseCase:
    return (
        UseCase.objects.select_for_update(of=("self",))
        .select_related("programme")
        .get(pk=use_case_id)
    )


def register_impact(
    *,
    use_case_id: int,
    wish: Wish,
    replaces_id: int | None = None,
    actor: User,
    at: dt.datetime,
) -> ImpactRegistration:
    """Write a registration down with what its baseline can show, and ask for its approval.

    Raises:
        RegistrationRefusedError: it would test nothing, another one stands for the same time, or
            what it replaces has been launched.
    """
    with transaction.atomic():
        use_case = _locked_case(use_case_id)
        plan = complete(use_case, wish, at=at)
        check(plan, use_case, at=at)
        replaced = _replaceable(use_case, replaces_id, at)
        _check_alone(use_case, plan, replaced)
        try:
            seen = outlook(plan, use_case, at=at, is_short=True)
        except MetricGoneError as error:
            raise RegistrationRefusedError(str(error), field="metric_key") from error
        values = {name: getattr(plan, name) for name in Plan.__dataclass_fields__}
        values["guardrails"] = plan.document()["guardrails"]
        made = ImpactRegistration(
            use_case=use_case,
            **{**values, "unit_ids": list(plan.unit_ids)},
            promise=seen.document(),
            baseline=seen.baseline,
            content=plan.content,
            content_sha256=text_sha256(plan.content),
            replaces=replaced,
            created_by=actor,
            created_at=at,
        )
        made.comparison_ids = list(plan.comparison_ids)
        made.full_clean()
        made.save()
        ask_for_approval(registration_id=made.pk, actor=actor, at=at)
    logger.info("impact_registered", registration=made.pk, use_case=use_case.pk, actor=actor.pk)
    return made


def _replaceable(
    use_case: UseCase, replaces_id: int | None, at: dt.datetime
) -> ImpactRegistration | None:
    if replaces_id is None:
        return None
    found = use_case.registrations.filter(pk=replaces_id).first()
    if found is None:
        raise RegistrationRefusedError("There is no such registration here to replace.")
    if found.approved_at is not None and plan_of(found).launches_at <= at:
        raise RegistrationRefusedError(
            "It has been launched. From then on it can be amended, and that caps its verdict."
        )
    if ImpactRegistration.objects.filter(replaces=found).exists():
        raise RegistrationRefusedError("It has been replaced already.")
    return found


def _check_alone(use_case: UseCase, plan: Plan, replaced: ImpactRegistration | None) -> None:
    """One primary metric for one time: a second registration is a second ticket in a lottery."""
    others = use_case.registrations.filter(
        after_starts_on__lt=plan.after_ends_on,
        after_ends_on__gt=plan.after_starts_on,
        withdrawn_at__isnull=True,
    ).filter(Q(replaced_by__isnull=True) | Q(replaced_by__approved_at__isnull=True))
    if replaced is not None:
        others = others.exclude(pk=replaced.pk)
    if others.exists():
        raise RegistrationRefusedError(
            "Another registration of this use case covers the same weeks. Replace that one before "
            "its launch, or choose weeks after it: of two tests at once one always looks better.",
            field="launch_on",
        )


def ask_for_approval(*, registration_id: int, actor: User, at: dt.datetime) -> ApprovalRequest:
    """Ask a second person, on exactly what was written.

    Raises:
        RegistrationRefusedError: it is approved or withdrawn, or the person may not ask.
    """
    registration = ImpactRegistration.objects.get(pk=registration_id)
    if registration.approved_at is not None or registration.withdrawn_at is not None:
        raise RegistrationRefusedError("It is approved or withdrawn already.")
    try:
        return request_approval(
            kind=REGISTRATION_KIND,
            subject=str(registration_id),
            payload={"content_sha256": registration.content_sha256},
            reason="",
            actor=actor,
            at=at,
        )
    except (ApprovalRefusedError, SubjectGoneError) as error:
        raise RegistrationRefusedError(str(error)) from error


def withdraw_registration(
    *, registration_id: int, reason: str, actor: User, at: dt.datetime
) -> ImpactRegistration:
    """Take back what nobody has approved yet. What is approved stays: also when it disappoints.

    Raises:
        RegistrationRefusedError: it is approved or withdrawn, or no reason is given.
    """
    if not reason.strip():
        raise RegistrationRefusedError("Say why.", field="reason")
    with transaction.atomic():
        registration = _locked(registration_id)
        if registration.approved_at is not None:
            raise RegistrationRefusedError(
                "It is approved, so it stays and is judged, whichever way it goes."
            )
        if registration.withdrawn_at is not None:
            raise RegistrationRefusedError("It is withdrawn already.")
        registration.withdrawn_at = at
        registration.withdrawn_because = reason.strip()
        registration.save(update_fields=["withdrawn_at", "withdrawn_because"])
        recheck(kind=REGISTRATION_KIND, subject=str(registration.pk), at=at)
    return registration


def _locked(registration_id: int | str) -> ImpactRegistration:
    return (
        ImpactRegistration.objects.select_for_update(of=("self",))
        .select_related("use_case__programme")
        .get(pk=registration_id)
    )


def amend_registration(
    *,
    registration_id: int,
    reason: str,
    changes: Mapping[str, Any] | None = None,
    actor: User,
    at: dt.datetime,
) -> ImpactAmendment:
    """Write down what is done otherwise than registered. From then on it is exploratory.

    Args:
        changes: fields of `AMENDABLE` with their new values; none for something that happened.

    Raises:
        RegistrationRefusedError: it is not approved, not launched, or the change makes no test.
    """
    if not reason.strip():
        raise RegistrationRefusedError("Say what happened, and why.", field="reason")
    wanted = {name: _stored(value) for name, value in (changes or {}).items()}
    with transaction.atomic():
        registration = _locked(registration_id)
        if registration.approved_at is None:
            raise RegistrationRefusedError("It is not approved; withdraw it and write another.")
        if plan_of(registration).launches_at > at:
            raise RegistrationRefusedError(
                "It is not launched yet: replace it by another registration, which is approved."
            )
        unknown = sorted(set(wanted) - set(AMENDABLE))
        if unknown:
            raise RegistrationRefusedError(f"{unknown[0]} cannot be amended.", field="changes")
        if wanted:
            plan = _amended(registration, wanted)
            check(plan, registration.use_case, at=at)
        return ImpactAmendment.objects.create(
            registration=registration,
            changes=wanted,
            reason=reason.strip(),
            made_by=actor,
            made_at=at,
        )


def _stored(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value


def _amended(registration: ImpactRegistration, wanted: dict[str, Any]) -> Plan:
    plan = plan_of(registration, amended=True)
    if "metric_key" in wanted:
        if wanted["metric_key"] not in metrics:
            raise RegistrationRefusedError("There is no such metric.", field="metric_key")
        wanted["metric_version"] = metrics.get(wanted["metric_key"]).version
    values = {name: getattr(plan, name) for name in Plan.__dataclass_fields__}
    return plan_from(values | wanted)


def report_losses(
    *,
    registration_id: int,
    side: str,
    expected: int,
    opted_out: int,
    vanished: int,
    note: str,
    actor: User,
    at: dt.datetime,
) -> LossReport:
    """Count who opted out and which tasks vanished on one side; the newest count holds.

    Raises:
        RegistrationRefusedError: the counts do not fit together, or the registration is not
            approved.
    """
    if side not in LossSide.values or min(expected, opted_out, vanished) < 0:
        raise RegistrationRefusedError("Counts are nought or more, on one of the sides.")
    if opted_out + vanished > expected:
        raise RegistrationRefusedError("No more can be lost than was expected.", field="opted_out")
    registration = ImpactRegistration.objects.get(pk=registration_id)
    if registration.approved_at is None:
        raise RegistrationRefusedError("It is not approved yet.")
    return LossReport.objects.create(
        registration=registration,
        side=side,
        expected=expected,
        opted_out=opted_out,
        vanished=vanished,
        note=note.strip(),
        made_by=actor,
        made_at=at,
    )


# --- the kind of approval -------------------------------------------------------------------------


def describe_registration(subject: str, payload: Payload) -> Content:
    """What the approver sees: everything that is hashed, in words, and what it can show.

    Raises:
        SubjectGoneError: it is withdrawn, approved, replaced or no longer there.
    """
    registration = (
        ImpactRegistration.objects.select_related("use_case", "created_by")
        .filter(pk=subject)
        .first()
    )
    if registration is None or registration.withdrawn_at is not None:
        raise SubjectGoneError("There is no such registration any more.")
    if registration.approved_at is not None:
        raise SubjectGoneError("It is approved already.")
    if registration.content_sha256 != payload["content_sha256"]:
        raise SubjectGoneError("It is not what was asked for.")
    return Content(
        title=f"{registration.use_case.title}: register “{registration.hypothesis[:80]}”",
        before={"Registered": None},
        after={"Registered": registration.content_sha256},
        facts=facts_of(registration),
        target=registration.content_sha256,
        url=use_case_address(registration.use_case.slug),
        editors=frozenset({registration.created_by_id}),
    )


def facts_of(registration: ImpactRegistration) -> tuple[tuple[str, str], ...]:
    """The protocol in words, in the order in which a reader asks."""
    plan = plan_of(registration)
    names = unit_names(plan.unit_kind, plan.all_ids)

    def named(ids: tuple[int, ...]) -> str:
        return ", ".join(names.get(pk, "the whole programme") for pk in ids) or "none"

    return (
        ("Hypothesis", plan.hypothesis),
        ("Direction", registration.get_direction_display()),
        ("Metric", f"{metric_label(plan.metric_key)} {plan.metric_version}"),
        ("Treated", named(plan.unit_ids)),
        ("Compared with", named(plan.comparison_ids)),
        ("Baseline", f"{plan.baseline_starts_on} up to {plan.baseline_ends_on}"),
        ("Idea from", f"{plan.trigger_month:%B %Y}"),
        ("Launch", str(plan.launch_on)),
        ("Window after", f"{plan.after_starts_on} up to {plan.after_ends_on}"),
        ("Smallest effect of interest", nano_text(plan.interest_nano)),
        ("Method", registration.get_method_display()),
        ("Alpha", f"{plan.alpha_percent} %"),
        ("Guardrails", guardrail_words(plan)),
        ("Minimum n", str(plan.minimum_n)),
        ("Stop rule", plan.stop_rule),
        ("Seed", str(plan.seed)),
        ("What it can show", str(registration.promise["words"])),
    )


def guardrail_words(plan: Plan) -> str:
    """The guardrails in one line."""
    return (
        "; ".join(
            f"{metric_label(each.metric_key)} must not {each.worse} beyond "
            f"{nano_text(each.margin_nano)}"
            for each in plan.guardrails
        )
        or "none"
    )


def lock_registration(subject: str) -> None:
    """Withdrawing takes the same lock."""
    list(ImpactRegistration.objects.select_for_update(of=("self",)).filter(pk=subject))


def apply_registration(request: ApprovalRequest, approver: User, at: dt.datetime) -> None:
    """It stands from this moment on."""
    registration = _locked(request.subject)
    registration.approval = request
    registration.approved_at = at
    registration.save(update_fields=["approval", "approved_at"])
    logger.info("impact_registration_approved", registration=registration.pk, by=approver.pk)


def may_ask(user: AnyUser, subject: str) -> bool:
    found = ImpactRegistration.objects.select_related("use_case").filter(pk=subject).first()
    return found is not None and may_edit_use_case(user, found.use_case)


REGISTRATIONS = ApprovalKind(
    key=REGISTRATION_KIND,
    label="Registration of an effect",
    approver_roles=(Role.PROGRAMME_LEAD, Role.APPROVER),
    describe=describe_registration,
    lock=lock_registration,
    apply=apply_registration,
    may_request=may_ask,
)


def is_replaced(registration: ImpactRegistration) -> bool:
    """Whether an approved registration stands in its place."""
    return ImpactRegistration.objects.filter(
        replaces=registration, approved_at__isnull=False
    ).exists()
