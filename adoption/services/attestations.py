"""Milestones that no system shows: one person attests the outcome, another confirms it.

Only for outcomes that are not code. What a repository, a deployment or a bill can say is measured.
"""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

import structlog
from django.db import transaction

from adoption.approvals import (
    ATTESTATION_KIND,
    STAGE_KIND,
    attestation_target,
    use_case_address,
)
from adoption.choices import (
    AttestedOutcome,
    Comparator,
    MilestoneEventKind,
    MilestoneKind,
    MilestoneState,
)
from adoption.metrics.alternatives import usage_in
from adoption.metrics.registry import NANO
from adoption.models import Milestone, MilestoneAttestation, MilestoneEvent, UseCase
from adoption.policies import may_edit_use_case
from adoption.services.milestone_log import make_event, promise_text
from adoption.services.milestone_rules import ATTESTED, check_due_date
from adoption.services.milestones import MilestoneLockedError, lock_milestone
from adoption.services.promise_standing import open_again
from adoption.services.refusals import RefusedError, check_version
from portal.approvals.errors import ApprovalRefusedError
from portal.approvals.registry import ApprovalKind, Content, Payload, SubjectGoneError
from portal.choices import Role
from portal.models import ApprovalRequest, User
from portal.policies import AnyUser
from portal.services.approvals import recheck, request_approval
from portal.shell.formats import date_text
from portal.shell.periods import day_of, day_start

logger = structlog.get_logger(__name__)
_CODE_LINK = re.compile(
    r"/(?:pull|pulls|pull-requests|merge_requests|commit|commits|compare|deployments|releases"
    r"|tags|actions|pipelines|jobs)(?:/|$)|\.git$",
    re.IGNORECASE,
)
_SHORTEST = 20  # characters of a statement that says something


class BadAttestationError(RefusedError):
    """An attestation without evidence, about code, about the future, or of no such milestone."""


def _refuse_usage(text: str, field: str) -> None:
    found = usage_in(text)
    if found is not None:
        raise BadAttestationError(found.reason, field=field)


def create_attested_milestone(
    *, use_case_id: int, title: str, outcome: str, due_on: dt.date, actor: User, at: dt.datetime
) -> Milestone:
    """Promise an outcome that is not code; it is reached by a confirmed attestation only.

    Raises:
        BadAttestationError: the title promises usage, or the outcome is none that can be attested.
        BadMilestoneError: a due date outside the programme.
        ValidationError: another field is wrong.
    """
    if outcome not in AttestedOutcome.values:
        raise BadAttestationError("Choose what kind of outcome it is.", field="outcome")
    _refuse_usage(title, "title")
    with transaction.atomic():
        use_case = (
            UseCase.objects.select_for_update(of=("self",))
            .select_related("programme")
            .get(pk=use_case_id)
        )
        check_due_date(due_on, use_case.programme)
        milestone = Milestone(
            use_case=use_case, title=title.strip(), kind=MilestoneKind.ATTESTED, outcome=outcome,
            due_on=due_on, comparator=Comparator.AT_LEAST, threshold_nano=NANO, created_at=at,
        )  # fmt: skip
        milestone.full_clean()
        milestone.save()
        make_event(
            milestone, MilestoneEventKind.ADDED, note=promise_text(milestone), at=at, actor=actor
        ).save()
        recheck(kind=STAGE_KIND, subject=str(use_case.pk), at=at)
    logger.info("attested_milestone_created", milestone=milestone.pk, actor=actor.pk)
    return milestone


def update_attested_milestone(
    *,
    milestone_id: int,
    expected_version: int,
    title: str,
    outcome: str,
    due_on: dt.date,
    actor: User,
    at: dt.datetime,
) -> Milestone:
    """Change what is promised. What was attested of the earlier promise is void.

    Raises:
        StaleVersionError: it is no longer at `expected_version`.
        MilestoneLockedError: it is reached, and more than its title would change.
        BadAttestationError: also when it is measured.
        BadMilestoneError, ValidationError: as for creating.
    """
    if outcome not in AttestedOutcome.values:
        raise BadAttestationError("Choose what kind of outcome it is.", field="outcome")
    _refuse_usage(title, "title")
    with transaction.atomic():
        milestone = lock_milestone(milestone_id)
        check_version("milestone", expected=expected_version, current=milestone.version)
        if milestone.kind != MilestoneKind.ATTESTED:
            raise BadAttestationError("This milestone is measured; nobody attests it.")
        before = promise_text(milestone)
        if (milestone.outcome, milestone.due_on) != (outcome, due_on):
            if milestone.state == MilestoneState.REACHED:
                raise MilestoneLockedError(
                    "This milestone is reached. What it promised and by when is history; only "
                    "its title can change."
                )
            check_due_date(due_on, milestone.use_case.programme)
            milestone.outcome, milestone.due_on = outcome, due_on
            open_again(milestone)
        was_called, milestone.title = milestone.title, title.strip()
        milestone.version += 1
        milestone.full_clean()
        milestone.save()
        note = (
            f"before: “{was_called}”, {before}; now: “{title.strip()}”, {promise_text(milestone)}"
        )
        make_event(milestone, MilestoneEventKind.CHANGED, note=note, at=at, actor=actor).save()
        recheck(kind=ATTESTATION_KIND, subject=str(milestone.pk), at=at)
        recheck(kind=STAGE_KIND, subject=str(milestone.use_case_id), at=at)
    return milestone


def request_attestation(
    *,
    milestone_id: int,
    expected_version: int,
    statement: str,
    link: str,
    happened_on: dt.date,
    actor: User,
    at: dt.datetime,
) -> ApprovalRequest:
    """Attest that the outcome is there. Nothing is reached until another person confirms it.

    Args:
        statement: what is there and how one can see it.
        link: where the evidence is; may be empty.
        happened_on: the day of the outcome, in the programme's zone.

    Raises:
        StaleVersionError: it is no longer at `expected_version`.
        BadAttestationError: naming the field.
    """
    with transaction.atomic():
        milestone = lock_milestone(milestone_id)
        check_version("milestone", expected=expected_version, current=milestone.version)
        _check_attestation(milestone, statement.strip(), link.strip(), happened_on, at)
        try:
            return request_approval(
                kind=ATTESTATION_KIND,
                subject=str(milestone.pk),
                payload={
                    "statement": statement.strip(),
                    "link": link.strip(),
                    "happened_on": happened_on.isoformat(),
                },
                reason=statement.strip(),
                actor=actor,
                at=at,
            )
        except ApprovalRefusedError as error:
            raise BadAttestationError(error.reason) from error


def _check_attestation(
    milestone: Milestone, statement: str, link: str, happened_on: dt.date, at: dt.datetime
) -> None:
    if milestone.kind != MilestoneKind.ATTESTED:
        raise BadAttestationError("This milestone is measured; nobody attests it.")
    if milestone.state == MilestoneState.REACHED:
        raise BadAttestationError("This milestone is reached already.")
    if len(statement) < _SHORTEST:
        raise BadAttestationError(
            f"Say what is there and how somebody else can see it, in at least {_SHORTEST} "
            "characters.",
            field="statement",
        )
    if link and _CODE_LINK.search(link):
        raise BadAttestationError(
            "That link leads to code. Changes and deployments are measured, not attested: promise "
            "held deliveries or production deployments instead.",
            field="link",
        )
    zone = ZoneInfo(milestone.use_case.programme.time_zone)
    if not milestone.use_case.programme.starts_on <= happened_on <= day_of(at, zone):
        raise BadAttestationError(
            "The day lies before the programme or in the future.", field="happened_on"
        )


# --- the kind of approval -------------------------------------------------------------------------


def describe_attestation(subject: str, payload: Payload) -> Content:
    """What the second person sees: the promise, the statement and its evidence.

    Raises:
        SubjectGoneError: there is no such milestone, it is measured, or it is reached.
    """
    milestone = (
        Milestone.objects.select_related("use_case").filter(pk=subject, kind="attested").first()
    )
    if milestone is None:
        raise SubjectGoneError("There is no such attested milestone.")
    if milestone.state == MilestoneState.REACHED:
        raise SubjectGoneError("This milestone is reached already.")
    events = MilestoneEvent.objects.filter(milestone=milestone, decided_by__isnull=False)
    return Content(
        title=f"{milestone.use_case.title}: “{milestone.title}” is reached",
        before={"Attested": None},
        after={"Attested": str(payload["statement"])},
        facts=(
            ("Promised", promise_text(milestone)),
            ("Happened on", date_text(dt.date.fromisoformat(payload["happened_on"]))),
            ("Evidence", str(payload["link"]) or "no link; see the statement"),
            ("Version", str(milestone.version)),
        ),
        target=attestation_target(milestone.version),
        url=f"{use_case_address(milestone.use_case.slug)}#milestones",
        editors=frozenset(pk for pk in events.values_list("decided_by_id", flat=True) if pk),
        beneficiaries=frozenset({milestone.use_case.owner_id}),
    )


def lock_attested(subject: str) -> None:
    """Edits take the same locks: the use case's, then the milestone's."""
    list(UseCase.objects.select_for_update(of=("self",)).filter(milestones=int(subject)))
    list(Milestone.objects.select_for_update(of=("self",)).filter(pk=subject))


def apply_attestation(request: ApprovalRequest, approver: User, at: dt.datetime) -> None:
    """Write the attestation down and reach the milestone, on the second person's word."""
    milestone = lock_milestone(int(request.subject))
    happened_on = dt.date.fromisoformat(request.payload["happened_on"])
    MilestoneAttestation.objects.create(
        milestone=milestone,
        statement=request.payload["statement"],
        link=request.payload["link"],
        happened_on=happened_on,
        attested_by=request.author,
        confirmed_by=approver,
        confirmed_at=at,
        approval=request,
    )
    open_again(milestone)
    milestone.state = MilestoneState.REACHED
    milestone.measured_reason = ATTESTED
    milestone.measured_at = at
    milestone.reached_at = day_start(happened_on, ZoneInfo(milestone.use_case.programme.time_zone))
    milestone.version += 1
    milestone.save()
    # By whoever attested it: that a second person confirmed it makes them no author of the promise.
    note = (
        f"Happened on {date_text(happened_on)}, confirmed by {approver}. "
        f"{request.payload['statement']}"
    )
    make_event(milestone, MilestoneEventKind.REACHED, note=note, at=at, actor=request.author).save()
    recheck(kind=STAGE_KIND, subject=str(milestone.use_case_id), at=at)
    logger.info("milestone_attested", milestone=milestone.pk, actor=approver.pk)


def may_attest(user: AnyUser, subject: str) -> bool:
    """Who may edit the use case may attest; who confirms is another matter."""
    milestone = Milestone.objects.select_related("use_case").filter(pk=subject).first()
    return milestone is not None and may_edit_use_case(user, milestone.use_case)


ATTESTATIONS = ApprovalKind(
    key=ATTESTATION_KIND,
    label="Attested milestone",
    approver_roles=(Role.PROGRAMME_LEAD, Role.APPROVER),
    describe=describe_attestation,
    lock=lock_attested,
    apply=apply_attestation,
    may_request=may_attest,
)
