"""The form that answers a finding."""

from __future__ import annotations

from django import forms


class AcknowledgeForm(forms.Form):
    """What is behind it."""

    reason = forms.CharField(
        label="What is behind it",
        max_length=500,
        help_text="Kept with the finding. Name no person: it is about a service or a team.",
    )
