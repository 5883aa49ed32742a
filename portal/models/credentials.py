"""Credentials that are kept here, encrypted."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from portal.models.connections import Connection


class StoredCredential(models.Model):
    """The credential of one connection, encrypted with the key of that number.

    Written and used, never shown: people see the last four characters and a fingerprint.
    """

    connection = models.OneToOneField(
        Connection, on_delete=models.CASCADE, related_name="stored_credential"
    )
    key_number = models.PositiveIntegerField()
    ciphertext = models.TextField()
    last_four = models.CharField(max_length=4, blank=True)
    fingerprint = models.CharField(max_length=16)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    set_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(ciphertext=""), name="portal_storedcredential_not_blank"
            ),
        ]

    def __str__(self) -> str:
        return f"Credential of connection {self.connection_id}"
