"""Days judged against what was expected, and the findings that a person must look at."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from billing.choices import AnomalyReason, AnomalyState, CostBasis


class AnomalyPolicy(models.Model):
    """From when an anomaly in a currency is told to people. Detection does not depend on it.

    Amounts in nano-units; `notify_share` in millionths of the month's budget. Without a row the
    defaults of `billing.forecast.anomalies` hold.
    """

    currency = models.CharField(max_length=8, unique=True)
    learning_cap_nano = models.BigIntegerField()
    notify_absolute_nano = models.BigIntegerField()
    notify_share = models.PositiveIntegerField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ["currency"]
        verbose_name_plural = "anomaly policies"
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    learning_cap_nano__gt=0,
                    notify_absolute_nano__gte=0,
                    notify_share__lte=1_000_000,
                ),
                name="billing_anomalypolicy_in_range",
            ),
        ]

    def __str__(self) -> str:
        return f"Anomalies in {self.currency}"


class AnomalyDay(models.Model):
    """One day (UTC) of one use case, judged: actual, expected, bounds. Rewritten when restated;
    `judged_at` is since when it says what it says.

    Effective cost in nano-units, billed where lines state none (`effective_unknown` counts them);
    without purchases, credits, tax and adjustments. Expected and bounds are null
    while the history is too short (`learning`); then `upper_nano` is the absolute cap.
    `effective_unknown` counts lines that state no effective cost and so are not in the sum.
    """

    use_case = models.ForeignKey(
        "adoption.UseCase", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    day = models.DateField()
    currency = models.CharField(max_length=8)
    cost_basis = models.CharField(max_length=16, choices=CostBasis)
    state = models.CharField(max_length=16, choices=AnomalyState)
    is_anomaly = models.BooleanField()
    actual_nano = models.BigIntegerField()
    expected_nano = models.BigIntegerField(null=True)
    lower_nano = models.BigIntegerField(null=True)
    upper_nano = models.BigIntegerField(null=True)
    effective_unknown = models.PositiveIntegerField(default=0)
    history_days = models.PositiveIntegerField()
    method = models.CharField(max_length=32)
    judged_at = models.DateTimeField()

    class Meta:
        ordering = ["use_case", "day"]
        constraints = [
            models.UniqueConstraint(
                fields=["use_case", "currency", "cost_basis", "day"],
                name="billing_anomalyday_once",
            ),
            models.CheckConstraint(
                condition=~Q(state="learning") | Q(expected_nano__isnull=True),
                name="billing_anomalyday_learning_expects_nothing",
            ),
        ]
        indexes = [models.Index(fields=["day"], name="billing_anomalyday_by_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.state}"


class Anomaly(models.Model):
    """A day on which a use case cost more than its upper bound. Found once.

    `notified_at` is set when it was large enough to be told to people. `deliveries` counts what was
    claimed for the use case in the two weeks up to that day: spend without any is said as such.
    `withdrawn_at` is set when a restatement of the source took the excess away. `told_nano` is the
    excess that people were told last, `answered_nano` what it was when it was answered: a day that
    is restated upwards is told again. Both are null where nobody was told, or nobody kept it.
    """

    day = models.OneToOneField(AnomalyDay, on_delete=models.PROTECT, related_name="anomaly")
    detected_at = models.DateTimeField()
    notified_at = models.DateTimeField(null=True, blank=True)
    told_nano = models.BigIntegerField(null=True, blank=True)
    deliveries = models.PositiveIntegerField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=16, choices=AnomalyReason, blank=True)
    note = models.TextField(blank=True)
    answered_nano = models.BigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "anomalies"
        constraints = [
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True, reason="")
                | Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False) & ~Q(reason=""),
                name="billing_anomaly_acknowledged_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"Anomaly {self.pk}"
