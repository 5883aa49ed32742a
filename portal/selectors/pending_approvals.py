"""What waits for a second person, for the pages of whatever it is about."""

from __future__ import annotations

import datetime as dt

from django.db.models import Q, QuerySet

from portal.choices import ApprovalStatus
from portal.models import ApprovalRequest


def requests_waiting(at: dt.datetime | None = None) -> QuerySet[ApprovalRequest]:
    """The open requests; at a moment, those that had been made and not closed by then."""
    if at is None:
        return ApprovalRequest.objects.filter(status=ApprovalStatus.PENDING)
    return ApprovalRequest.objects.filter(
        Q(closed_at__isnull=True) | Q(closed_at__gt=at), requested_at__lte=at
    )


def pending_request(
    kind: str, subject: str, *, at: dt.datetime | None = None
) -> ApprovalRequest | None:
    """The open request about `subject`, if there is (at a moment: was) one; there is never more
    than one."""
    rows = requests_waiting(at).filter(kind=kind, subject=subject)
    return rows.select_related("author").first()


def pending_requests(kind: str) -> list[ApprovalRequest]:
    """The open requests of a kind, oldest first."""
    waiting = ApprovalRequest.objects.filter(kind=kind, status=ApprovalStatus.PENDING)
    return list(waiting.select_related("author").order_by("requested_at", "pk"))
