"""Cost lines in star shape: a narrow fact, a dimension, and the slice that is replaced whole."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from billing.choices import ChargeCategory, CostBasis


class ChargeDimension(models.Model):
    """Everything about a cost line that repeats. Found by the digest of all its fields."""

    digest = models.UUIDField(unique=True)
    billing_account_id = models.TextField()
    billing_account_name = models.TextField(blank=True)
    sub_account_id = models.TextField(blank=True)
    sub_account_name = models.TextField(blank=True)
    provider = models.TextField()
    publisher = models.TextField(blank=True)
    invoice_issuer = models.TextField(blank=True)
    invoice_id = models.TextField(blank=True)
    service_category = models.TextField(blank=True)
    service_name = models.TextField()
    sku_id = models.TextField(blank=True)
    sku_price_id = models.TextField(blank=True)
    sku_meter = models.TextField(blank=True)
    resource_id = models.TextField(blank=True)
    resource_name = models.TextField(blank=True)
    resource_type = models.TextField(blank=True)
    region_id = models.TextField(blank=True)
    charge_category = models.TextField(choices=ChargeCategory)
    charge_class = models.TextField(blank=True)
    charge_frequency = models.TextField(blank=True)
    charge_description = models.TextField(blank=True)
    pricing_category = models.TextField(blank=True)
    pricing_unit = models.TextField(blank=True)
    pricing_currency = models.TextField(blank=True)
    consumed_unit = models.TextField(blank=True)
    commitment_discount_id = models.TextField(blank=True)
    commitment_discount_status = models.TextField(blank=True)
    model = models.TextField(blank=True, default="")
    api_key_id = models.TextField(blank=True, default="")
    cost_center = models.TextField(blank=True, default="")
    repository = models.TextField(blank=True, default="")
    principal_id = models.TextField(blank=True, default="")
    tags = models.TextField(default="{}")  # JSON object, canonical text
    extra = models.TextField(default="{}")  # JSON object, canonical text

    def __str__(self) -> str:
        return f"{self.provider} {self.service_name}"


class ChargeSlice(models.Model):
    """The unit of replacement: one billing account, billing period and charge day of a connection.

    A billing period is part of it because a correction that is invoiced in October for a day in
    September must not replace that day's September charges. `digest` is the order-independent
    sum of the row digests; sums are nano-units of `currency`.
    """

    connection = models.ForeignKey(
        "portal.Connection", on_delete=models.PROTECT, related_name="charge_slices"
    )
    billing_account_id = models.CharField(max_length=200)
    billing_period_start = models.DateField()
    day = models.DateField()
    currency = models.CharField(max_length=8)
    rows = models.PositiveIntegerField()
    digest = models.BigIntegerField()
    billed_nano = models.BigIntegerField()
    effective_nano = models.BigIntegerField()
    last_run = models.ForeignKey("portal.ImportRun", on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "billing_account_id", "billing_period_start", "day"],
                name="billing_slice_once",
            ),
        ]
        indexes = [models.Index(fields=["day"], name="billing_slice_by_day")]

    def __str__(self) -> str:
        return f"{self.billing_account_id} {self.day}"


class Charge(models.Model):
    """One cost line. Live while `superseded_at` is null; superseded lines are kept for ever.

    Money is in nano-units of `currency`; null means that the source does not say. `identity` and
    `content` are the digests of `billing.sources.records.ChargeRecord`. There is no unique key
    over them: two lines alike in everything are two lines.

    The database does not look up the foreign keys of each line (half the time of an import): lines
    are inserted by joining the rows they point at, and guards keep those from being deleted
    (`billing/fact_guards.py`).
    """

    slice = models.ForeignKey(
        ChargeSlice, on_delete=models.PROTECT, related_name="charges", db_constraint=False
    )
    dimension = models.ForeignKey(
        ChargeDimension,
        on_delete=models.PROTECT,
        related_name="charges",
        db_index=False,
        db_constraint=False,
    )
    run = models.ForeignKey(
        "portal.ImportRun",
        on_delete=models.PROTECT,
        related_name="charges",
        db_index=False,
        db_constraint=False,
    )
    file = models.ForeignKey(
        "portal.ImportFile",
        on_delete=models.PROTECT,
        related_name="charges",
        db_index=False,
        db_constraint=False,
    )
    line = models.PositiveBigIntegerField()
    identity = models.UUIDField()
    content = models.UUIDField()
    day = models.DateField()
    charge_period_start = models.DateTimeField()
    charge_period_end = models.DateTimeField()
    currency = models.CharField(max_length=8)
    cost_basis = models.CharField(max_length=16, choices=CostBasis)
    billed_nano = models.BigIntegerField()
    effective_nano = models.BigIntegerField(null=True)
    list_nano = models.BigIntegerField(null=True)
    contracted_nano = models.BigIntegerField(null=True)
    pricing_quantity = models.TextField(blank=True)
    consumed_quantity = models.TextField(blank=True)
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(cost_basis__in=CostBasis.values), name="billing_charge_known_basis"
            ),
            models.CheckConstraint(
                condition=Q(superseded_at__isnull=True)
                | Q(superseded_at__gte=models.F("recorded_at")),
                name="billing_charge_superseded_after",
            ),
        ]
        indexes = [models.Index(fields=["day"], name="billing_charge_by_day")]

    def __str__(self) -> str:
        return f"Charge {self.pk}"
