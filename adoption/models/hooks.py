"""Hooks as they came, what proves their sender, and who had one processed again."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from adoption.choices import HookState


class HookSecret(models.Model):
    """A secret that proves hooks of one connection, encrypted. Two may be valid at once.

    It is shown once, when it is made; afterwards people see its last four characters.
    """

    connection = models.ForeignKey(
        "portal.Connection", on_delete=models.PROTECT, related_name="hook_secrets"
    )
    key_number = models.PositiveIntegerField()
    ciphertext = models.TextField()
    fingerprint = models.CharField(max_length=16)
    last_four = models.CharField(max_length=4)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    made_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(ciphertext=""), name="adoption_hooksecret_not_blank"
            ),
        ]

    def __str__(self) -> str:
        return f"Secret …{self.last_four} of connection {self.connection_id}"


class StoredHook(models.Model):
    """One delivery of a sender, kept byte for byte until its retention is over.

    `delivery_id` is the sender's; its row outlives the body, so that a delivery that is sent again
    after years is still known. `reason` says by which rule it was ignored, or why it was refused.
    """

    connection = models.ForeignKey(
        "portal.Connection", on_delete=models.PROTECT, related_name="stored_hooks"
    )
    provider = models.CharField(max_length=20)
    delivery_id = models.CharField(max_length=150)
    event = models.CharField(max_length=100, blank=True)
    headers = models.JSONField(default=dict, blank=True)  # of the provider's allow-list only
    body = models.BinaryField()  # compressed
    body_sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()  # bytes, as they came
    received_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=HookState, default=HookState.STORED)
    reason = models.CharField(max_length=400, blank=True)
    outcome = models.JSONField(default=dict, blank=True)  # created, updated, unchanged: counts
    attempts = models.PositiveIntegerField(default=0)
    processed_at = models.DateTimeField(null=True, blank=True)
    purged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "delivery_id"], name="adoption_storedhook_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=HookState.values), name="adoption_storedhook_known_state"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("ignored", "refused", "failed")) | ~Q(reason=""),
                name="adoption_storedhook_says_why",
            ),
        ]
        indexes = [
            models.Index(
                fields=["connection", "id"],
                name="adoption_storedhook_waiting",
                condition=Q(state="stored"),
            ),
            models.Index(fields=["state", "-id"], name="adoption_storedhook_by_state"),
            models.Index(
                fields=["received_at"],
                name="adoption_storedhook_to_purge",
                condition=Q(purged_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.event} {self.delivery_id}"


class PolledPage(models.Model):
    """The last answer of a provider from one address, with the ETag by which it may say that
    nothing changed. `address` is a digest: addresses name repositories and people."""

    connection = models.ForeignKey("portal.Connection", on_delete=models.CASCADE, related_name="+")
    address = models.CharField(max_length=64)
    etag = models.CharField(max_length=200)
    body = models.BinaryField()  # compressed
    seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "address"], name="adoption_polledpage_once"
            ),
        ]
        indexes = [models.Index(fields=["seen_at"], name="adoption_polledpage_to_purge")]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.address[:12]}"


class HookReplay(models.Model):
    """Somebody had a stored hook processed again, and why."""

    hook = models.ForeignKey(StoredHook, on_delete=models.PROTECT, related_name="replays")
    reason = models.TextField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="adoption_hookreplay_says_why"),
        ]

    def __str__(self) -> str:
        return f"Replay of hook {self.hook_id}"
