"""Forms about suggestions: when one is told of them, and by what a use case's are recognised."""

from __future__ import annotations

from django import forms

from adoption.forms.widgets import lines


class DigestForm(forms.Form):
    """When and how a person is told of new suggestions."""

    by_email = forms.BooleanField(
        required=False,
        label="Tell me by e-mail and under Notices",
        help_text="Only on days on which something new was suggested; each suggestion once.",
    )
    hour = forms.TypedChoiceField(
        choices=[(hour, f"{hour:02d}:00") for hour in range(24)],
        coerce=int,
        label="At",
        help_text="In the zone of the programme.",
    )
    chat_address = forms.CharField(
        required=False,
        max_length=500,
        label="Incoming webhook of a chat",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="Of a channel that only you read. It is kept encrypted and never shown again; "
        "leave it empty to keep the one there is.",
    )
    forget_chat = forms.BooleanField(required=False, label="Forget the chat webhook")


class MarksForm(forms.Form):
    """By what changes are recognised as work for a use case, one entry a line."""

    paths = forms.CharField(
        required=False,
        max_length=4000,
        widget=lines(4),
        label="Paths",
        help_text="How paths of files begin, in linked repositories: services/checkout/",
    )
    labels = forms.CharField(
        required=False, max_length=4000, widget=lines(3), label="Labels",
        help_text="Whole labels of pull requests. uc:… with the slug is known without this.",
    )  # fmt: skip
    tickets = forms.CharField(
        required=False, max_length=4000, widget=lines(3), label="Ticket keys",
        help_text="A project (BILL) or one ticket (BILL-42), as titles and branches name them.",
    )  # fmt: skip
