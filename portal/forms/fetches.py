"""The form that asks for days to be fetched."""

from __future__ import annotations

from typing import Any

from django import forms

MOST_DAYS = 366


class FetchForm(forms.Form):
    """A half-open range of whole UTC days."""

    start = forms.DateField(
        label="First day",
        help_text="UTC. Days that were fetched before are read again: what the provider has "
        "restated since is restated here.",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    end = forms.DateField(
        label="First day not wanted any more",
        help_text="The day after the last day. Days that are not complete yet are left out.",
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        start, end = cleaned.get("start"), cleaned.get("end")
        if start and end and end <= start:
            self.add_error("end", f"It must be after the first day, {start}.")
        elif start and end and (end - start).days > MOST_DAYS:
            self.add_error("end", f"At most {MOST_DAYS} days at once.")
        return cleaned
