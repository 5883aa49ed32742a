"""What happened at the door: sign-ins, refusals, lockouts, and what administrators did."""

from __future__ import annotations

from django.db import models

from portal.choices import SignInEventKind
from portal.models.users import User


class SignInEvent(models.Model):
    """One event about an account. Never changed; purged after the retention period.

    What somebody typed who has no account is not kept: people type passwords into that field.
    """

    at = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=24, choices=SignInEventKind)
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    username = models.CharField(max_length=150, blank=True)  # stays when the account is erased
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    actor_name = models.CharField(max_length=150, blank=True)
    address = models.GenericIPAddressField(null=True)
    detail = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=SignInEventKind.values),
                name="portal_signinevent_known_kind",
            ),
        ]
        indexes = [models.Index(fields=["user", "-at"], name="portal_signinevent_by_user")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.username}: {self.get_kind_display()}"
