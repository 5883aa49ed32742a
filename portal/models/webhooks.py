"""Events that other systems are told, who is told, and every attempt at it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from portal.choices import WebhookStatus


class WebhookSubscription(models.Model):
    """An address that is told about some events.

    The secret with which requests are signed is kept encrypted (`ciphertext`, with the key of that
    number) for this address: another address needs a new secret.
    """

    name = models.CharField(max_length=80, unique=True)
    url = models.URLField(max_length=500)
    events = models.JSONField(default=list)  # keys of `portal.webhooks.registry`
    is_active = models.BooleanField(default=True)
    key_number = models.PositiveIntegerField()
    ciphertext = models.TextField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(ciphertext=""), name="portal_webhook_has_a_secret"),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(is_active=False),
                name="portal_webhook_ended_is_inactive",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class WebhookDelivery(models.Model):
    """One event for one subscription. `body` is sent byte for byte, at every attempt the same.

    `event_id` names the event itself, so that the receiver tells a repetition from a new one.
    """

    subscription = models.ForeignKey(
        WebhookSubscription, on_delete=models.PROTECT, related_name="deliveries"
    )
    event = models.CharField(max_length=80)
    event_id = models.UUIDField()
    body = models.TextField()
    status = models.CharField(max_length=16, choices=WebhookStatus, default=WebhookStatus.WAITING)
    created_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)
    replays = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "event_id"], name="portal_webhookdelivery_once"
            ),
            models.CheckConstraint(
                condition=Q(status__in=WebhookStatus.values),
                name="portal_webhookdelivery_known_status",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.event_id}"


class WebhookAttempt(models.Model):
    """One try to deliver. `status_code` is null when no answer came; what it says is not kept."""

    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.PROTECT, related_name="attempts")
    at = models.DateTimeField()
    status_code = models.PositiveIntegerField(null=True)
    problem = models.TextField(blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.status_code or 'no answer'} at {self.at:%Y-%m-%d %H:%M:%S}"
