"""Daily and monthly cost, kept so that pages never read charges."""

from __future__ import annotations

from django.db import models


class DailyCost(models.Model):
    """Live allocations summed by UTC day and attribute; rewritten for touched days only.

    `use_case` is null for what is unallocated. `effective_nano` sums the lines that state an
    effective cost; `effective_unknown` counts those that do not, so that a page can say so.
    Four facts say how settled the sum is: `uninvoiced` lines carry no invoice id, `restated`
    lines lie in a slice that a source revised (or that moved after its close), `closed` lines
    stand in a closed month, and `changed_at` is when one of their slices was written last.
    Its keys are not looked up: the allocations and slices that it is made from keep what they
    point at, and so what it does.
    """

    day = models.DateField()
    use_case = models.ForeignKey(
        "adoption.UseCase",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    connection = models.ForeignKey(
        "portal.Connection",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    provider = models.TextField()
    service_name = models.TextField()
    model = models.TextField(default="", db_default="")
    cost_center = models.TextField(default="", db_default="")
    charge_category = models.TextField()
    currency = models.CharField(max_length=8)
    cost_basis = models.CharField(max_length=16)
    unallocated_reason = models.CharField(max_length=32, blank=True)
    billed_nano = models.BigIntegerField()
    effective_nano = models.BigIntegerField()
    effective_unknown = models.PositiveIntegerField()
    charges = models.PositiveIntegerField()
    uninvoiced = models.PositiveIntegerField(default=0)
    restated = models.PositiveIntegerField(default=0)
    closed = models.PositiveIntegerField(default=0, db_default=0)
    changed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["use_case", "day"], name="billing_daily_by_use_case"),
            models.Index(fields=["day"], name="billing_daily_by_day"),
            models.Index(fields=["connection", "day"], name="billing_daily_by_connection"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.service_name}"


class MonthlyCost(models.Model):
    """Daily costs summed by UTC month: every figure on a page is of whole months.

    In step with the days of its month. `day` is the first day of the month, so that one window
    of days reads both tables. A month's sum can pass 64 bits where a day's cannot, so amounts
    stand in two columns: whole units, and the nano-units left over (summed, so of any size).
    """

    day = models.DateField()
    newest_day = models.DateField()
    use_case = models.ForeignKey(
        "adoption.UseCase",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    connection = models.ForeignKey(
        "portal.Connection",
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    provider = models.TextField()
    service_name = models.TextField()
    model = models.TextField(default="", db_default="")
    cost_center = models.TextField(default="", db_default="")
    charge_category = models.TextField()
    currency = models.CharField(max_length=8)
    cost_basis = models.CharField(max_length=16)
    unallocated_reason = models.CharField(max_length=32, blank=True)
    billed_whole = models.BigIntegerField()
    billed_part = models.BigIntegerField()
    effective_whole = models.BigIntegerField()
    effective_part = models.BigIntegerField()
    effective_unknown = models.PositiveIntegerField()
    charges = models.PositiveIntegerField()
    uninvoiced = models.PositiveIntegerField(default=0)
    restated = models.PositiveIntegerField(default=0)
    closed = models.PositiveIntegerField(default=0, db_default=0)
    changed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["use_case", "day"], name="billing_monthly_by_use_case"),
            models.Index(fields=["connection", "day"], name="billing_monthly_by_connection"),
            models.Index(fields=["day"], name="billing_monthly_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m} {self.service_name}"


class MonthlyWrite(models.Model):
    """How often a connection's costs of a month were written.

    The sum over all of them grows with every write, also with one that leaves fewer rows, so what
    was worked out from monthly costs is kept until it differs. Counting the costs would read all.
    """

    connection = models.ForeignKey(
        "portal.Connection", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    day = models.DateField()
    writes = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "day"], name="billing_monthly_write_once")
        ]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m}: {self.writes}"
