"""Forms for tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from portal.scopes import api_scopes
from portal.services.api_tokens import LONGEST_LIFE, LONGEST_OVERLAP

DAYS = {7: "7 days", 30: "30 days", 90: "90 days", 180: "180 days", LONGEST_LIFE.days: "366 days"}
OVERLAPS = {0: "None: it ends now", 1: "1 day", 7: "7 days", LONGEST_OVERLAP.days: "30 days"}


class _RefusableForm(forms.Form):
    """Shows what a service refused at the field that it names."""

    services_names: dict[str, str] = {}

    def add_refusal(self, error: ValidationError) -> None:
        """Put each message at its field, or above the form where it has none."""
        for name, found in error.error_dict.items():
            field = self.services_names.get(name, name)
            self.add_error(field if field in self.fields else None, found)


class NewApiTokenForm(_RefusableForm):
    """A new token: what for, what it may do, until when, from where."""

    services_names = {"expires_at": "days"}
    name = forms.CharField(
        max_length=80, label="What it is for", help_text="As you would tell a colleague."
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        help_text="As few as it needs. It acts as you, so it never does more than you may.",
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.TypedChoiceField(
        choices=list(DAYS.items()), coerce=int, initial=90, label="How long it lives"
    )
    networks = forms.CharField(
        required=False,
        max_length=1000,
        label="From where",
        help_text="Networks, separated by commas, for example 10.2.0.0/16. Empty means anywhere.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = [  # type: ignore[attr-defined]
            (scope.key, f"{scope.label} ({scope.key})") for scope in api_scopes
        ]

    @property
    def life(self) -> timedelta:
        """How long the token lives."""
        return timedelta(days=self.cleaned_data["days"])


class RotateApiTokenForm(_RefusableForm):
    """A new token in the place of an old one."""

    services_names = {"expires_at": "days", "overlap": "overlap_days"}
    days = forms.TypedChoiceField(
        choices=list(DAYS.items()), coerce=int, initial=90, label="How long the new one lives"
    )
    overlap_days = forms.TypedChoiceField(
        choices=list(OVERLAPS.items()),
        coerce=int,
        initial=7,
        label="How long the old one stays valid",
        help_text="Long enough to put the new one everywhere.",
    )

    @property
    def life(self) -> timedelta:
        """How long the new token lives."""
        return timedelta(days=self.cleaned_data["days"])

    @property
    def overlap(self) -> timedelta:
        """How long both are valid."""
        return timedelta(days=self.cleaned_data["overlap_days"])


class RevokeApiTokenForm(_RefusableForm):
    """Ending a token."""

    reason = forms.CharField(
        max_length=200, label="Why", help_text="For whoever finds that it does not work any more."
    )
