"""What a month was expected to cost, said when it began."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from billing.choices import CostBasis, Measure


class Forecast(models.Model):
    """The forecast of one use case for one month (UTC), in one currency, basis and measure.

    Frozen: the database refuses every change. Nano-units; null with a `reason` when there is not
    enough history. `daily` spreads the amount over the days and sums to it; `ahead`
    carries the same trend on to the following months, for budgets of longer periods.
    """

    use_case = models.ForeignKey(
        "adoption.UseCase", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    month = models.DateField()  # its first day
    currency = models.CharField(max_length=8)
    cost_basis = models.CharField(max_length=16, choices=CostBasis)
    measure = models.CharField(max_length=16, choices=Measure)
    forecast_nano = models.BigIntegerField(null=True)
    lower_nano = models.BigIntegerField(null=True)
    upper_nano = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=64, blank=True)
    daily = models.JSONField(default=list)
    ahead = models.JSONField(default=list)
    history_months = models.PositiveIntegerField()
    method = models.CharField(max_length=32)
    frozen_at = models.DateTimeField()

    class Meta:
        ordering = ["use_case", "month"]
        constraints = [
            models.UniqueConstraint(
                fields=["use_case", "month", "currency", "cost_basis", "measure"],
                name="billing_forecast_once",
            ),
            models.CheckConstraint(
                condition=Q(forecast_nano__isnull=True) & ~Q(reason="")
                | Q(forecast_nano__isnull=False, reason=""),
                name="billing_forecast_or_reason",
            ),
            models.CheckConstraint(
                condition=Q(forecast_nano__isnull=True)
                | Q(lower_nano__lte=F("forecast_nano"), upper_nano__gte=F("forecast_nano")),
                name="billing_forecast_within_band",
            ),
        ]
        indexes = [models.Index(fields=["month"], name="billing_forecast_by_month")]

    def __str__(self) -> str:
        return f"Forecast of {self.month:%Y-%m}"
