"""An AI adoption programme."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class Programme(models.Model):
    """Owner, period, reporting currency and time zone; use cases belong to one."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="programmes"
    )
    currency = models.CharField(max_length=3)
    time_zone = models.CharField(max_length=64, default="UTC")
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)  # exclusive
    fiscal_year_start_month = models.PositiveSmallIntegerField(default=1)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gt=F("starts_on")),
                name="adoption_programme_period_is_half_open",
            ),
            models.CheckConstraint(
                condition=Q(fiscal_year_start_month__gte=1, fiscal_year_start_month__lte=12),
                name="adoption_programme_fiscal_month",
            ),
        ]

    def __str__(self) -> str:
        return self.name
