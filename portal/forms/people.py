"""Forms about people."""

from __future__ import annotations

from django import forms


class ReasonForm(forms.Form):
    """Why an administrator does something to an account."""

    reason = forms.CharField(
        label="Why", max_length=400, help_text="Kept in the audit, with your name."
    )
