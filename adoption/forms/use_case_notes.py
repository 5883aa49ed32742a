"""Forms for comments and links."""

from __future__ import annotations

from django import forms

from adoption.forms.widgets import lines


class CommentForm(forms.Form):
    """A comment, or a decision for the log."""

    text = forms.CharField(
        max_length=5000,
        widget=lines(3),
        label="In your words",
        help_text="Plain text, with your name and the time. It is never changed; you can take it "
        "back, and the line stays.",
    )


class LinkForm(forms.Form):
    """A document elsewhere."""

    title = forms.CharField(
        max_length=160, help_text="What it is, for example “Impact assessment”."
    )
    url = forms.CharField(
        max_length=1000,
        label="Address",
        widget=forms.URLInput,
        help_text="Starts with https://. Who opens it must be allowed to, there.",
    )


class ConfirmForm(forms.Form):
    """Nothing to fill in: the button says it all."""
