"""The payable amount: what a provider's invoice says, and what of it a person has explained."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from billing.choices import VarianceReason


class Invoice(models.Model):
    """One version of one invoice, for one billing month. Live while `superseded_at` is null.

    Amounts are nano-units of `currency`, as the document states them; null means that it does not
    say. Credits are negative. `tax_in_lines` and `credits_in_lines` say where that money stands:
    among the cost lines of the source (then the stated amount is a control), or on the invoice
    only (then it counts from here). `stated_lines` and `effective_nano` are control totals of the
    cost lines. An empty billing account means that the invoice names none.
    """

    issuer = models.CharField(max_length=200)
    number = models.CharField(max_length=120)
    billing_account_id = models.CharField(max_length=200, blank=True)
    month = models.DateField()
    issued_on = models.DateField(null=True, blank=True)
    currency = models.CharField(max_length=8)
    total_nano = models.BigIntegerField()
    tax_nano = models.BigIntegerField(null=True)
    credits_nano = models.BigIntegerField(null=True)
    rounding_nano = models.BigIntegerField(null=True)
    tax_in_lines = models.BooleanField(default=True)
    credits_in_lines = models.BooleanField(default=True)
    stated_lines = models.PositiveIntegerField(null=True)
    effective_nano = models.BigIntegerField(null=True)
    document_name = models.CharField(max_length=255, blank=True)
    document_sha256 = models.CharField(max_length=64, blank=True)
    document_size = models.PositiveBigIntegerField(null=True)
    run = models.ForeignKey(
        "portal.ImportRun", on_delete=models.PROTECT, null=True, related_name="invoices"
    )
    file = models.ForeignKey(
        "portal.ImportFile", on_delete=models.PROTECT, null=True, related_name="+", db_index=False
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
                fields=["issuer", "number"],
                condition=Q(superseded_at__isnull=True),
                name="billing_invoice_once",
            ),
            models.CheckConstraint(
                condition=Q(credits_nano__isnull=True) | Q(credits_nano__lte=0),
                name="billing_invoice_credits_not_positive",
            ),
            models.CheckConstraint(
                condition=Q(run__isnull=False, line__isnull=False) | Q(entered_by__isnull=False),
                name="billing_invoice_has_an_origin",
            ),
            models.CheckConstraint(
                condition=Q(superseded_at__isnull=True) | Q(superseded_at__gte=F("recorded_at")),
                name="billing_invoice_superseded_after",
            ),
        ]
        indexes = [models.Index(fields=["month"], name="billing_invoice_by_month")]

    def __str__(self) -> str:
        return f"{self.issuer} {self.number}"


class InvoiceVariance(models.Model):
    """A difference that a person has explained: signed nano-units of the invoice's currency.

    Positive when the invoice has more than the cost lines. Never edited: it is withdrawn.
    """

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="variances")
    reason = models.CharField(max_length=24, choices=VarianceReason)
    amount_nano = models.BigIntegerField()
    note = models.CharField(max_length=500)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    recorded_at = models.DateTimeField()
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(amount_nano=0), name="billing_variance_is_an_amount"
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True)
                | Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False),
                name="billing_variance_withdrawn_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_reason_display()}: {self.amount_nano}"
