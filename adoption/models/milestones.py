"""A dated delivery promise with a measure."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from adoption.choices import (
    AttestedOutcome,
    Comparator,
    MilestoneEventKind,
    MilestoneKind,
    MilestoneState,
)
from adoption.models.promises import MeasuredPromise
from adoption.models.use_cases import UseCase


class Milestone(MeasuredPromise):
    """Reached when its measure says so, never by ticking a box.

    The measure is a metric of the registry, a comparator and a threshold. One of kind `attested`
    has no metric: it is reached by a `MilestoneAttestation`, which another person has approved.
    """

    use_case = models.ForeignKey(UseCase, on_delete=models.PROTECT, related_name="milestones")
    title = models.CharField(max_length=160)
    kind = models.CharField(
        max_length=16, choices=MilestoneKind, default=MilestoneKind.MEASURED, editable=False
    )
    outcome = models.CharField(max_length=16, choices=AttestedOutcome, blank=True)
    created_at = models.DateTimeField()

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
                | Q(reached_at__isnull=False, measured_nano__isnull=False)
                | Q(reached_at__isnull=False, kind="attested"),
                name="adoption_milestone_reached_is_measured",
            ),
            models.CheckConstraint(
                condition=Q(kind="measured", outcome="") & ~Q(metric_key="")
                | Q(kind="attested", metric_key="") & ~Q(outcome=""),
                name="adoption_milestone_has_a_measure",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class MilestoneAttestation(models.Model):
    """One person's word that an outcome is there, with evidence. Exists only once approved."""

    milestone = models.OneToOneField(
        Milestone, on_delete=models.PROTECT, related_name="attestation"
    )
    statement = models.TextField()
    link = models.URLField(max_length=500, blank=True)
    happened_on = models.DateField()
    attested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    confirmed_at = models.DateTimeField()
    approval = models.OneToOneField(
        "portal.ApprovalRequest", on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(attested_by=models.F("confirmed_by")),
                name="adoption_attestation_two_persons",
            ),
            models.CheckConstraint(
                condition=~Q(statement=""), name="adoption_attestation_says_something"
            ),
        ]

    def __str__(self) -> str:
        return f"attestation of milestone {self.milestone_id}"


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
