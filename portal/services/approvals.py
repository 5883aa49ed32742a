"""Asking for a second person, and deciding as one.

The order of a decision matters: the subject is locked, then the request, then what is shown is
made anew and compared with what was asked and with what the approver saw; only then is it decided
and, in the same transaction, carried out. An edit and a decision therefore never pass each other,
and since everybody locks in this order, neither waits for the other for ever.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from django.db import IntegrityError, transaction

from portal.approvals.errors import (
    ApprovalRefusedError,
    ChangedSinceError,
    NotPendingError,
)
from portal.approvals.registry import (
    ApprovalKind,
    Content,
    Payload,
    SubjectGoneError,
    approval_kinds,
    content_hash,
)
from portal.approvals.second_person import accounts_of, check_second_person, open_glass_of
from portal.audit.context import Channel, acting, current_actor
from portal.choices import ApprovalOutcome, ApprovalPart, ApprovalStatus
from portal.models import (
    ApprovalDecision,
    ApprovalParty,
    ApprovalPolicy,
    ApprovalRequest,
    BreakGlass,
    User,
)

log = structlog.get_logger(__name__)
DECIDING_CHANNELS = (Channel.PAGE, Channel.API, Channel.COMMAND, Channel.SYSTEM)


@dataclass(frozen=True, slots=True)
class Policy:
    """Who approves a kind, and for how many days a request waits. Version 0 is the registered."""

    version: int
    approver_roles: frozenset[str]
    request_days: int


def policy_of(kind: ApprovalKind) -> Policy:
    """The rule in force: the approved one, else the registered one."""
    row = ApprovalPolicy.objects.filter(kind=kind.key, retired_at__isnull=True).first()
    if row is None:
        roles = frozenset(role.value for role in kind.approver_roles)
        return Policy(0, roles, kind.request_days)
    return Policy(row.version, frozenset(row.approver_roles), row.request_days)


@transaction.atomic
def request_approval(
    *,
    kind: str,
    subject: str,
    payload: Payload,
    reason: str,
    actor: User,
    at: dt.datetime,
) -> ApprovalRequest:
    """Ask for a second person. Nothing happens until one has decided.

    An older request about the same subject by the same author is withdrawn: the newer one is what
    they want now.

    Raises:
        ApprovalRefusedError: the person may not ask for it, there is nothing to change, or
            somebody else has asked already.
        SubjectGoneError: there is nothing to ask about.
    """
    spec = approval_kinds.get(kind)
    if not spec.may_request(actor, subject):
        raise ApprovalRefusedError("not_yours", "Your roles do not include asking for this.")
    spec.lock(subject)
    content = spec.describe(subject, payload)
    if dict(content.before) == dict(content.after):
        raise ApprovalRefusedError("no_change", "It is like this already; there is nothing to do.")
    _make_room(kind, subject, actor=actor, at=at)
    policy = policy_of(spec)
    request = ApprovalRequest.objects.create(
        kind=kind,
        subject=subject,
        title=content.title[:250],
        url=content.url,
        payload=dict(payload),
        content=content.shown(),
        content_hash=content_hash(kind=kind, subject=subject, payload=payload, content=content),
        target=content.target,
        reason=reason.strip(),
        author=actor,
        approver_roles=_bars(policy.approver_roles),
        policy_version=policy.version,
        requested_at=at,
        expires_at=at + dt.timedelta(days=policy.request_days),
    )
    _record_parties(request, content)
    log.info("approval_requested", request=request.pk, kind=kind, actor=actor.pk)
    return request


def _make_room(kind: str, subject: str, *, actor: User, at: dt.datetime) -> None:
    """There is one pending request about a subject."""
    pending = ApprovalRequest.objects.select_for_update().filter(
        kind=kind, subject=subject, status=ApprovalStatus.PENDING
    )
    for other in pending:
        if other.expires_at <= at:
            _close(other, ApprovalStatus.EXPIRED, why="Nobody decided in time.", at=at)
        elif other.author_id == actor.pk:
            _close(
                other,
                ApprovalStatus.WITHDRAWN,
                why="Replaced by a newer request.",
                by=actor,
                at=at,
            )
        else:
            raise ApprovalRefusedError(
                "already_asked",
                f"{other.author} has asked about this already. It must be decided or withdrawn "
                "first.",
            )


def _record_parties(request: ApprovalRequest, content: Content) -> None:
    parts = {(request.author_id, ApprovalPart.AUTHOR)}
    parts |= {(pk, ApprovalPart.EDITOR) for pk in content.editors}
    parts |= {(pk, ApprovalPart.BENEFICIARY) for pk in content.beneficiaries}
    people = User.objects.in_bulk({pk for pk, _ in parts})
    # All accounts of each person, as they are now: parting them later hides nothing.
    hands = {
        (account, part)
        for pk, part in parts
        for account in User.objects.filter(accounts_of(people[pk]))
    }
    ApprovalParty.objects.bulk_create(
        ApprovalParty(
            request=request,
            user=account,
            part=part,
            person_key=account.person_key,
            email=account.email.lower(),
        )
        for account, part in sorted(hands, key=lambda hand: (hand[0].pk, hand[1]))
    )


def decide(
    *,
    request_id: int,
    approver: User,
    outcome: ApprovalOutcome,
    seen_hash: str,
    reason: str,
    at: dt.datetime,
) -> ApprovalRequest:
    """Approve or reject; what is approved is carried out in the same transaction.

    Args:
        seen_hash: the content hash of the page that the approver looked at.

    Raises:
        NotPendingError: it is decided, withdrawn, void or expired.
        ChangedSinceError: it is not what was asked (it is void now), or not what was seen.
        SamePersonError: the approver has a hand in it.
        ApprovalRefusedError: the role is missing or too new, no reason is given for a rejection,
            a token or background work tries to decide, or the database refused.
    """
    _check_channel(approver)
    try:
        with transaction.atomic():
            request, void = _decide(request_id, approver, outcome, seen_hash, reason.strip(), at)
    except IntegrityError as error:
        # A guard in the database caught what the checks above did not: never an open door.
        log.exception("approval_refused_by_database", request=request_id, approver=approver.pk)
        raise ApprovalRefusedError(
            "refused_by_database", "The database refused this decision; nothing was changed."
        ) from error
    if void:
        raise ChangedSinceError("changed", void)
    log.info("approval_decided", request=request.pk, outcome=outcome.value, approver=approver.pk)
    return request


def _check_channel(approver: User) -> None:
    actor = current_actor()
    if actor.channel not in DECIDING_CHANNELS:
        raise ApprovalRefusedError(
            "not_a_person", "Approvals are decided by a person at a page, never by a token or task."
        )
    if actor.user_id is not None and actor.user_id != approver.pk:
        raise ApprovalRefusedError("not_you", "Nobody decides in the name of somebody else.")


def _decide(
    request_id: int,
    approver: User,
    outcome: ApprovalOutcome,
    seen_hash: str,
    reason: str,
    at: dt.datetime,
) -> tuple[ApprovalRequest, str]:
    """The decided request, or the void one with why it is void."""
    asked = ApprovalRequest.objects.only("kind", "subject").get(pk=request_id)
    spec = approval_kinds.get(asked.kind)
    spec.lock(asked.subject)
    request = ApprovalRequest.objects.select_for_update(of=("self",)).get(pk=request_id)
    _check_pending(request, at)
    content, problem = _what_changed(request, spec)
    if content is None:
        _close(request, ApprovalStatus.VOIDED, why=problem, at=at)
        return request, problem
    _check_seen(request, seen_hash)
    glass = _check_approver(request, content, approver, outcome, at)
    if outcome == ApprovalOutcome.REJECT and not reason:
        raise ApprovalRefusedError("no_reason", "Say why, so that it can be done better.")
    ApprovalDecision.objects.create(
        request=request,
        approver=approver,
        outcome=outcome,
        content_hash=seen_hash,
        reason=reason,
        decided_at=at,
        channel=current_actor().channel,
        break_glass=glass,
    )
    approved = outcome == ApprovalOutcome.APPROVE
    status = ApprovalStatus.APPROVED if approved else ApprovalStatus.REJECTED
    _close(request, status, why=reason, by=approver, at=at)
    if approved:
        with acting(reason=f"approval {request.pk}"):
            spec.apply(request, approver, at)
    return request, ""


def _check_seen(request: ApprovalRequest, seen_hash: str) -> None:
    if seen_hash != request.content_hash:
        raise ChangedSinceError(
            "not_what_you_saw", "This is not what you were shown. Look at it again, then decide."
        )


def _check_pending(request: ApprovalRequest, at: dt.datetime) -> None:
    if request.status != ApprovalStatus.PENDING:
        raise NotPendingError(
            "not_pending",
            f"This request is no longer open: {request.get_status_display().lower()}.",
        )
    if request.expires_at <= at:
        raise NotPendingError(
            "expired", "This request has expired. It must be asked for again, as things are now."
        )


def _what_changed(request: ApprovalRequest, spec: ApprovalKind) -> tuple[Content | None, str]:
    """What it shows now, or why it no longer stands. The caller has locked the subject."""
    policy = policy_of(spec)
    if (policy.version, _bars(policy.approver_roles)) != (
        request.policy_version,
        request.approver_roles,
    ):
        return None, "The rules for approving this have changed since it was asked."
    try:
        content = spec.describe(request.subject, request.payload)
    except SubjectGoneError as error:
        return None, str(error)
    now = content_hash(
        kind=request.kind, subject=request.subject, payload=request.payload, content=content
    )
    if (now, content.target) != (request.content_hash, request.target):
        return None, "What this is about has been changed since it was asked for. Ask again."
    return content, ""


def _bars(roles: Iterable[str]) -> str:
    """Roles as a request keeps them: between bars, so that a `LIKE` finds a whole word."""
    return "|" + "".join(f"{role}|" for role in sorted(roles))


def _check_approver(
    request: ApprovalRequest,
    content: Content,
    approver: User,
    outcome: ApprovalOutcome,
    at: dt.datetime,
) -> BreakGlass | None:
    """The break-glass that is needed to let this person decide; None when it takes none."""
    try:
        check_second_person(request, approver, at, content=content, locking=True)
    except ApprovalRefusedError:
        glass = open_glass_of(approver, at) if outcome == ApprovalOutcome.APPROVE else None
        if glass is None:
            raise
        log.critical("decided_under_break_glass", request=request.pk, approver=approver.pk)
        return glass
    return None


@transaction.atomic
def withdraw(*, request_id: int, actor: User, reason: str, at: dt.datetime) -> ApprovalRequest:
    """Take one's own request back.

    Raises:
        NotPendingError: it is no longer open.
        ApprovalRefusedError: somebody else asked for it.
    """
    request = ApprovalRequest.objects.select_for_update(of=("self",)).get(pk=request_id)
    if request.author_id != actor.pk:
        raise ApprovalRefusedError("not_yours", "Only the person who asked can withdraw it.")
    if request.status != ApprovalStatus.PENDING:
        _check_pending(request, at)
    _close(request, ApprovalStatus.WITHDRAWN, why=reason.strip(), by=actor, at=at)
    return request


@transaction.atomic
def recheck(*, kind: str, subject: str, at: dt.datetime) -> None:
    """Void the pending request about `subject` when it no longer shows what is there.

    Services call this after an edit, in its transaction: the author learns it at once, and the
    decision would find it in any case.
    """
    spec = approval_kinds.get(kind)
    spec.lock(subject)
    pending = ApprovalRequest.objects.select_for_update().filter(
        kind=kind, subject=subject, status=ApprovalStatus.PENDING
    )
    for request in pending:
        _, problem = _what_changed(request, spec)
        if problem:
            _close(request, ApprovalStatus.VOIDED, why=problem, at=at)


@transaction.atomic
def void_all_of(*, kind: str, why: str, at: dt.datetime) -> None:
    """Void every pending request of a kind, after decisions on them that are under way.

    The rules by which they were asked for hold no more.
    """
    pending = ApprovalRequest.objects.select_for_update().filter(
        kind=kind, status=ApprovalStatus.PENDING
    )
    for request in pending.order_by("pk"):
        _close(request, ApprovalStatus.VOIDED, why=why, at=at)


@transaction.atomic
def expire_due(*, at: dt.datetime) -> int:
    """Close what nobody decided in time; returns how many."""
    due = ApprovalRequest.objects.select_for_update().filter(
        status=ApprovalStatus.PENDING, expires_at__lte=at
    )
    return _close_all(due, at)


def _close_all(requests: Iterable[ApprovalRequest], at: dt.datetime) -> int:
    count = 0
    for request in requests:
        _close(request, ApprovalStatus.EXPIRED, why="Nobody decided in time.", at=at)
        count += 1
    return count


def _close(
    request: ApprovalRequest,
    status: ApprovalStatus,
    *,
    why: str,
    at: dt.datetime,
    by: User | None = None,
) -> None:
    request.status = status
    request.closed_at = at
    request.closed_by = by
    request.closed_why = why
    request.save(update_fields=["status", "closed_at", "closed_by", "closed_why"])
