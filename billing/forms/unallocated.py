"""What the work list of unallocated money is asked for."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.choices import MatchField
from billing.forms.fields import AS_OF_LABEL, MomentField
from billing.selectors.unallocated import ATTRIBUTES
from portal.shell.filters import MonthField

BY_CHOICES = [(field, MatchField(field).label) for field in ATTRIBUTES]


class UnallocatedForm(forms.Form):
    """A month and the attribute to look by; the newest month and sub-accounts when not given."""

    month = MonthField(required=False, label="Month")
    by = forms.ChoiceField(choices=BY_CHOICES, required=False, label="By")
    as_of = MomentField(required=False, label=AS_OF_LABEL)

    def asked(self) -> dict[str, Any]:
        """What can be read of it."""
        return self.cleaned_data if self.is_valid() else {}


class UnmappedForm(forms.Form):
    """Months and attribute; the six newest and all attributes when not given."""

    first = MonthField(required=False, label="From")
    last = MonthField(required=False, label="To")
    by = forms.ChoiceField(
        choices=[("", "All that can name a use case"), *BY_CHOICES], required=False, label="By"
    )
    as_of = MomentField(required=False, label=AS_OF_LABEL)

    def asked(self) -> dict[str, Any]:
        """What can be read of it."""
        return self.cleaned_data if self.is_valid() else {}
