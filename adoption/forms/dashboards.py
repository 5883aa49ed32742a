"""Forms about dashboards."""

from __future__ import annotations

from typing import Any

from django import forms

from adoption.choices import TileKind
from adoption.forms.widgets import lines, version_field
from adoption.models import Dashboard, MetricVersion, Milestone
from adoption.selectors.dashboards import goals_to_choose
from adoption.selectors.served_values import code_of


class MilestoneChoice(forms.ModelChoiceField):
    """A milestone of a use case that runs."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(queryset=goals_to_choose(), empty_label="Choose a milestone", **kwargs)

    def label_from_instance(self, obj: Milestone) -> str:
        return f"{obj.use_case.title}: {obj.title}"


class DashboardForm(forms.Form):
    """What it is for, and which goal it serves."""

    title = forms.CharField(max_length=160)
    purpose = forms.CharField(
        widget=lines(3), help_text="Which decision somebody takes by looking at it, and when."
    )
    milestone = MilestoneChoice(
        label="Goal",
        help_text="The milestone that it helps to reach. What serves no goal decides nothing.",
    )


class DashboardEditForm(DashboardForm):
    """The same for one that exists."""

    expected_version = version_field()

    @staticmethod
    def initial_of(dashboard: Dashboard) -> dict[str, Any]:
        return {
            "title": dashboard.title,
            "purpose": dashboard.purpose,
            "milestone": dashboard.milestone_id,
            "expected_version": dashboard.version,
        }


class SubmitForm(forms.Form):
    """Ask for a second person."""

    reason = forms.CharField(
        required=False, widget=lines(3), help_text="What the approver should know beside the tiles."
    )
    expected_version = version_field()


class DeprecateForm(forms.Form):
    """End it."""

    reason = forms.CharField(
        widget=lines(3), help_text="Why, and what to use instead. Shown to whoever opens it."
    )
    expected_version = version_field()


class MetricChoiceForm(forms.Form):
    """Which metric version the next tile shows; its scopes are offered next."""

    metric = forms.ChoiceField(label="Metric")

    def __init__(self, *args: Any, versions: list[MetricVersion], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["metric"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  (for the type checker)
        field.choices = [("", "Choose a metric"), *((str(row.pk), _label(row)) for row in versions)]


def _label(row: MetricVersion) -> str:
    metric = code_of(row.key, row.version)
    return f"{metric.label if metric else row.key}, version {row.version}"


class TileForm(forms.Form):
    """The next tile: where, how, and what it is called."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    scope = forms.ChoiceField(label="Of")
    kind = forms.ChoiceField(label="Shown as", choices=TileKind.choices)
    title = forms.CharField(
        max_length=120, required=False, help_text="Empty: the name of the metric and of the scope."
    )

    def __init__(self, *args: Any, scopes: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["scope"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  (for the type checker)
        field.choices = scopes
