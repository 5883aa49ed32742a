"""Whether somebody may be the second person: the reading side of four eyes.

Used by the service that decides, and by pages that say beforehand why somebody may not.
"""

from __future__ import annotations

import datetime as dt

from django.db.models import Q

from portal.approvals.errors import ApprovalRefusedError, SamePersonError
from portal.approvals.registry import Content
from portal.choices import ApprovalPart, Role
from portal.models import ApprovalParty, ApprovalRequest, BreakGlass, RoleGrant, User


def same_person(approver: User) -> Q:
    """Parties that are this human being, by whichever account."""
    same = Q(user_id=approver.pk) | Q(person_key=approver.person_key)
    same |= Q(user__person_key=approver.person_key)
    if approver.email:
        same |= Q(email=approver.email.lower()) | Q(user__email__iexact=approver.email)
    return same


def accounts_of(approver: User) -> Q:
    """Accounts that are this human being."""
    same = Q(pk=approver.pk) | Q(person_key=approver.person_key)
    return same | Q(email__iexact=approver.email) if approver.email else same


def approver_roles_of(request: ApprovalRequest) -> list[str]:
    """Keys of the roles that approve it, as the rules said when it was asked."""
    return [role for role in request.approver_roles.split("|") if role]


def check_second_person(
    request: ApprovalRequest,
    approver: User,
    at: dt.datetime,
    *,
    content: Content | None = None,
    locking: bool = False,
) -> None:
    """Refuse whoever has a hand in it, or no role that counts.

    Args:
        content: what it would show now: hands may have been in it since it was asked for, even
            where the text is what it was again.
        locking: within a transaction: the role cannot be taken away before it ends.

    Raises:
        SamePersonError: the approver has a hand in it.
        ApprovalRefusedError: inactive, no role, or one that is too new.
    """
    if not User.objects.filter(pk=approver.pk, is_active=True).exists():
        raise ApprovalRefusedError("inactive", "This account is not active.")
    if part := _part_of(request, approver, content):
        raise SamePersonError(
            "same_person",
            f"A second person decides, and you have a hand in this: {part.lower()}.",
        )
    held = RoleGrant.objects.filter(user=approver, role__in=approver_roles_of(request))
    counts = [grant.counts_from for grant in (held.select_for_update() if locking else held)]
    if not counts:
        raise ApprovalRefusedError("no_role", "Your roles do not include approving this.")
    if all(moment is not None and moment > at for moment in counts):
        raise ApprovalRefusedError(
            "too_new", "Your role is too new to decide with; it counts a day after it was given."
        )


def _part_of(request: ApprovalRequest, approver: User, content: Content | None) -> str:
    """In which way this human being has a hand in it; empty for none."""
    party: ApprovalParty | None = request.parties.filter(same_person(approver)).first()
    if party is not None:
        return party.get_part_display()
    if content is None:
        return ""
    for people, part in (
        (content.editors, ApprovalPart.EDITOR),
        (content.beneficiaries, ApprovalPart.BENEFICIARY),
    ):
        if User.objects.filter(accounts_of(approver), pk__in=people).exists():
            return str(part.label)
    return ""


def open_glass_of(user: User, at: dt.datetime) -> BreakGlass | None:
    """The break-glass that this person has open, while they are an administrator."""
    administers = RoleGrant.objects.filter(user=user, role=Role.ADMINISTRATOR)
    if not administers.exists():
        return None
    return (
        BreakGlass.objects.filter(
            opened_by=user, closed_at__isnull=True, opened_at__lte=at, expires_at__gt=at
        )
        .order_by("pk")
        .first()
    )
