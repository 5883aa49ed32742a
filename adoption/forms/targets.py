"""Forms about adoption targets and attested milestones."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from adoption.choices import AttestedOutcome, Comparator, ScopeKind
from adoption.forms.milestones import read_threshold
from adoption.forms.widgets import DayField, lines, version_field
from adoption.metrics.scoped import target_metrics
from adoption.metrics.wording import metric_or_none, threshold_input
from adoption.models import AdoptionTarget, Milestone, Team
from adoption.models.targets import TARGET_SCOPES
from adoption.services.target_rules import BadTargetError, TargetDraft, target_metric


class _MilestoneField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Milestone) -> str:
        return f"{obj.use_case.title}: {obj.title} (due {obj.due_on:%-d %b %Y})"


class TargetForm(forms.Form):
    """What one wants to reach, about what, by when, and the milestone that it serves."""

    title = forms.CharField(
        max_length=160,
        label="What do you want to reach?",
        help_text="An outcome in a few words, such as “Half of the teams have a held delivery”. "
        "Usage is not taken; the page says what to use instead.",
    )
    metric_key = forms.ChoiceField(
        required=False, label="Measured by", help_text="Leave open to have it read from the words."
    )
    milestone = _MilestoneField(
        queryset=Milestone.objects.none(),
        label="Serves the milestone",
        empty_label="Choose a milestone",
        help_text="A target that serves no delivery is a quota.",
    )
    scope_kind = forms.ChoiceField(
        label="About",
        initial=ScopeKind.USE_CASE,
        help_text="Use case and programme are those of the milestone.",
        choices=[(each.value, ScopeKind(each).label) for each in TARGET_SCOPES],
    )
    team = forms.ModelChoiceField(
        queryset=Team.objects.order_by("name", "pk"),
        required=False,
        empty_label="Not about a team",
        help_text="Only when it is about a team: that of the use case, or one above it.",
    )
    comparator = forms.ChoiceField(
        choices=Comparator.choices, label="Wanted is", initial=Comparator.AT_LEAST
    )
    threshold = forms.DecimalField(
        label="Value",
        help_text="A number; a share as a percentage.",
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    due_on = DayField(
        label="Due on", help_text="The last day that still counts; not after the milestone's."
    )

    def __init__(self, *args: Any, milestones: QuerySet[Milestone], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["milestone"].queryset = milestones  # type: ignore[attr-defined]
        self.fields["metric_key"].choices = [  # type: ignore[attr-defined]
            ("", "As my words say"),
            *((metric.key, metric.label) for metric in target_metrics()),
        ]

    @staticmethod
    def initial_of(target: AdoptionTarget) -> dict[str, Any]:
        """What the form shows of a target that exists."""
        metric = metric_or_none(target.metric_key)
        return {
            "title": target.title,
            "metric_key": target.metric_key,
            "milestone": target.milestone_id,
            "scope_kind": target.scope_kind,
            "team": target.team_id,
            "comparator": target.comparator,
            "threshold": threshold_input(target.threshold_nano, metric.unit if metric else ""),
            "due_on": target.due_on,
            "expected_version": target.version,
        }

    def clean(self) -> dict[str, Any]:
        """Find the metric, or say why there is none; add `draft`."""
        cleaned = super().clean() or {}
        title, chosen = cleaned.get("title", ""), cleaned.get("metric_key", "")
        if not title:
            return cleaned
        try:
            metric = target_metric(title, chosen)
        except BadTargetError as error:
            self.add_error(error.field, error.reason)
            return cleaned
        threshold, milestone = cleaned.get("threshold"), cleaned.get("milestone")
        if threshold is None or milestone is None or "due_on" not in cleaned:
            return cleaned
        nano = read_threshold(self, metric, threshold)
        scope_id = self._scope_id(cleaned, milestone)
        if nano is None or scope_id is None:
            return cleaned
        programme = milestone.use_case.programme
        cleaned["draft"] = TargetDraft(
            title=title,
            milestone_id=milestone.pk,
            scope_kind=cleaned["scope_kind"],
            scope_id=scope_id,
            metric_key=metric.key,
            comparator=cleaned["comparator"],
            threshold_nano=nano,
            currency=programme.currency if metric.unit == "money" else "",
            due_on=cleaned["due_on"],
        )
        return cleaned

    def _scope_id(self, cleaned: dict[str, Any], milestone: Milestone) -> int | None:
        kind = cleaned.get("scope_kind")
        if kind == ScopeKind.TEAM:
            if cleaned.get("team") is None:
                self.add_error("team", "Choose the team that it is about.")
                return None
            return int(cleaned["team"].pk)
        if kind == ScopeKind.PROGRAMME:
            return milestone.use_case.programme_id
        return milestone.use_case_id


class TargetEditForm(TargetForm):
    """The same for a target that exists."""

    expected_version = version_field()


class TargetWithdrawForm(forms.Form):
    """Why a target is given up."""

    reason = forms.CharField(
        widget=lines(3), label="Why", help_text="Stays in its log. It still counts as not met."
    )
    expected_version = version_field()


class AttestedMilestoneForm(forms.Form):
    """A promise of an outcome that is not code."""

    title = forms.CharField(
        max_length=160, help_text="The promise in a few words, for example “Desk is trained”."
    )
    outcome = forms.ChoiceField(
        choices=AttestedOutcome.choices,
        widget=forms.RadioSelect,
        label="What will be there",
        help_text="What a repository, a deployment or a bill can show is measured instead.",
    )
    due_on = DayField(label="Due on", help_text="The last day that still counts.")


class AttestedMilestoneEditForm(AttestedMilestoneForm):
    """The same for one that exists."""

    expected_version = version_field()


class AttestationForm(forms.Form):
    """One person's word, with evidence."""

    statement = forms.CharField(
        widget=lines(4),
        label="What is there, and how can somebody else see it?",
        help_text="The second person decides on exactly these words.",
    )
    link = forms.URLField(
        required=False, max_length=500, assume_scheme="https", label="Link to the evidence",
        help_text="A page, a minute, a certificate. Not code: that is measured.",
    )  # fmt: skip
    happened_on = DayField(label="Since when", help_text="A day that has come.")
    expected_version = version_field()
