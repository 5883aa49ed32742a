"""Closed months: what was frozen, and what has moved since."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from billing.choices import CorrectionCause
from billing.models.charges import ChargeSlice


class PeriodClose(models.Model):
    """One month of one issuer, billing account and currency, closed by a second person.

    `figures` are exactly what both people saw (`billing/selectors/close_figures.py`), amounts as
    decimal text, and `figures_hash` their SHA-256. Never changed and never deleted: what happens
    afterwards stands in its corrections.
    """

    key = models.CharField(max_length=64, unique=True)
    month = models.DateField()
    issuer = models.CharField(max_length=200)
    billing_account_id = models.CharField(max_length=200, blank=True)
    currency = models.CharField(max_length=8)
    total_nano = models.BigIntegerField()
    figures = models.JSONField()
    figures_hash = models.CharField(max_length=64)
    approval = models.OneToOneField(
        "portal.ApprovalRequest", on_delete=models.PROTECT, related_name="+"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    closed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["month"], name="billing_close_by_month")]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} {self.issuer}"


class ClosedPart(models.Model):
    """The cost lines of one slice and invoice that a close froze: what makes a line *closed*.

    `moved_at` is set when a reallocation has moved money of it since.
    """

    close = models.ForeignKey(PeriodClose, on_delete=models.PROTECT, related_name="parts")
    slice = models.ForeignKey(
        ChargeSlice, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    invoice_issuer = models.TextField(blank=True)
    provider = models.TextField()
    invoice_id = models.TextField(blank=True)
    closed_at = models.DateTimeField()
    moved_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["slice", "invoice_issuer", "provider", "invoice_id"],
                name="billing_closedpart_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.invoice_id} in slice {self.slice_id}"


class CloseCorrection(models.Model):
    """Old → new → why, for a closed month whose money has moved. Kept for ever.

    `old_nano` and `new_nano` are the billed sums of its cost lines; `moves` lists every place whose
    amount differs (place, old, new as decimal text), so that a reallocation, which moves money
    without changing the sum, is told as well.
    """

    close = models.ForeignKey(PeriodClose, on_delete=models.PROTECT, related_name="corrections")
    number = models.PositiveIntegerField()
    cause = models.CharField(max_length=16, choices=CorrectionCause)
    reason = models.CharField(max_length=300)
    run = models.ForeignKey(
        "portal.ImportRun", on_delete=models.PROTECT, null=True, related_name="+"
    )
    old_nano = models.BigIntegerField()
    new_nano = models.BigIntegerField()
    residual_nano = models.BigIntegerField()
    moves = models.JSONField()
    figures = models.JSONField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["close", "number"], name="billing_correction_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="billing_correction_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.close} correction {self.number}"
