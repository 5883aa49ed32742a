"""Two connections that bring the same money, and which counts; or that only look like it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class SpendOverlap(models.Model):
    """`other` covers the same spend as `counted` on some days. Never edited: ended, and said anew.

    With `is_excluded`, charges of `other` on those days (of `provider`, when one is named) are in
    no sum. Without it, the two have different bases and are kept apart by that alone. With
    `is_distinct` they look alike and are not the same money: both count, and nobody asks again.
    """

    counted = models.ForeignKey("portal.Connection", on_delete=models.PROTECT, related_name="+")
    other = models.ForeignKey("portal.Connection", on_delete=models.PROTECT, related_name="+")
    provider = models.TextField(blank=True, default="")
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)  # exclusive
    is_excluded = models.BooleanField()
    is_distinct = models.BooleanField(default=False, db_default=False)
    reason = models.CharField(max_length=500)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)
    retired_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    retired_reason = models.CharField(max_length=500, blank=True)
    pending_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(counted=F("other")), name="billing_overlap_of_two_connections"
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gt=F("starts_on")),
                name="billing_overlap_period_is_half_open",
            ),
            models.CheckConstraint(
                condition=Q(is_distinct=False) | Q(is_excluded=False),
                name="billing_overlap_distinct_counts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.other_id} covers the same spend as {self.counted_id}"
