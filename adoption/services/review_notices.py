"""Telling people about work that waits for a review: asked once, reminded once, then left alone.

No text names the person who logged it: whoever reviews judges the work.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from adoption.choices import DeliveryState
from adoption.models import Delivery
from portal.choices import Role
from portal.models import User
from portal.services.notices import notify

# The list: what somebody has decided meanwhile is not there any more.
REVIEWS = "/deliveries/review/"

REMINDED_AFTER = timedelta(days=7)
_REMINDED_UNTIL = timedelta(days=60)  # what waited longer is not brought up again


def reviewers_of(delivery: Delivery) -> list[User]:
    """The use case's owner; programme leads where that is the person who logged it."""
    owner = delivery.use_case.owner
    if owner.pk != delivery.claimed_by_id and owner.is_active:
        return [owner]
    leads = User.objects.filter(role_grants__role=Role.PROGRAMME_LEAD, is_active=True)
    return list(leads.exclude(pk=delivery.claimed_by_id).distinct().order_by("pk"))


def ask_for_review(delivery: Delivery, *, at: datetime) -> None:
    """Tell who may decide that something waits. Once a delivery."""
    notify(
        users=reviewers_of(delivery),
        key=f"adoption.review:{delivery.pk}",
        title=f"To review: {delivery.title}"[:200],
        text=f"Work that is not code was logged for “{delivery.use_case}” and waits for you.",
        link=REVIEWS,
        at=at,
    )


def tell_of_rejection(delivery: Delivery, *, at: datetime) -> None:
    """Tell the person who logged it that it was rejected, and why."""
    notify(
        users=[delivery.claimed_by],
        key=f"adoption.rejected:{delivery.pk}",
        title=f"Not confirmed: {delivery.title}"[:200],
        text=delivery.state_reason,
        link=f"/deliveries/{delivery.pk}/",
        at=at,
    )


@transaction.atomic
def remind_of_reviews(*, at: datetime) -> int:
    """Remind, once, of what has waited for a week; how many people were told of something."""
    waiting = Delivery.objects.filter(
        state=DeliveryState.CLAIMED,
        change__isnull=True,
        claimed_at__lte=at - REMINDED_AFTER,
        claimed_at__gt=at - _REMINDED_UNTIL,
    ).select_related("use_case__owner")
    told = 0
    for delivery in waiting.order_by("pk"):
        told += len(
            notify(
                users=reviewers_of(delivery),
                key=f"adoption.review-reminder:{delivery.pk}",
                title=f"Still to review: {delivery.title}"[:200],
                text=f"It has waited for a week, for “{delivery.use_case}”. You are not reminded "
                "again.",
                link=REVIEWS,
                at=at,
            )
        )
    return told
