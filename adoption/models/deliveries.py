"""A claim that AI helped deliver something for a use case."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from adoption.choices import AiAssistance, DeliveryState
from adoption.models.changes import Change
from adoption.models.use_cases import UseCase


class Delivery(models.Model):
    """One delivery. The state moves by what was observed, never by hand.

    `claimed_by` is shown to that person only; no list, filter or export groups by it.
    """

    use_case = models.ForeignKey(UseCase, on_delete=models.PROTECT, related_name="deliveries")
    change = models.ForeignKey(
        Change, on_delete=models.PROTECT, null=True, blank=True, related_name="deliveries"
    )
    title = models.CharField(max_length=500)
    link = models.URLField(max_length=500, blank=True)
    assistance = models.CharField(
        max_length=16, choices=AiAssistance, default=AiAssistance.NOT_STATED
    )
    claimed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="deliveries"
    )
    claimed_at = models.DateTimeField()
    state = models.CharField(
        max_length=16, choices=DeliveryState, default=DeliveryState.CLAIMED, editable=False
    )
    state_reason = models.CharField(max_length=200, blank=True, editable=False)
    merged_at = models.DateTimeField(null=True, blank=True, editable=False)
    deployed_at = models.DateTimeField(null=True, blank=True, editable=False)
    held_at = models.DateTimeField(null=True, blank=True, editable=False)
    reverted_at = models.DateTimeField(null=True, blank=True, editable=False)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
    )
    reviewed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            # A change is delivered once, whoever logs it.
            models.UniqueConstraint(
                fields=["change"],
                condition=Q(change__isnull=False) & ~Q(state="rejected"),
                name="adoption_delivery_one_per_change",
            ),
            # And so is anything else that a link leads to.
            models.UniqueConstraint(
                fields=["link"],
                condition=Q(change__isnull=True) & ~Q(link="") & ~Q(state="rejected"),
                name="adoption_delivery_one_per_link",
            ),
            models.CheckConstraint(
                condition=Q(state__in=DeliveryState.values), name="adoption_delivery_known_state"
            ),
            models.CheckConstraint(
                condition=~Q(state="held") | Q(held_at__isnull=False),
                name="adoption_delivery_held_has_a_day",
            ),
            models.CheckConstraint(
                condition=~Q(state="confirmed") | Q(reviewed_by__isnull=False),
                name="adoption_delivery_confirmed_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by__isnull=True) | ~Q(reviewed_by=models.F("claimed_by")),
                name="adoption_delivery_reviewed_by_another",
            ),
        ]
        indexes = [
            models.Index(
                fields=["use_case", "state", "-claimed_at"], name="adoption_delivery_by_state"
            ),
            # Newest first, whatever the state: the page of a use case, its list, and the API's.
            models.Index(
                fields=["use_case", "-claimed_at", "-id"], name="adoption_delivery_newest"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class DeliveryEvent(models.Model):
    """A dated line of what became of a delivery and why. Shown to the person who logged it.

    Lines are only added. `at` is when the portal noticed; the reason names the day it happened.
    """

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    from_state = models.CharField(max_length=16, choices=DeliveryState, blank=True)
    to_state = models.CharField(max_length=16, choices=DeliveryState)
    reason = models.CharField(max_length=300)

    class Meta:
        ordering = ["at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(from_state=models.F("to_state")),
                name="adoption_deliveryevent_moves",
            ),
        ]
        indexes = [
            models.Index(fields=["delivery", "at"], name="adoption_deliveryevent_log"),
        ]

    def __str__(self) -> str:
        return f"{self.from_state or 'new'} → {self.to_state}"
