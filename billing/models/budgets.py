"""What a use case or programme may cost, and what was said when it neared that."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from billing.choices import BudgetPeriod, BudgetThreshold, CostBasis, Measure


class Budget(models.Model):
    """An amount for each period of one use case, or of all use cases of one programme.

    `starts_on` and `ends_on` (exclusive) are first days of months: a period is told by whole
    months. The amount is in nano-units; only costs of this currency, basis and measure count.
    A budget is changed in place, with its history in the audit, and ended, never deleted.
    """

    use_case = models.ForeignKey(
        "adoption.UseCase", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    programme = models.ForeignKey(
        "adoption.Programme", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    period = models.CharField(max_length=16, choices=BudgetPeriod)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    currency = models.CharField(max_length=3)
    cost_basis = models.CharField(max_length=16, choices=CostBasis)
    measure = models.CharField(max_length=16, choices=Measure)
    amount_nano = models.BigIntegerField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(use_case__isnull=True, programme__isnull=False)
                | Q(use_case__isnull=False, programme__isnull=True),
                name="billing_budget_of_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(amount_nano__gt=0), name="billing_budget_is_positive"
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gt=F("starts_on")),
                name="billing_budget_is_half_open",
            ),
            models.CheckConstraint(
                condition=~Q(period="whole") | Q(ends_on__isnull=False),
                name="billing_budget_whole_has_an_end",
            ),
            models.UniqueConstraint(
                fields=["use_case", "period", "currency", "cost_basis", "measure"],
                condition=Q(ended_at__isnull=True, use_case__isnull=False),
                name="billing_budget_once_a_use_case",
            ),
            models.UniqueConstraint(
                fields=["programme", "period", "currency", "cost_basis", "measure"],
                condition=Q(ended_at__isnull=True, programme__isnull=False),
                name="billing_budget_once_a_programme",
            ),
        ]

    def __str__(self) -> str:
        return f"Budget of {self.use_case or self.programme}"


class BudgetAlert(models.Model):
    """That one threshold was passed in one period of a budget. Written once, never changed.

    The key over budget, period, threshold and amount is what makes an alert happen once, however
    many workers notice it at the same moment: a budget that was changed speaks again, of its new
    amount. Amounts are in nano-units, as they were then.
    """

    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="alerts")
    period_start = models.DateField()
    threshold = models.CharField(max_length=16, choices=BudgetThreshold)
    amount_nano = models.BigIntegerField()
    spent_nano = models.BigIntegerField()
    projected_nano = models.BigIntegerField(null=True)
    crosses_on = models.DateField(null=True)
    fired_at = models.DateTimeField()

    class Meta:
        ordering = ["-fired_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["budget", "period_start", "threshold", "amount_nano"],
                name="billing_budgetalert_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_threshold_display()}, {self.period_start}"
