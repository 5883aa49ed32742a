"""Forms that decide about work that was held or failed."""

from __future__ import annotations

from django import forms

REASON_HELP = "Kept with the work: whoever asks later finds it."


class WorkDecisionForm(forms.Form):
    """Why work is tried again, or never done."""

    reason = forms.CharField(label="Why", max_length=500, help_text=REASON_HELP)
