"""What a source revised, kept for ever."""

from __future__ import annotations

from django.db import models

from billing.models.charges import ChargeSlice


class Restatement(models.Model):
    """Old → new → why, one for each slice that an import changed after it had been imported."""

    slice = models.ForeignKey(ChargeSlice, on_delete=models.PROTECT, related_name="restatements")
    run = models.ForeignKey(
        "portal.ImportRun", on_delete=models.PROTECT, related_name="restatements"
    )
    day = models.DateField()
    currency = models.CharField(max_length=8)
    old_billed_nano = models.BigIntegerField()
    new_billed_nano = models.BigIntegerField()
    old_effective_nano = models.BigIntegerField()
    new_effective_nano = models.BigIntegerField()
    rows_inserted = models.PositiveIntegerField()
    rows_updated = models.PositiveIntegerField()
    rows_superseded = models.PositiveIntegerField()
    reason = models.CharField(max_length=200)
    restated_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["day"], name="billing_restatement_by_day")]

    def __str__(self) -> str:
        return f"{self.day}: {self.old_billed_nano} → {self.new_billed_nano}"
