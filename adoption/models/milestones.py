"""A dated delivery promise with a measure."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from adoption.choices import Comparator, MilestoneEventKind, MilestoneState
from adoption.models.use_cases import UseCase


class Milestone(models.Model):
    """Reached when its measure says so, never by ticking a box.

    The measure is a metric of the registry (`metric_key`), a comparator and a threshold.
    `threshold_nano` and `measured_nano` are in nano-units (10⁻⁹) of the metric's unit: whole
    numbers, so that both databases compare them exactly. `measured_*` and `state` are written by
    the measuring service only.
    """

    use_case = models.ForeignKey(UseCase, on_delete=models.PROTECT, related_name="milestones")
    title = models.CharField(max_length=160)
    due_on = models.DateField()
    metric_key = models.CharField(max_length=80)
    comparator = models.CharField(max_length=8, choices=Comparator)
    threshold_nano = models.BigIntegerField()
    currency = models.CharField(max_length=3, blank=True)  # of the threshold, for money metrics
    created_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)

    state = models.CharField(
        max_length=16, choices=MilestoneState, default=MilestoneState.OPEN, editable=False
    )
    measured_nano = models.BigIntegerField(null=True, blank=True, editable=False)
    measured_reason = models.CharField(max_length=64, blank=True, editable=False)
    measured_at = models.DateTimeField(null=True, blank=True, editable=False)
    reached_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["due_on", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(comparator__in=Comparator.values),
                name="adoption_milestone_known_comparator",
            ),
            models.CheckConstraint(
                condition=Q(state__in=MilestoneState.values),
                name="adoption_milestone_known_state",
            ),
            models.CheckConstraint(
                condition=~Q(state="reached")
                | Q(reached_at__isnull=False, measured_nano__isnull=False),
                name="adoption_milestone_reached_is_measured",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class MilestoneEvent(models.Model):
    """What happened to a milestone, and who did it: so that a promise cannot change unseen.

    `decided_by` is empty for what the measure said. Never changed, never deleted; it outlives the
    milestone, hence the title of its own.
    """

    use_case = models.ForeignKey(UseCase, on_delete=models.PROTECT, related_name="milestone_events")
    milestone = models.ForeignKey(
        Milestone, on_delete=models.SET_NULL, null=True, blank=True, related_name="events"
    )
    title = models.CharField(max_length=160)
    kind = models.CharField(max_length=16, choices=MilestoneEventKind)
    note = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    happened_at = models.DateTimeField()

    class Meta:
        ordering = ["-happened_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=MilestoneEventKind.values),
                name="adoption_milestoneevent_known_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title}: {self.get_kind_display()}"
