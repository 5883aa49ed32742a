"""Circuit breakers: a limit for one job, and each time it was exceeded."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from billing.choices import BreakerField, BreakerWindow, CostBasis


class CircuitBreaker(models.Model):
    """What one job of a use case may cost in an hour or a day (UTC), by billed cost.

    The job's charges are those that carry the tag, API key or sub-account, of one currency and
    basis, whoever they are allocated to: the limit guards the key, not the books.
    """

    name = models.CharField(max_length=120, unique=True)
    use_case = models.ForeignKey("adoption.UseCase", on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey(
        "portal.Connection", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    field = models.CharField(max_length=16, choices=BreakerField)
    tag_key = models.CharField(max_length=200, blank=True)
    value = models.CharField(max_length=500)
    window = models.CharField(max_length=8, choices=BreakerWindow)
    currency = models.CharField(max_length=3)
    cost_basis = models.CharField(max_length=16, choices=CostBasis)
    limit_nano = models.BigIntegerField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(limit_nano__gt=0), name="billing_breaker_limit_is_positive"
            ),
            models.CheckConstraint(
                condition=Q(field="tag") & ~Q(tag_key="") | ~Q(field="tag") & Q(tag_key=""),
                name="billing_breaker_tag_has_a_key",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class BreakerTrip(models.Model):
    """One time that the limit was exceeded. Open until somebody resets it and says why.

    One open trip a breaker, and one trip a window: what is reset stays closed until the window is
    over. `event_id` is what receivers of the webhook know the trip by.
    """

    breaker = models.ForeignKey(CircuitBreaker, on_delete=models.PROTECT, related_name="trips")
    window_start = models.DateTimeField()
    limit_nano = models.BigIntegerField()
    spent_nano = models.BigIntegerField()
    tripped_at = models.DateTimeField()
    event_id = models.UUIDField(default=uuid.uuid4, unique=True)
    reset_at = models.DateTimeField(null=True, blank=True)
    reset_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reset_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["breaker", "window_start"], name="billing_breakertrip_once_a_window"
            ),
            models.UniqueConstraint(
                fields=["breaker"],
                condition=Q(reset_at__isnull=True),
                name="billing_breakertrip_one_open",
            ),
            models.CheckConstraint(
                condition=Q(reset_at__isnull=True)
                | Q(reset_by__isnull=False) & ~Q(reset_reason=""),
                name="billing_breakertrip_reset_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"Trip of {self.breaker_id} at {self.tripped_at:%Y-%m-%d %H:%M}"
