"""Tokens by which programs call the API as their owner. The secret itself is stored nowhere."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class ApiToken(models.Model):
    """A token: whose it is, what it may do, from where and until when.

    `prefix` names it in logs and on pages; `secret_hash` is a hash of the whole token, keyed with
    the pepper of that number. `replaced_by` is the token that rotation put in its place; both are
    valid until this one expires.
    """

    prefix = models.CharField(max_length=16, unique=True)
    secret_hash = models.CharField(max_length=64)
    pepper = models.PositiveIntegerField()
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_tokens"
    )
    name = models.CharField(max_length=80)
    scopes = models.JSONField()
    networks = models.JSONField(default=list, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    replaced_by = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="replaces"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    revoked_reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="portal_apitoken_lives"
            ),
            models.CheckConstraint(
                condition=(Q(revoked_at__isnull=True) & Q(revoked_reason=""))
                | (Q(revoked_at__isnull=False) & ~Q(revoked_reason="")),
                name="portal_apitoken_revoked_with_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    def state_at(self, at: dt.datetime) -> str:
        """`revoked`, `expired`, `replaced` (valid until it expires) or `active` at this moment."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at <= at:
            return "expired"
        return "active" if self.replaced_by_id is None else "replaced"


class ApiTokenUse(models.Model):
    """When and from where a token was last used: apart, so that it fills no audit."""

    token = models.OneToOneField(ApiToken, on_delete=models.CASCADE, related_name="use")
    last_used_at = models.DateTimeField()
    last_network = models.CharField(max_length=49, blank=True)

    def __str__(self) -> str:
        return f"Use of {self.token_id}"
