"""The form of a circuit breaker."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.choices import BreakerField, BreakerWindow, CostBasis
from billing.forms.budgets import AmountField, CurrencyField, RefusableForm
from billing.forms.fields import UseCaseField
from billing.services.breakers import BreakerDraft
from portal.choices import ImportKind
from portal.models import Connection
from portal.shell.money import to_nano


class BreakerForm(RefusableForm):
    """Which job, how much, how long."""

    name = forms.CharField(max_length=120, help_text="As receivers of the event see it.")
    use_case = UseCaseField(label="Use case", help_text="Its address or its whole title.")
    field = forms.ChoiceField(choices=BreakerField.choices, label="The job's charges carry")
    tag_key = forms.CharField(
        max_length=200, required=False, label="Tag key", help_text="For tags only."
    )
    value = forms.CharField(
        max_length=500, help_text="Exactly as the bill writes it; upper and lower case differ."
    )
    connection = forms.ModelChoiceField(
        queryset=Connection.objects.filter(kind=ImportKind.COSTS).order_by("name", "pk"),
        to_field_name="slug",
        required=False,
        empty_label="Every source of costs",
        label="Only from",
    )
    limit = AmountField(help_text="Billed cost. Above it the breaker opens.")
    currency = CurrencyField()
    cost_basis = forms.ChoiceField(choices=CostBasis.choices, label="Basis")
    window = forms.ChoiceField(
        choices=BreakerWindow.choices,
        label="In",
        help_text="An hour works only where the bill has hourly lines.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("field") != BreakerField.TAG:
            cleaned["tag_key"] = ""
        elif not cleaned.get("tag_key"):
            self.add_error("tag_key", "Say which tag to look at.")
        return cleaned

    def draft(self) -> BreakerDraft:
        """The breaker that was typed."""
        cleaned = self.cleaned_data
        connection: Connection | None = cleaned["connection"]
        return BreakerDraft(
            name=cleaned["name"],
            use_case_id=cleaned["use_case"].pk,
            connection_id=connection.pk if connection else None,
            field=cleaned["field"],
            tag_key=cleaned["tag_key"],
            value=cleaned["value"],
            window=cleaned["window"],
            currency=cleaned["currency"],
            cost_basis=cleaned["cost_basis"],
            limit_nano=to_nano(cleaned["limit"]),
        )
