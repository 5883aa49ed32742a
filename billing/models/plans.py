"""What plans cost, as data: no price of a vendor stands in code."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from billing.choices import PlanPeriod


class PricePlan(models.Model):
    """The prices of one plan on the days from `valid_from` up to, not including, `valid_until`.

    A version: prices are never edited; the next price is another row, on later days. A plan that
    ends on the day on which it starts was withdrawn and holds on no day. Prices are nano-units of
    `currency`, credits millionths; null is not known, and never 0. Names are matched without
    regard to upper and lower case, so they are kept as `match_provider` and `match_key` too.
    """

    provider = models.CharField(max_length=120)
    key = models.CharField(max_length=120)
    match_provider = models.CharField(max_length=120, editable=False)
    match_key = models.CharField(max_length=120, editable=False)
    name = models.CharField(max_length=160)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True, blank=True)
    currency = models.CharField(max_length=3)
    seat_price_nano = models.BigIntegerField(null=True, blank=True)
    seat_period = models.CharField(max_length=8, choices=PlanPeriod, default=PlanPeriod.MONTH)
    included_credits_micro = models.BigIntegerField(null=True, blank=True)
    overage_price_nano = models.BigIntegerField(null=True, blank=True)
    source = models.CharField(max_length=500)
    created_by = models.ForeignKey("portal.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    ended_by = models.ForeignKey(
        "portal.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["match_provider", "match_key"],
                condition=Q(valid_until__isnull=True),
                name="billing_plan_one_open",
            ),
            models.UniqueConstraint(
                fields=["match_provider", "match_key", "valid_from"],
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")),
                name="billing_plan_starts_once",
            ),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="billing_plan_ends_after_start",
            ),
            models.CheckConstraint(
                condition=Q(seat_price_nano__isnull=False) | Q(overage_price_nano__isnull=False),
                name="billing_plan_states_a_price",
            ),
            models.CheckConstraint(
                condition=(Q(seat_price_nano__isnull=True) | Q(seat_price_nano__gte=0))
                & (Q(overage_price_nano__isnull=True) | Q(overage_price_nano__gte=0))
                & (Q(included_credits_micro__isnull=True) | Q(included_credits_micro__gte=0)),
                name="billing_plan_nothing_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.name} from {self.valid_from}"
