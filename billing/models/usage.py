"""Quantities: tokens, requests, credits. A cost driver, never an outcome, and never of a person."""

from __future__ import annotations

from django.db import models


class UsageDimension(models.Model):
    """Everything about a quantity that repeats. Found by the digest of all its fields."""

    digest = models.UUIDField(unique=True)
    dataset = models.CharField(max_length=64)
    billing_account_id = models.TextField(blank=True)
    sub_account_id = models.TextField(blank=True)
    api_key_id = models.TextField(blank=True)
    provider = models.TextField()
    service_name = models.TextField()
    model = models.TextField(blank=True)
    service_tier = models.TextField(blank=True)
    metric = models.CharField(max_length=64)
    unit = models.CharField(max_length=64, blank=True)
    tags = models.TextField(default="{}")  # JSON object, canonical text

    def __str__(self) -> str:
        return f"{self.provider} {self.metric}"


class UsageSlice(models.Model):
    """The unit of replacement: one report of a connection on one UTC day.

    `digest` is the order-independent sum of the digests of its rows, numbers included.
    """

    connection = models.ForeignKey(
        "portal.Connection", on_delete=models.PROTECT, related_name="usage_slices"
    )
    dataset = models.CharField(max_length=64)
    day = models.DateField()
    rows = models.PositiveIntegerField()
    digest = models.BigIntegerField()
    last_run = models.ForeignKey("portal.ImportRun", on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "dataset", "day"], name="billing_usageslice_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dataset} {self.day}"


class Usage(models.Model):
    """One quantity, in millionths of its unit. Live while `superseded_at` is null.

    As with cost lines, the database does not look up the keys of each row; guards keep what they
    point at (`billing/fact_guards.py`).
    """

    slice = models.ForeignKey(
        UsageSlice, on_delete=models.PROTECT, related_name="usage", db_constraint=False
    )
    dimension = models.ForeignKey(
        UsageDimension,
        on_delete=models.PROTECT,
        related_name="usage",
        db_index=False,
        db_constraint=False,
    )
    run = models.ForeignKey(
        "portal.ImportRun",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    file = models.ForeignKey(
        "portal.ImportFile",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    line = models.PositiveBigIntegerField()
    identity = models.UUIDField()
    day = models.DateField()
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    quantity_micro = models.BigIntegerField()
    recorded_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(quantity_micro__gte=0), name="billing_usage_not_negative"
            ),
        ]
        indexes = [models.Index(fields=["day"], name="billing_usage_by_day")]

    def __str__(self) -> str:
        return f"Usage {self.pk}"
