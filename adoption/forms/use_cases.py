"""Forms about use cases: register, edit, move to another stage, link a repository."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django import forms
from django.urls import reverse_lazy

from adoption.choices import RiskTier, Stage, ValueType
from adoption.forms.widgets import DayField, PersonField, lines, version_field
from adoption.models import Programme, Team
from adoption.selectors.use_cases import repositories_to_link

Sections = tuple[tuple[str, tuple[str, ...]], ...]

# While title or problem are typed, use cases that may be the same appear below the title.
_SIMILAR = {
    "hx-get": reverse_lazy("use-case-similar"),
    "hx-trigger": "input changed delay:300ms",
    "hx-target": "#similar",
    "hx-sync": "closest form:replace",
    "hx-include": "[name='title'], [name='problem'], [name='exclude']",
}


class UseCaseForm(forms.Form):
    """What a use case is about. `sections` is how the page groups the fields."""

    title = forms.CharField(
        max_length=160,
        help_text="What people will call it. Its address is made from it once.",
        widget=forms.TextInput(attrs={"autocomplete": "off", **_SIMILAR}),
    )
    programme = forms.ModelChoiceField(
        queryset=Programme.objects.order_by("name", "pk"), empty_label="Choose a programme"
    )
    team = forms.ModelChoiceField(
        queryset=Team.objects.order_by("name", "pk"), empty_label="Choose a team"
    )
    owner = PersonField(help_text="Answers for it, edits it and may stop it.")
    problem = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, **_SIMILAR}),
        help_text="What is slow, costly or wrong today, and for whom?",
    )
    hypothesis = forms.CharField(
        required=False,
        widget=lines(3),
        help_text=(
            "One sentence that can turn out wrong: “If we …, then … will change from … to …, "
            "because …”. The use case's page opens with it."
        ),
    )
    value_type = forms.ChoiceField(
        choices=[("", "Choose what it is for"), *ValueType.choices[:-1]], label="Value type"
    )
    risk_tier = forms.ChoiceField(
        choices=RiskTier.choices,
        label="Risk tier",
        help_text="High when it decides about people, safety, money or rights.",
    )
    stop_rule = forms.CharField(
        required=False,
        widget=lines(2),
        label="Stop rule",
        help_text=(
            "Which measured result, by when, would make you end it? Needed before the pilot. "
            "Example: “Fewer than 5 held deliveries eight weeks after the start”."
        ),
    )

    sections: Sections = (
        ("What and who", ("title", "programme", "team", "owner")),
        ("Why it should work", ("value_type", "problem", "hypothesis")),
        ("Risk, and when to stop", ("risk_tier", "stop_rule")),
    )


class UseCaseEditForm(UseCaseForm):
    """The same for a use case that exists."""

    expected_version = version_field()


class StageForm(forms.Form):
    """A decision: which stage, and why."""

    to_stage = forms.ChoiceField(widget=forms.RadioSelect, label="Move to")
    reason = forms.CharField(
        required=False,
        widget=lines(4),
        label="Why",
        help_text=(
            "Goes into the decision log. Required for stopping and retiring: say what was learnt."
        ),
    )
    expected_version = version_field()

    def __init__(self, *args: Any, stages: Sequence[Stage] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["to_stage"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  (for the type checker)
        field.choices = [(stage.value, stage.label) for stage in stages]
        if len(stages) == 1:
            self.initial.setdefault("to_stage", stages[0].value)


class RepositoryLinkForm(forms.Form):
    """Which repository's changes belong to the use case, and from when."""

    repository = forms.ModelChoiceField(
        queryset=repositories_to_link(), empty_label="Choose a repository"
    )
    starts_on = DayField(label="From", help_text="Changes merged on or after this day count.")
    ends_on = DayField(
        required=False, label="Up to, not including", help_text="Leave empty while it goes on."
    )


class EndLinkForm(forms.Form):
    """When changes of a repository stop to belong to the use case."""

    ends_on = DayField(
        label="First day that no longer counts", initial=lambda: dt.datetime.now(dt.UTC).date()
    )
