"""The form about suggestions: by what a use case's are recognised."""

from __future__ import annotations

from django import forms

from adoption.forms.widgets import lines


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
