"""A second person for tests: approves what a test has asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.utils import timezone

from portal.approvals import triggers
from portal.approvals.triggers import guards
from portal.choices import ApprovalOutcome, ApprovalStatus, Role
from portal.models import ApprovalRequest, RoleGrant, User
from portal.services.approvals import decide


def second_person() -> User:
    """Somebody who may approve and has a hand in nothing else of the test."""
    person, is_new = User.objects.get_or_create(
        username="second-person", defaults={"full_name": "Second Person"}
    )
    if is_new:
        moment = timezone.now() - dt.timedelta(days=365)
        RoleGrant.objects.create(user=person, role=Role.APPROVER, granted_at=moment)
    return person


def approve(
    request: ApprovalRequest, *, at: dt.datetime | None = None, by: User | None = None
) -> ApprovalRequest:
    """Have it approved, at the moment it was asked for unless told otherwise."""
    return decide(
        request_id=request.pk,
        approver=by or second_person(),
        outcome=ApprovalOutcome.APPROVE,
        seen_hash=request.content_hash,
        reason="",
        at=at or request.requested_at,
    )


def approve_all() -> None:
    """Have everything approved that waits."""
    for request in ApprovalRequest.objects.filter(status=ApprovalStatus.PENDING).order_by("pk"):
        approve(request)


@contextmanager
def unguarded(model: str) -> Iterator[None]:
    """Within the block the database refuses nothing about one table, such as `adoption.Delivery`.

    For tests that are about what stands in it, not about how it got there. PostgreSQL cannot alter
    a table in the midst of a transaction that wrote to it; there all triggers sleep meanwhile.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
            yield
            cursor.execute("SET session_replication_role = origin")
            return
        names = [guard for guard in guards if guard.model == model]
        for guard in names:
            cursor.execute(f"DROP TRIGGER {guard.name}")
        yield
        triggers.install(connection)
