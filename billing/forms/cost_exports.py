"""Which months, currency and basis to export."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.forms.fields import WindowForm
from billing.selectors.choices_in_use import choices_for
from portal.shell.filters import MonthField


class ExportForm(WindowForm):
    """Months (UTC), both included, and one basis: a file of two invites adding them."""

    first = MonthField(label="From")
    last = MonthField(label="To")
    basis = forms.ChoiceField(required=False, label="Basis")
    currency = forms.ChoiceField(required=False, label="Currency")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, column in (("basis", "cost_basis"), ("currency", "currency")):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  (for the type checker)
            field.choices = [("", "Any"), *choices_for(column)]
