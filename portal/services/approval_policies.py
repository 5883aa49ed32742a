"""The rules of approval, which change by approval only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from portal.approvals.errors import ApprovalRefusedError
from portal.approvals.guards import POLICY_KIND
from portal.approvals.registry import Content, Payload, SubjectGoneError, approval_kinds
from portal.choices import Role
from portal.models import ApprovalPolicy, ApprovalRequest, User
from portal.policies import AnyUser, may_request_approval_policies
from portal.registry import NotRegisteredError
from portal.services.approvals import Policy, policy_of, request_approval, void_all_of

DAYS = range(1, 91)


def request_policy(
    *,
    kind: str,
    approver_roles: Sequence[Role],
    request_days: int,
    reason: str,
    actor: User,
    at: dt.datetime,
) -> ApprovalRequest:
    """Ask that other roles approve a kind, or that its requests wait for another time.

    Raises:
        ApprovalRefusedError: nobody would approve, administrators would, or the days are out of
            bounds.
    """
    if not approver_roles:
        raise ApprovalRefusedError("no_approver", "Name at least one role that approves.")
    if Role.ADMINISTRATOR in approver_roles or Role.AUDITOR in approver_roles:
        raise ApprovalRefusedError(
            "wrong_role",
            "Administrators configure and auditors read; neither approves anything by that role.",
        )
    if request_days not in DAYS:
        raise ApprovalRefusedError("wrong_days", "A request waits for 1 to 90 days.")
    roles = sorted(role.value for role in set(approver_roles))
    return request_approval(
        kind=POLICY_KIND,
        subject=kind,
        payload={"approver_roles": roles, "request_days": request_days},
        reason=reason,
        actor=actor,
        at=at,
    )


def _fields(roles: Sequence[str], days: int) -> dict[str, str | None]:
    return {
        "Approved by": ", ".join(sorted(Role(role).label for role in roles)),
        "A request waits": f"{days} days",
    }


def describe_policy(subject: str, payload: Payload) -> Content:
    """What the approver sees: the rule in force and the one asked for."""
    now, _ = _now(subject)
    label = approval_kinds.get(subject).label
    return Content(
        title=f"Rules of approval for “{label}”",
        before=_fields(sorted(now.approver_roles), now.request_days),
        after=_fields(payload["approver_roles"], payload["request_days"]),
        facts=(("Kind", label), ("Version now", str(now.version))),
        target=str(now.version + 1),
    )


def _now(subject: str) -> tuple[Policy, str]:
    try:
        spec = approval_kinds.get(subject)
    except NotRegisteredError as error:
        raise SubjectGoneError(str(error)) from error
    return policy_of(spec), spec.key


def lock_policy(subject: str) -> None:
    """Two at once: the second finds the version taken, by a unique constraint."""
    list(ApprovalPolicy.objects.select_for_update().filter(kind=subject, retired_at__isnull=True))


def apply_policy(request: ApprovalRequest, approver: User, at: dt.datetime) -> None:
    """Put the approved rules in force. Pending requests of the kind are void by that."""
    void_all_of(kind=request.subject, why="The rules for approving this have changed.", at=at)
    ApprovalPolicy.objects.filter(kind=request.subject, retired_at__isnull=True).update(
        retired_at=at
    )
    ApprovalPolicy.objects.create(
        kind=request.subject,
        version=int(request.target),
        approver_roles=request.payload["approver_roles"],
        request_days=request.payload["request_days"],
        effective_at=at,
        request=request,
    )


def may_ask_for_policy(user: AnyUser, subject: str) -> bool:
    return may_request_approval_policies(user)
