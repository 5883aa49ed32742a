"""The forms of a price plan: a new one, and its end."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.choices import PlanPeriod
from billing.forms.fields import DayField
from billing.services.plans import PlanDraft


class PriceField(forms.DecimalField):
    """An amount typed as text, exact to nine places; empty is not known."""

    def __init__(self, **kwargs: Any) -> None:
        attributes = {"inputmode": "decimal", "autocomplete": "off"}
        kwargs.setdefault("widget", forms.TextInput(attrs=attributes))
        super().__init__(required=False, max_digits=18, decimal_places=9, min_value=0, **kwargs)


class PlanForm(forms.Form):
    """What a plan costs, on which days, and how that is known."""

    provider = forms.CharField(max_length=120, help_text="Who sells it, as files of seats name it.")
    key = forms.CharField(
        max_length=120,
        help_text="The plan as files name it: a tier such as PRO. Capitals do not matter.",
    )
    name = forms.CharField(max_length=160, help_text="What people will call it.")
    valid_from = DayField(label="From", help_text="First day (UTC) on which these prices hold.")
    valid_until = DayField(
        label="Up to, not including", required=False, help_text="Leave empty while they go on."
    )
    currency = forms.CharField(max_length=3, initial="USD", help_text="Three letters, ISO 4217.")
    seat_price = PriceField(label="Price of a seat", help_text="Leave empty where it is not known.")
    seat_period = forms.ChoiceField(choices=PlanPeriod.choices, label="For a")
    included_credits = forms.DecimalField(
        required=False, min_value=0, max_digits=18, decimal_places=6, label="Credits included",
        help_text="For a person and period. Leave empty where there are none or it is not known.",
    )  # fmt: skip
    overage_price = PriceField(
        label="Price of a credit beyond them", help_text="Leave empty where it is not known."
    )
    source = forms.CharField(
        max_length=500,
        label="Where the figures come from",
        help_text="Contract, order form or page, with its date: an auditor will ask.",
    )

    def draft(self) -> PlanDraft:
        """The plan that was typed."""
        return PlanDraft(**self.cleaned_data)


class PlanEndForm(forms.Form):
    """The first day on which a plan does not hold any more, and why."""

    valid_until = DayField(
        label="First day without it",
        help_text="On the plan's own first day, this withdraws it: then it prices nothing.",
    )
    reason = forms.CharField(max_length=500, label="Why", help_text="Stays with the plan.")
