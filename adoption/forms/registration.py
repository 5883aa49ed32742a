"""The three steps of a registration. Each can be saved as it is; none is needed at once."""

from __future__ import annotations

from typing import Any

from django import forms

from adoption.choices import RiskTier, ValueType
from adoption.forms.records import form_field
from adoption.forms.use_cases import Sections, UseCaseForm
from adoption.forms.widgets import lines, version_field
from adoption.inventories.fields import RECORD_FIELDS

BENEFIT_FIELDS = ("benefit_measure", "benefit_unit", "baseline", "expected", "expected_on",
                  "benefit_text")  # fmt: skip
RISK_FIELDS = ("data_class", "personal_data", "tools", "vendors", "technology", "guardrails",
               "oversight", "impact_assessment")  # fmt: skip


class ProblemForm(UseCaseForm):
    """Step 1: what is wrong, and who answers for mending it."""

    # Of the later steps.
    hypothesis = None  # type: ignore[assignment]
    risk_tier = None  # type: ignore[assignment]
    stop_rule = None  # type: ignore[assignment]
    value_type = forms.ChoiceField(
        required=False,
        choices=[("", "Not stated yet"), *ValueType.choices[:-1]],
        label="Value type",
        help_text="What it is mainly for. Needed before it can be approved.",
    )

    sections: Sections = (
        ("The problem", ("title", "problem", "value_type")),
        ("Who", ("programme", "team", "owner")),
    )

    def clean_value_type(self) -> str:
        return self.cleaned_data["value_type"] or ValueType.NOT_STATED


class ProblemEditForm(ProblemForm):
    """Step 1 of a registration that goes on."""

    expected_version = version_field()


class _RecordStep(forms.Form):
    expected_version = version_field()
    names: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.names:
            self.fields[name] = form_field(RECORD_FIELDS[name])


class BenefitForm(_RecordStep):
    """Step 2: what should become different, in a number that can be missed."""

    hypothesis = forms.CharField(
        required=False,
        max_length=20_000,
        widget=lines(3),
        help_text=(
            "One sentence that can turn out wrong: “If we …, then … will change from … to …, "
            "because …”. The use case's page opens with it."
        ),
    )
    names = BENEFIT_FIELDS
    sections = (("Hypothesis", ("hypothesis",)), ("Expected benefit", BENEFIT_FIELDS))


class RiskForm(_RecordStep):
    """Step 3: what could go wrong, what it touches, and when it ends."""

    risk_tier = forms.ChoiceField(
        choices=RiskTier.choices,
        label="Risk tier",
        help_text="High when it decides about people, safety, money or rights.",
    )
    stop_rule = forms.CharField(
        required=False,
        max_length=20_000,
        widget=lines(2),
        label="Stop rule",
        help_text=(
            "Which measured result, by when, would make you end it? Needed before the pilot. "
            "Example: “Fewer than 5 held deliveries eight weeks after the start”."
        ),
    )
    names = RISK_FIELDS
    sections = (
        ("Risk", ("risk_tier", "guardrails", "oversight", "impact_assessment")),
        ("Data and tools", ("data_class", "personal_data", "tools", "vendors", "technology")),
        ("When it is stopped", ("stop_rule",)),
    )
