"""A person's names elsewhere."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Identity(models.Model):
    """A name and address as a source has it. `user` is empty until somebody says who it is."""

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

    class Meta:
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(fields=["kind", "value"], name="adoption_identity_once"),
        ]

    def __str__(self) -> str:
        return self.display_name or self.value
