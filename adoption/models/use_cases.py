"""A problem worth solving with AI, and how it moved through its stages."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from adoption.choices import RiskTier, Stage, ValueType
from adoption.models.programmes import Programme
from adoption.models.teams import Team


class UseCase(models.Model):
    """One use case. `stage` is written by the stage service only, with a `StageChange` each time.

    `version` rises with every write and is what `If-Match` compares. `editors_since_stage` are the
    accounts that edited it since its stage last changed: they do not approve the next stage.
    """

    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=160)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="use_cases")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="use_cases")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="owned_use_cases"
    )
    problem = models.TextField(blank=True)
    hypothesis = models.TextField(blank=True)
    value_type = models.CharField(max_length=32, choices=ValueType)
    risk_tier = models.CharField(max_length=16, choices=RiskTier, default=RiskTier.MINIMAL)
    stop_rule = models.TextField(blank=True)
    stage = models.CharField(max_length=16, choices=Stage, default=Stage.PROPOSED)
    stage_since = models.DateField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)
    editors_since_stage = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(stage__in=Stage.values), name="adoption_usecase_known_stage"
            ),
            models.CheckConstraint(
                condition=Q(value_type__in=ValueType.values), name="adoption_usecase_known_value"
            ),
            models.CheckConstraint(
                condition=Q(risk_tier__in=RiskTier.values), name="adoption_usecase_known_risk"
            ),
        ]
        indexes = [models.Index(fields=["stage", "title"], name="adoption_usecase_by_stage")]

    def __str__(self) -> str:
        return self.title


class StageChange(models.Model):
    """One step of a use case from stage to stage: the decision log. Never changed or deleted."""

    use_case = models.ForeignKey(UseCase, on_delete=models.PROTECT, related_name="stage_changes")
    from_stage = models.CharField(max_length=16, choices=Stage, blank=True)
    to_stage = models.CharField(max_length=16, choices=Stage)
    reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField()
    approval = models.OneToOneField(
        "portal.ApprovalRequest", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["-decided_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(to_stage__in=("stopped", "retired")) | ~Q(reason=""),
                name="adoption_stagechange_end_needs_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_stage or 'new'} → {self.to_stage}"
