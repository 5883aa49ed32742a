"""Forms about deliveries: log, withdraw, review."""

from __future__ import annotations

from typing import Any

from django import forms
from django.urls import reverse_lazy

from adoption.choices import AiAssistance
from adoption.forms.widgets import lines
from adoption.models import Change, UseCase
from adoption.selectors.deliveries import use_cases_to_log_for
from portal.policies import AnyUser

ACCEPT, REJECT = "confirm", "reject"


class LogDeliveryForm(forms.Form):
    """What AI helped deliver: for which use case, and a change or a link. Hours are not asked."""

    use_case = forms.ModelChoiceField(
        queryset=UseCase.objects.none(),
        to_field_name="slug",
        empty_label="Choose a use case",
        label="For which use case",
        widget=forms.Select(
            attrs={
                "hx-get": reverse_lazy("log-delivery-changes"),
                "hx-trigger": "change",
                "hx-target": "#waiting",
                "hx-include": "[name='words'], [name='link']",
                "hx-sync": "this:replace",
            }
        ),
    )
    link = forms.URLField(
        required=False,
        max_length=500,
        assume_scheme="https",
        label="Link to what was delivered",
        help_text="A pull or merge request, a commit, a document, a ticket, a campaign. You see at "
        "once what it leads to, and the rest is filled in.",
        widget=forms.URLInput(
            attrs={
                "autocomplete": "off",
                "hx-get": reverse_lazy("log-delivery-link"),
                "hx-trigger": "input changed delay:250ms",
                "hx-target": "#leads-to",
                "hx-include": "[name='use_case'], [name='title'], [name='by_hand']",
                "hx-sync": "this:replace",
            }
        ),
    )
    title = forms.CharField(
        required=False,
        max_length=500,
        label="What it is",
        help_text="A few words that colleagues understand.",
    )
    change = forms.ModelChoiceField(queryset=Change.objects.all(), required=False)
    assistance = forms.ChoiceField(
        choices=AiAssistance.choices,
        widget=forms.RadioSelect,
        initial=AiAssistance.NOT_STATED,
        label="Did AI help?",
    )

    def __init__(self, *args: Any, user: AnyUser, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["use_case"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  (for the type checker)
        field.queryset = use_cases_to_log_for(user)

    def clean(self) -> dict[str, Any]:
        """A link or a change, never both: one of them would silently be left out."""
        cleaned = super().clean() or {}
        if cleaned.get("link") and cleaned.get("change"):
            self.add_error(
                "change", "You pasted a link too. Choose “The link above”, or empty the link."
            )
        return cleaned


class WithdrawForm(forms.Form):
    """Nothing to fill in: the button is the answer."""


class ReviewForm(forms.Form):
    """A decision about work that is not code."""

    decision = forms.ChoiceField(
        choices=[(ACCEPT, "Confirm: it was delivered"), (REJECT, "Reject")],
        widget=forms.RadioSelect,
        label="Your decision",
    )
    reason = forms.CharField(
        required=False,
        max_length=200,
        widget=lines(3),
        label="Why",
        help_text=(
            "Required for rejecting. The person who logged it reads it, and so does whoever opens "
            "the use case's deliveries: write about the work, not about people."
        ),
    )
