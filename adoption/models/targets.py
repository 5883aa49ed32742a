"""What a programme, a team or a use case wants to reach, and the milestone that it serves."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from adoption.choices import Comparator, MilestoneEventKind, MilestoneState, ScopeKind
from adoption.models.milestones import Milestone
from adoption.models.programmes import Programme
from adoption.models.promises import MeasuredPromise
from adoption.models.teams import Team
from adoption.models.use_cases import UseCase

TARGET_SCOPES = (ScopeKind.PROGRAMME, ScopeKind.TEAM, ScopeKind.USE_CASE)


class AdoptionTarget(MeasuredPromise):
    """An outcome metric of a scope, from a measured baseline to a value by a day.

    `milestone` is required: a target that serves no delivery is a quota. `programme` is that of the
    milestone. `baseline_nano` is measured when the target is set, never typed; None with a reason
    when there was nothing to measure. Withdrawn targets stay.
    """

    title = models.CharField(max_length=160)
    milestone = models.ForeignKey(Milestone, on_delete=models.PROTECT, related_name="targets")
    scope_kind = models.CharField(max_length=16, choices=ScopeKind)
    programme = models.ForeignKey(Programme, on_delete=models.PROTECT, related_name="targets")
    team = models.ForeignKey(
        Team, on_delete=models.PROTECT, null=True, blank=True, related_name="targets"
    )
    use_case = models.ForeignKey(
        UseCase, on_delete=models.PROTECT, null=True, blank=True, related_name="targets"
    )
    metric_version = models.CharField(max_length=20)
    baseline_nano = models.BigIntegerField(null=True, blank=True, editable=False)
    baseline_reason = models.CharField(max_length=64, blank=True, editable=False)
    baseline_at = models.DateTimeField(editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True, editable=False)
    withdrawn_reason = models.TextField(blank=True, editable=False)

    class Meta:
        ordering = ["due_on", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(scope_kind="programme", team__isnull=True, use_case__isnull=True)
                | Q(scope_kind="team", team__isnull=False, use_case__isnull=True)
                | Q(scope_kind="use_case", team__isnull=True, use_case__isnull=False),
                name="adoption_target_one_scope",
            ),
            models.CheckConstraint(
                condition=Q(comparator__in=Comparator.values),
                name="adoption_target_known_comparator",
            ),
            models.CheckConstraint(
                condition=Q(state__in=MilestoneState.values), name="adoption_target_known_state"
            ),
            models.CheckConstraint(
                condition=~Q(state="reached")
                | Q(reached_at__isnull=False, measured_nano__isnull=False),
                name="adoption_target_reached_is_measured",
            ),
            models.CheckConstraint(
                condition=Q(baseline_nano__isnull=False, baseline_reason="")
                | Q(baseline_nano__isnull=True, baseline_reason__gt=""),
                name="adoption_target_baseline_or_reason",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_reason__gt=""),
                name="adoption_target_withdrawn_with_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def scope_id(self) -> int:
        """Key of what it is about, in its table."""
        if self.scope_kind == ScopeKind.TEAM:
            return self.team_id or 0
        if self.scope_kind == ScopeKind.USE_CASE:
            return self.use_case_id or 0
        return self.programme_id


class TargetEvent(models.Model):
    """What happened to a target, and who did it. Never changed, never deleted.

    `due_on` is the day that holds from here on, so that a day which was moved is still known.
    """

    target = models.ForeignKey(AdoptionTarget, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=16, choices=MilestoneEventKind)
    due_on = models.DateField()
    note = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    happened_at = models.DateTimeField()

    class Meta:
        ordering = ["-happened_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=MilestoneEventKind.values),
                name="adoption_targetevent_known_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.target_id}"
