"""By which way somebody tries to decide."""

from __future__ import annotations

import contextlib

from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from portal.audit.context import Channel, acting
from portal.choices import ApprovalOutcome
from portal.models import (
    ApprovalDecision,
    ApprovalRequest,
)
from portal.services.approvals import decide
from tests.portal.approvals.ground import Attempt, Ground, way


@way
def by_page(ground: Ground, attempt: Attempt) -> None:
    ground.clients[attempt.by.pk].post(
        f"/approvals/{attempt.asked.pk}/decide/",
        {"outcome": attempt.outcome, "seen": attempt.hash, "reason": "Why not."},
    )


def _post(client: Client, attempt: Attempt, **headers: str) -> None:
    client.post(
        f"/api/v1/approvals/{attempt.asked.pk}/{attempt.outcome}/",
        {"reason": "Why not."},
        content_type="application/json",
        headers={"If-Match": f'"{attempt.hash}-0"', **headers},
    )


@way
def by_api(ground: Ground, attempt: Attempt) -> None:
    _post(ground.clients[attempt.by.pk], attempt)


@way
def by_token(ground: Ground, attempt: Attempt) -> None:
    client = Client(raise_request_exception=False)
    _post(client, attempt, Authorization=f"Bearer {ground.tokens[attempt.by.pk]}")


@way
def by_service(ground: Ground, attempt: Attempt) -> None:
    with acting(channel=Channel.PAGE, user_id=attempt.by.pk):
        decide(
            request_id=attempt.asked.pk,
            approver=attempt.in_name_of or attempt.by,
            outcome=ApprovalOutcome(attempt.outcome),
            seen_hash=attempt.hash,
            reason="Why not.",
            at=attempt.at or timezone.now(),
        )


@way
def by_orm(ground: Ground, attempt: Attempt) -> None:
    with acting(channel=Channel.PAGE, user_id=attempt.by.pk):
        with contextlib.suppress(DatabaseError), transaction.atomic():
            ApprovalDecision.objects.bulk_create([row_of(attempt)])
        with contextlib.suppress(DatabaseError), transaction.atomic():
            ApprovalRequest.objects.filter(pk=attempt.asked.pk).update(status=_status(attempt))


@way
def by_sql(ground: Ground, attempt: Attempt) -> None:
    row = row_of(attempt)
    fields = [field for field in row._meta.concrete_fields if not field.primary_key]
    columns = ", ".join(str(field.column) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    with acting(channel=Channel.PAGE, user_id=attempt.by.pk), connection.cursor() as cursor:
        with contextlib.suppress(DatabaseError), transaction.atomic():
            cursor.execute(
                f"INSERT INTO portal_approvaldecision ({columns}) VALUES ({places})",  # noqa: S608  (names of our own)
                values,
            )
        with contextlib.suppress(DatabaseError), transaction.atomic():
            cursor.execute(
                "UPDATE portal_approvalrequest SET status = %s WHERE id = %s",
                [_status(attempt), attempt.asked.pk],
            )


def row_of(attempt: Attempt) -> ApprovalDecision:
    return ApprovalDecision(
        request=attempt.asked,
        approver=attempt.in_name_of or attempt.by,
        outcome=attempt.outcome,
        content_hash=attempt.hash,
        reason="Why not.",
        decided_at=attempt.at or timezone.now(),
        channel="page",
        break_glass=attempt.glass,
    )


def _status(attempt: Attempt) -> str:
    return "approved" if attempt.outcome == "approve" else "rejected"
