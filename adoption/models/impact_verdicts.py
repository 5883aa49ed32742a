"""What came out, what was decided on it, and what it is worth."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from adoption.choices import ImpactDecisionKind, VerdictCause, VerdictWord
from adoption.models.impact_registrations import ImpactRegistration
from adoption.models.use_cases import UseCase


class ImpactVerdict(models.Model):
    """One verdict with everything it rests on. A later one supersedes it and it stays.

    `facts` is the canonical text of what the windows gave, `protocol` that of what was carried
    out (the registration and its amendments), `result` that of the outcome: the first two give the
    third again, to the last byte, on any machine.
    """

    registration = models.ForeignKey(
        ImpactRegistration, on_delete=models.PROTECT, related_name="verdicts"
    )
    number = models.PositiveIntegerField()
    cause = models.CharField(max_length=32, choices=VerdictCause)
    verdict = models.CharField(max_length=32, choices=VerdictWord)
    facts = models.TextField()
    facts_sha256 = models.CharField(max_length=64)
    protocol = models.TextField()
    protocol_sha256 = models.CharField(max_length=64)
    result = models.TextField()
    result_sha256 = models.CharField(max_length=64)
    data_as_of = models.DateTimeField()
    computed_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-computed_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["registration", "number"], name="adoption_impactverdict_once"
            ),
            models.UniqueConstraint(
                fields=["registration"],
                condition=Q(superseded_at__isnull=True),
                name="adoption_impactverdict_one_current",
            ),
            models.CheckConstraint(
                condition=Q(verdict__in=VerdictWord.values),
                name="adoption_impactverdict_known_word",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.registration_id} #{self.number}: {self.verdict}"


class ImpactDecision(models.Model):
    """Scale, change or stop, on what one verdict said, and why. Never changed, never deleted."""

    verdict = models.ForeignKey(ImpactVerdict, on_delete=models.PROTECT, related_name="decisions")
    kind = models.CharField(max_length=16, choices=ImpactDecisionKind)
    reason = models.TextField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["-decided_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="adoption_impactdecision_why"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.reason[:60]}"


class UnitValue(models.Model):
    """What one unit of a metric is worth in a use case, by whose word and on what grounds.

    `amount_nano` is in nano-units (10⁻⁹) of `currency`, for one unit of the metric (one event, one
    hour). The newest holds; earlier ones stay.
    """

    use_case = models.ForeignKey(UseCase, on_delete=models.PROTECT, related_name="unit_values")
    metric_key = models.CharField(max_length=80)
    amount_nano = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    grounds = models.TextField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["-made_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_nano__gt=0), name="adoption_unitvalue_is_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.use_case_id} {self.metric_key}"


class CalibrationRun(models.Model):
    """How often intervals held the truth in seeded simulations, by one method. Kept for ever."""

    method = models.CharField(max_length=32)
    story = models.CharField(max_length=40)
    seed = models.BigIntegerField()
    runs = models.PositiveIntegerField()
    covered = models.PositiveIntegerField()
    false_supported = models.PositiveIntegerField()
    false_without_protocol = models.PositiveIntegerField()
    found = models.PositiveIntegerField(null=True, blank=True)  # none: nothing was promised of it
    libraries = models.JSONField()
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["-made_at", "method", "story"]
        constraints = [
            models.CheckConstraint(
                condition=Q(covered__lte=F("runs"))
                & Q(false_supported__lte=F("runs"))
                & (Q(found__isnull=True) | Q(found__lte=F("runs"))),
                name="adoption_calibrationrun_counts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method} on {self.story}: {self.covered} of {self.runs}"
