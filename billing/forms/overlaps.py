"""Saying that two sources bring the same money, and taking it back."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.choices import ImportKind
from portal.models import Connection
from portal.shell.filters import MonthField


def _source(label: str, help_text: str) -> Any:
    return forms.ModelChoiceField(
        queryset=Connection.objects.filter(kind=ImportKind.COSTS).order_by("name", "pk"),
        to_field_name="slug",
        label=label,
        help_text=help_text,
    )


class OverlapForm(forms.Form):
    """Which source counts, which covers the same spend, and when."""

    counted = _source("This source counts", "Usually the one that is nearest to the invoice.")
    other = _source(
        "This one covers the same spend", "It stays stored and shown; sums leave it out."
    )
    provider = forms.CharField(
        required=False,
        max_length=200,
        label="Only of this provider",
        help_text="As the source writes it. Empty: everything that it brings.",
    )
    first = MonthField(label="From", help_text="First month (UTC).")
    last = MonthField(
        required=False, label="To", help_text="Last month, included. Empty while it goes on."
    )
    is_distinct = forms.BooleanField(
        required=False,
        label="They only look alike: both count",
        help_text="Each brings money of its own. These months are not asked about again.",
    )
    reason = forms.CharField(
        max_length=500, label="How you know", widget=forms.Textarea(attrs={"rows": 3})
    )


class OverlapEndForm(forms.Form):
    """Why it is taken back."""

    reason = forms.CharField(
        max_length=500,
        label="Why",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Stays with it. What was left out of sums is counted again.",
    )
