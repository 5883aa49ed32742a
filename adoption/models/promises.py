"""What milestones and adoption targets have in common: a measure, a day, and how it stands."""

from __future__ import annotations

from django.db import models

from adoption.choices import Comparator, MilestoneRisk, MilestoneState


class MeasuredPromise(models.Model):
    """A metric held against a threshold by a day.

    `threshold_nano` and `measured_nano` are in nano-units (10⁻⁹) of the metric's unit: whole
    numbers, so that both databases compare them exactly. `state`, `measured_*`, `forecast_*` and
    `risk` are written by the measuring service only. `version` rises with every edit and is what
    `If-Match` compares; measuring does not raise it.
    """

    due_on = models.DateField()
    metric_key = models.CharField(max_length=80, blank=True)
    comparator = models.CharField(max_length=8, choices=Comparator)
    threshold_nano = models.BigIntegerField()
    currency = models.CharField(max_length=3, blank=True)  # of the threshold, for money metrics
    version = models.PositiveIntegerField(default=1)

    state = models.CharField(
        max_length=16, choices=MilestoneState, default=MilestoneState.OPEN, editable=False
    )
    measured_nano = models.BigIntegerField(null=True, blank=True, editable=False)
    measured_reason = models.CharField(max_length=64, blank=True, editable=False)
    measured_at = models.DateTimeField(null=True, blank=True, editable=False)
    reached_at = models.DateTimeField(null=True, blank=True, editable=False)

    # The day on which it will be reached at its pace, and the range that holds in 4 of 5 cases.
    forecast_on = models.DateField(null=True, blank=True, editable=False)
    forecast_low_on = models.DateField(null=True, blank=True, editable=False)
    forecast_high_on = models.DateField(null=True, blank=True, editable=False)
    forecast_reason = models.CharField(max_length=64, blank=True, editable=False)
    risk = models.CharField(max_length=16, choices=MilestoneRisk, blank=True, editable=False)

    class Meta:
        abstract = True
