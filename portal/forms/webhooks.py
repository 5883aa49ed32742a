"""Forms about webhooks."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from portal.webhooks.registry import TEST_EVENT, webhook_events


class WebhookForm(forms.Form):
    """What is told to whom. The address is fixed once the subscription exists."""

    name = forms.CharField(max_length=80, help_text="As you would tell a colleague.")
    url = forms.URLField(
        max_length=500,
        label="Address",
        assume_scheme="https",
        help_text="An https address that answers 200 to 299 once it has the event.",
    )
    events = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple)
    is_sending = forms.BooleanField(
        required=False,
        initial=True,
        label="Send events",
        help_text="Events that happen while this is off are not sent later.",
    )

    def __init__(self, *args: Any, is_new: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["events"].choices = [  # type: ignore[attr-defined]
            (event.key, f"{event.label} ({event.key})")
            for event in webhook_events
            if event != TEST_EVENT
        ]
        if is_new:
            del self.fields["is_sending"]
        else:
            del self.fields["url"]

    def add_refusal(self, error: ValidationError) -> None:
        """Put each message at its field, or above the form where it has none."""
        for name, found in error.error_dict.items():
            self.add_error(name if name in self.fields else None, found)


class WebhookReasonForm(forms.Form):
    """Why a subscription ends or an event is sent once more."""

    reason = forms.CharField(label="Why", max_length=500, help_text="Stands in the audit.")
