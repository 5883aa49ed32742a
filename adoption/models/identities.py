"""A person's names elsewhere, and who said which name is whose."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class Identity(models.Model):
    """A name and address as a source has it. `user` is empty until somebody says who it is.

    `is_nobody`: somebody said that it belongs to no person (a robot, a shared address).
    """

    kind = models.CharField(max_length=32)  # for example git_email
    value = models.CharField(max_length=254)
    display_name = models.CharField(max_length=200, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="identities",
    )
    is_nobody = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(fields=["kind", "value"], name="adoption_identity_once"),
            models.CheckConstraint(
                condition=Q(is_nobody=False) | Q(user__isnull=True),
                name="adoption_identity_somebody_or_nobody",
            ),
        ]

    def __str__(self) -> str:
        return self.display_name or self.value


class IdentityLink(models.Model):
    """Somebody said whose an identity is, or took that back. Never changed afterwards.

    Lines of one `act` were said together and are undone together. `before_…` is what stood there,
    so that undoing restores exactly that.
    """

    act = models.UUIDField()
    identity = models.ForeignKey(Identity, on_delete=models.PROTECT, related_name="links")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    is_nobody = models.BooleanField(default=False)
    before_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    before_is_nobody = models.BooleanField(default=False)
    reason = models.CharField(max_length=200, blank=True)
    said_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    said_at = models.DateTimeField()
    undoes = models.UUIDField(null=True, blank=True)  # the act that it takes back

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["act", "identity"], name="adoption_identitylink_once_an_act"
            ),
            models.UniqueConstraint(
                fields=["undoes", "identity"],
                name="adoption_identitylink_undone_once",
                condition=Q(undoes__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["identity", "-id"], name="adoption_identitylink_last")]

    def __str__(self) -> str:
        return f"{self.identity_id} is {self.user_id or 'nobody known'}"
