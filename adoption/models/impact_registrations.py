"""What was said about an effect before it was looked for."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from adoption.choices import EffectDirection, ImpactMethod, LossSide, ScopeKind
from adoption.models.use_cases import UseCase


class ImpactRegistration(models.Model):
    """Hypothesis, metric, windows, method and guardrails. Written once, never changed.

    Only an approval is added, bound to `content_sha256`, or a withdrawal before that. Windows are
    days, half-open, cut in `zone`; each side is whole weeks long. `interest_nano` is the smallest
    effect of interest in nano-units: a ratio, or a difference in the metric's unit. `promise` is
    what the baseline could show when it was written, `baseline` the facts that it rests on.
    """

    use_case = models.ForeignKey(UseCase, on_delete=models.PROTECT, related_name="registrations")
    hypothesis = models.TextField()
    direction = models.CharField(max_length=16, choices=EffectDirection)
    metric_key = models.CharField(max_length=80)
    metric_version = models.CharField(max_length=20)
    unit_kind = models.CharField(max_length=16, choices=ScopeKind)
    unit_ids = models.JSONField()
    comparison_ids = models.JSONField(default=list, blank=True)
    zone = models.CharField(max_length=64)
    trigger_month = models.DateField()  # first day of the month that gave the idea
    baseline_starts_on = models.DateField()
    baseline_ends_on = models.DateField()  # exclusive
    launch_on = models.DateField()
    after_starts_on = models.DateField()
    after_ends_on = models.DateField()  # exclusive
    interest_nano = models.BigIntegerField()
    method = models.CharField(max_length=32, choices=ImpactMethod)
    alpha_percent = models.PositiveSmallIntegerField(default=5)
    guardrails = models.JSONField(default=list, blank=True)
    minimum_n = models.PositiveIntegerField()
    stop_rule = models.TextField()
    seed = models.BigIntegerField()
    replaces = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="replaced_by"
    )
    promise = models.JSONField()
    baseline = models.TextField()
    content = models.TextField()
    content_sha256 = models.CharField(max_length=64)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    approval = models.OneToOneField(
        "portal.ApprovalRequest", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_because = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(baseline_ends_on__gt=F("baseline_starts_on"))
                & Q(launch_on__gte=F("baseline_ends_on"))
                & Q(after_starts_on__gte=F("launch_on"))
                & Q(after_ends_on__gt=F("after_starts_on")),
                name="adoption_impactregistration_windows_in_order",
            ),
            models.CheckConstraint(
                condition=Q(baseline_ends_on__lte=F("trigger_month")),
                name="adoption_impactregistration_before_trigger",
            ),
            models.CheckConstraint(
                condition=Q(method__in=ImpactMethod.values),
                name="adoption_impactregistration_known_method",
            ),
            models.CheckConstraint(
                condition=Q(alpha_percent__in=(1, 5, 10)),
                name="adoption_impactregistration_alpha",
            ),
            models.CheckConstraint(
                condition=Q(approved_at__isnull=True, approval__isnull=True)
                | Q(approved_at__isnull=False, approval__isnull=False),
                name="adoption_impactregistration_approved_by",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(approved_at__isnull=True),
                name="adoption_impactregistration_kept_once_approved",
            ),
        ]

    def __str__(self) -> str:
        return self.hypothesis[:80]


class ImpactAmendment(models.Model):
    """A change of the protocol since its launch, and why. Never changed, never deleted.

    `changes` maps a field of the registration to its new value; empty for a deviation that
    happened (somebody was treated who should not have been). Any of them caps the verdict.
    """

    registration = models.ForeignKey(
        ImpactRegistration, on_delete=models.PROTECT, related_name="amendments"
    )
    changes = models.JSONField(default=dict, blank=True)
    reason = models.TextField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["made_at", "pk"]

    def __str__(self) -> str:
        return f"{self.registration_id}: {self.reason[:60]}"


class LossReport(models.Model):
    """How many tasks or people were expected on one side, and what became of them. Only counts.

    The newest of each side holds; the others stay.
    """

    registration = models.ForeignKey(
        ImpactRegistration, on_delete=models.PROTECT, related_name="losses"
    )
    side = models.CharField(max_length=8, choices=LossSide)
    expected = models.PositiveIntegerField()
    opted_out = models.PositiveIntegerField(default=0)
    vanished = models.PositiveIntegerField(default=0)
    note = models.TextField(blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    made_at = models.DateTimeField()

    class Meta:
        ordering = ["made_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(expected__gte=F("opted_out") + F("vanished")),
                name="adoption_lossreport_no_more_than_expected",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.registration_id} {self.side}: {self.expected}"
