"""What waits for a second person, for the pages of whatever it is about."""

from __future__ import annotations

from portal.choices import ApprovalStatus
from portal.models import ApprovalRequest


def pending_request(kind: str, subject: str) -> ApprovalRequest | None:
    """The open request about `subject`, if there is one; there is never more than one."""
    return (
        ApprovalRequest.objects.filter(kind=kind, subject=subject, status=ApprovalStatus.PENDING)
        .select_related("author")
        .first()
    )


def pending_requests(kind: str) -> list[ApprovalRequest]:
    """The open requests of a kind, oldest first."""
    waiting = ApprovalRequest.objects.filter(kind=kind, status=ApprovalStatus.PENDING)
    return list(waiting.select_related("author").order_by("requested_at", "pk"))
