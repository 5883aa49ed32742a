"""Forms about how far a metric is trusted."""

from __future__ import annotations

from typing import Any

from django import forms

from adoption.choices import APPROVED_STATUSES
from adoption.forms.widgets import DayField, PersonField


class StandingForm(forms.Form):
    """Who answers for a version of a metric, in which scope."""

    definition = forms.ChoiceField(label="Version")
    scope = forms.TypedChoiceField(label="Scope", coerce=int)
    owner = PersonField(
        label="Answers for it", help_text="Neither this person nor whoever gains by it approves."
    )

    def __init__(
        self, *args: Any, versions: list[str], scopes: list[tuple[int, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["definition"].choices = [(each, each) for each in versions]  # type: ignore[attr-defined]
        self.fields["scope"].choices = scopes  # type: ignore[attr-defined]


class ProposalForm(forms.Form):
    """What is asked of a second person."""

    to = forms.ChoiceField(
        label="Have it", choices=[(each.value, each.label.lower()) for each in APPROVED_STATUSES]
    )
    reason = forms.CharField(
        label="A word to the second person",
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class EndForm(forms.Form):
    """Why it is taken back."""

    reason = forms.CharField(
        label="Why",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Shown to everybody who uses the figure.",
    )


class DeprecateForm(EndForm):
    """Why it ends, and when."""

    sunset_on = DayField(label="Last day, exclusive")
