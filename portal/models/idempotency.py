"""Answers kept for a repeated request, so that a retry does not do the work twice."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class IdempotencyKey(models.Model):
    """One `Idempotency-Key` of a person, or of one of their tokens: what was asked and answered.

    The row is committed before the work starts, so that a twin sees it; the answer is written in
    the transaction of the work itself, so that both happen or neither. `token` names the request
    that may do the work now.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    api_token = models.ForeignKey(
        "portal.ApiToken", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    token = models.UUIDField()
    claimed_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    headers = models.JSONField(default=dict, blank=True)
    body = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "key"],
                condition=Q(api_token__isnull=True),
                name="portal_idempotencykey_once",
            ),
            models.UniqueConstraint(
                fields=["api_token", "key"],
                condition=Q(api_token__isnull=False),
                name="portal_idempotencykey_once_token",
            ),
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, status__isnull=True)
                | Q(answered_at__isnull=False, status__isnull=False),
                name="portal_idempotencykey_answered_whole",
            ),
        ]
        indexes = [models.Index(fields=["user", "claimed_at"], name="portal_idempotencykey_by_age")]

    def __str__(self) -> str:
        return f"Key {self.pk}"
