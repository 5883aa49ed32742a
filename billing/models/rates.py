"""Exchange rates: dated, with their source. Amounts are converted to be read, never stored."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class ExchangeRate(models.Model):
    """One unit of `base` is `rate` units of `quote` on `day`. Live while `superseded_at` is null.

    `rate` is the exact decimal text of the source, because a rate has more digits than money.
    """

    day = models.DateField()
    base = models.CharField(max_length=3)
    quote = models.CharField(max_length=3)
    rate = models.CharField(max_length=40)
    source = models.CharField(max_length=120)
    run = models.ForeignKey(
        "portal.ImportRun", on_delete=models.PROTECT, null=True, related_name="+"
    )
    line = models.PositiveBigIntegerField(null=True)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["base", "quote", "day"],
                condition=Q(superseded_at__isnull=True),
                name="billing_rate_once_a_day",
            ),
            models.CheckConstraint(
                condition=~Q(base=F("quote")), name="billing_rate_of_two_currencies"
            ),
            models.CheckConstraint(
                condition=Q(run__isnull=False) | Q(entered_by__isnull=False),
                name="billing_rate_has_an_origin",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.base}/{self.quote} {self.day}: {self.rate}"
