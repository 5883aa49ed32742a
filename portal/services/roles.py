"""Giving roles by approval and taking them away at once."""

from __future__ import annotations

import datetime as dt

import structlog
from django.db import transaction

from portal.approvals.errors import ApprovalRefusedError
from portal.approvals.guards import ROLE_KIND
from portal.approvals.registry import COOLING, Content, Payload, SubjectGoneError
from portal.audit.context import acting
from portal.choices import GrantSource, Role
from portal.models import ApprovalRequest, RoleGrant, User
from portal.policies import AnyUser, may_request_roles, may_revoke_roles
from portal.services.approvals import request_approval

log = structlog.get_logger(__name__)
GRANTED = "granted"


def role_subject(user: User, role: Role) -> str:
    """How a request names who is to hold what."""
    return f"{user.pk}:{role.value}"


def request_role(
    *, user: User, role: Role, reason: str, actor: User, at: dt.datetime
) -> ApprovalRequest:
    """Ask that a person gets a role. Somebody else, who gains nothing by it, approves.

    Raises:
        ApprovalRefusedError: held already, asked for already, no reason, or not theirs to ask.
    """
    if not reason.strip():
        raise ApprovalRefusedError("no_reason", "Say why this person needs the role.")
    return request_approval(
        kind=ROLE_KIND,
        subject=role_subject(user, role),
        payload={"user": user.pk, "role": role.value},
        reason=reason,
        actor=actor,
        at=at,
    )


def describe_role(subject: str, payload: Payload) -> Content:
    """What the approver sees: the person, the role, and what they hold now."""
    user, role = _parts(subject)
    held = sorted(user.role_grants.values_list("role", flat=True))
    if not user.is_active:
        raise SubjectGoneError(f"The account of {user} is not active.")
    return Content(
        title=f"{role.label} for {user}",
        before={role.label: "held" if role.value in held else None},
        after={role.label: "held"},
        facts=(
            ("Person", user.get_full_name()),
            ("Account", user.username),
            ("E-mail", user.email or "none"),
            ("Roles now", ", ".join(Role(each).label for each in held) or "none"),
            ("Counts for approving", f"{COOLING.total_seconds() / 3600:g} hours after it is given"),
        ),
        target=GRANTED,
        beneficiaries=frozenset({user.pk}),
    )


def lock_role(subject: str) -> None:
    """Roles of a person are changed under the lock of the account."""
    # Not the key: a decision by this person points at the row, and must not wait in a circle.
    list(User.objects.select_for_update(no_key=True).filter(pk=_user_id(subject)))


def apply_role(request: ApprovalRequest, approver: User, at: dt.datetime) -> None:
    """Give what was approved."""
    user, role = _parts(request.subject)
    RoleGrant.objects.create(
        user=user,
        role=role,
        granted_by=approver,
        granted_at=at,
        counts_from=at + COOLING,
        source=GrantSource.APPROVAL,
    )


def may_ask_for_role(user: AnyUser, subject: str) -> bool:
    return may_request_roles(user)


def _user_id(subject: str) -> int:
    number, _, _ = subject.partition(":")
    return int(number) if number.isdecimal() else 0


def _parts(subject: str) -> tuple[User, Role]:
    user = User.objects.filter(pk=_user_id(subject)).first()
    role = subject.partition(":")[2]
    if user is None or role not in Role.values:
        raise SubjectGoneError("There is no such person or role.")
    return user, Role(role)


@transaction.atomic
def revoke_role(*, user: User, role: Role, reason: str, actor: User, at: dt.datetime) -> bool:
    """Take a role away at once; taking away needs no second person. Returns whether it was held.

    Raises:
        ApprovalRefusedError: no reason is given, or not theirs to do.
    """
    if not may_revoke_roles(actor):
        raise ApprovalRefusedError("not_yours", "Your roles do not include this.")
    if not reason.strip():
        raise ApprovalRefusedError("no_reason", "Say why; it stays in the audit.")
    lock_role(role_subject(user, role))
    with acting(reason=reason.strip()):
        count, _ = RoleGrant.objects.filter(user=user, role=role).delete()
    if count:
        log.warning("role_revoked", user=user.pk, role=role.value, actor=actor.pk, at=at)
    return bool(count)
