"""Forms about anomalies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from billing.choices import AnomalyReason
from billing.forecast.anomalies import Thresholds
from billing.forms.budgets import AmountField, RefusableForm
from portal.shell.money import decimal_text, from_nano, to_nano

_PER_PERCENT = 10_000  # millionths


class AnswerForm(RefusableForm):
    """What an anomaly was."""

    reason = forms.ChoiceField(
        choices=[("", "Choose"), *AnomalyReason.choices], label="What it was"
    )
    note = forms.CharField(
        label="In a few words", max_length=1000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Whoever asks later finds it. Say nothing about single people.",
    )  # fmt: skip


class PolicyForm(RefusableForm):
    """From when anomalies in a currency are told to people."""

    absolute = AmountField(
        label="At least", help_text="Smaller ones are listed, and nobody is told."
    )
    percent = forms.DecimalField(
        label="And at least, % of the month's budget",
        min_value=Decimal(0),
        max_value=Decimal(100),
        max_digits=7,
        decimal_places=4,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text="Where the use case has a budget. The larger of the two counts.",
    )
    learning_cap = AmountField(
        label="While learning, a day costs at most",
        help_text="Until there are 14 days of history nothing else can be said.",
    )

    def thresholds(self) -> Thresholds:
        """What was typed."""
        cleaned = self.cleaned_data
        return Thresholds(
            learning_cap=to_nano(cleaned["learning_cap"]),
            absolute=to_nano(cleaned["absolute"]),
            share=int(cleaned["percent"] * _PER_PERCENT),
        )

    @staticmethod
    def initial_of(found: Thresholds) -> dict[str, Any]:
        """What the form shows of what holds."""
        return {
            "absolute": decimal_text(from_nano(found.absolute)),
            "percent": decimal_text(Decimal(found.share) / _PER_PERCENT),
            "learning_cap": decimal_text(from_nano(found.learning_cap)),
        }
