"""What the work list of unallocated money is asked for."""

from __future__ import annotations

from typing import Any

from django import forms

from billing.choices import MatchField
from portal.shell.filters import MonthField

BY_CHOICES = [
    (MatchField.SUB_ACCOUNT, "Sub-account"),
    (MatchField.TAG, "Tag"),
    (MatchField.SERVICE, "Service"),
    (MatchField.RESOURCE, "Resource"),
]


class UnallocatedForm(forms.Form):
    """A month and the attribute to look by; the newest month and sub-accounts when not given."""

    month = MonthField(required=False, label="Month")
    by = forms.ChoiceField(choices=BY_CHOICES, required=False, label="By")

    def asked(self) -> dict[str, Any]:
        """What can be read of it."""
        return self.cleaned_data if self.is_valid() else {}
