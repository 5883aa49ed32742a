"""Forms about people."""

from __future__ import annotations

from django import forms


class ErasureForm(forms.Form):
    """Why a person is erased; the request is for ever, so it must not name them."""

    reason = forms.CharField(
        label="Why",
        max_length=400,
        help_text="Kept for ever, so without the name: “asked for it on 3 May”.",
    )


class ReasonForm(forms.Form):
    """Why an administrator does something to an account."""

    reason = forms.CharField(
        label="Why", max_length=400, help_text="Kept in the audit, with your name."
    )
