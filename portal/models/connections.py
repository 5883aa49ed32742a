"""One configured source."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from portal.choices import ImportKind, RejectionPolicy


class Connection(models.Model):
    """A source with its account, configuration and policy; the scope that imports lock and replace.

    `config` is checked against the source's own schema before it is saved. Credentials are never
    here: `credentials_ref` names an environment variable or a mounted secret.
    """

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    source = models.CharField(max_length=32)
    kind = models.CharField(max_length=16, choices=ImportKind)
    config = models.JSONField(default=dict, blank=True)
    credentials_ref = models.CharField(max_length=120, blank=True)
    rejection_policy = models.CharField(
        max_length=16, choices=RejectionPolicy, default=RejectionPolicy.QUARANTINE
    )
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=ImportKind.values), name="portal_connection_known_kind"
            ),
        ]

    def __str__(self) -> str:
        return self.name
