"""Snapshots: frozen, signed, chained sets of metric values."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from adoption.models.metric_values import MetricValue


class Snapshot(models.Model):
    """One published set of values. Never changed, never deleted; each names the one before it.

    `document` is the canonical text that is hashed and signed, exactly as it is given to others;
    `content_sha256` is of its values, definitions and dashboards alone, so that a set in which
    nothing changed is not published twice.
    """

    number = models.PositiveIntegerField(unique=True)
    document = models.TextField()
    sha256 = models.CharField(max_length=64, unique=True)
    previous_sha256 = models.CharField(max_length=64, blank=True, unique=True)
    content_sha256 = models.CharField(max_length=64)
    key_number = models.PositiveIntegerField()
    public_key = models.CharField(max_length=64)
    signature = models.CharField(max_length=128)
    value_count = models.PositiveIntegerField()
    dashboard_count = models.PositiveIntegerField()
    published_at = models.DateTimeField()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.CheckConstraint(
                condition=Q(number=1, previous_sha256="") | Q(number__gt=1, previous_sha256__gt=""),
                name="adoption_snapshot_names_the_one_before",
            ),
        ]

    def __str__(self) -> str:
        return f"Snapshot {self.number}"


class SnapshotValue(models.Model):
    """Which stored value stands where in a snapshot, from 0; for lineage inside the house."""

    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="values_in")
    value = models.ForeignKey(MetricValue, on_delete=models.PROTECT, related_name="snapshots")
    position = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["snapshot", "position"], name="adoption_snapshotvalue_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.snapshot_id}: {self.position}"
