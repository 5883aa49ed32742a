"""Break-glass: when nobody else is there and it cannot wait. Short, loud, reviewed by another."""

from __future__ import annotations

import datetime as dt

import structlog
from django.db import transaction

from portal.approvals.errors import ApprovalRefusedError, SamePersonError
from portal.approvals.second_person import accounts_of
from portal.audit.context import Channel, acting, current_actor
from portal.models import BreakGlass, User
from portal.policies import may_open_break_glass, may_review_break_glass

log = structlog.get_logger(__name__)
LONGEST = dt.timedelta(hours=4)  # also held by the database
SHORTEST_REASON = 20  # characters; "urgent" explains nothing to a reviewer


@transaction.atomic
def open_break_glass(
    *, actor: User, reason: str, lasting: dt.timedelta, at: dt.datetime
) -> BreakGlass:
    """Let this person approve alone until it is closed or expires.

    Raises:
        ApprovalRefusedError: not this person's to open, open already, too long, or no real reason.
    """
    reason = reason.strip()
    if not may_open_break_glass(actor):
        raise ApprovalRefusedError("not_yours", "Your roles do not include break-glass.")
    if current_actor().channel in (Channel.TOKEN, Channel.TASK):
        raise ApprovalRefusedError("not_a_person", "A person opens break-glass, at a page.")
    if len(reason) < SHORTEST_REASON:
        raise ApprovalRefusedError(
            "no_reason",
            f"Say in at least {SHORTEST_REASON} characters what happened and why it cannot wait.",
        )
    if not dt.timedelta(0) < lasting <= LONGEST:
        raise ApprovalRefusedError("too_long", "It lasts four hours at most.")
    if _open(actor, at) is not None:
        raise ApprovalRefusedError("open_already", "You have it open already.")
    with acting(reason=reason):
        glass = BreakGlass.objects.create(
            opened_by=actor, opened_at=at, expires_at=at + lasting, reason=reason
        )
    log.critical("break_glass_opened", break_glass=glass.pk, actor=actor.pk, reason=reason)
    return glass


def _open(actor: User, at: dt.datetime) -> BreakGlass | None:
    return (
        BreakGlass.objects.select_for_update()
        .filter(opened_by=actor, closed_at__isnull=True, expires_at__gt=at)
        .first()
    )


@transaction.atomic
def close_break_glass(*, glass_id: int, actor: User, at: dt.datetime) -> BreakGlass:
    """End it early: whoever opened it, or anybody who may review it.

    Raises:
        ApprovalRefusedError: it is closed, or not this person's to close.
    """
    glass = BreakGlass.objects.select_for_update(of=("self",)).get(pk=glass_id)
    if glass.opened_by_id != actor.pk and not may_review_break_glass(actor):
        raise ApprovalRefusedError("not_yours", "Your roles do not include closing this.")
    if glass.closed_at is not None or glass.expires_at <= at:
        raise ApprovalRefusedError("not_open", "It is closed already.")
    glass.closed_at = at
    glass.save(update_fields=["closed_at"])
    log.critical("break_glass_closed", break_glass=glass.pk, actor=actor.pk)
    return glass


@transaction.atomic
def close_expired(*, at: dt.datetime) -> int:
    """Close what is over, so that nobody can decide under it whatever moment they claim.

    Returns:
        how many were closed.
    """
    over = BreakGlass.objects.select_for_update().filter(closed_at__isnull=True, expires_at__lte=at)
    count = 0
    for glass in over.order_by("pk"):
        glass.closed_at = glass.expires_at
        glass.save(update_fields=["closed_at"])
        count += 1
    return count


@transaction.atomic
def review_break_glass(*, glass_id: int, actor: User, review: str, at: dt.datetime) -> BreakGlass:
    """Another person writes down what was done under it, and whether that was right.

    Raises:
        SamePersonError: the reviewer opened it.
        ApprovalRefusedError: it is still open, reviewed already, or nothing is written.
    """
    glass = (
        BreakGlass.objects.select_for_update(of=("self",))
        .select_related("opened_by")
        .get(pk=glass_id)
    )
    if not may_review_break_glass(actor):
        raise ApprovalRefusedError("not_yours", "Your roles do not include reviewing this.")
    opener = glass.opened_by
    if User.objects.filter(accounts_of(actor), pk=opener.pk).exists():
        raise SamePersonError("same_person", "Another person reviews it: you opened it.")
    if glass.closed_at is None and glass.expires_at > at:
        raise ApprovalRefusedError("still_open", "It is still open; it is reviewed afterwards.")
    if glass.reviewed_by_id is not None:
        raise ApprovalRefusedError("reviewed", "It has been reviewed already.")
    if not review.strip():
        raise ApprovalRefusedError("no_review", "Write down what you found.")
    glass.reviewed_by, glass.reviewed_at, glass.review = actor, at, review.strip()
    glass.save(update_fields=["reviewed_by", "reviewed_at", "review"])
    log.warning("break_glass_reviewed", break_glass=glass.pk, actor=actor.pk)
    return glass
