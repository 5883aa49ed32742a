"""Forms that decide about a rejected row."""

from __future__ import annotations

from typing import Any

from django import forms

from portal.imports.contracts import MAX_RAW_TEXT

REASON_HELP = "Kept with the row: whoever asks later finds it."


class RawTextField(forms.CharField):
    """Text as a file has it: spaces and line breaks inside a record stay as they are."""

    widget = forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "raw-text"})

    def to_python(self, value: Any) -> str:
        # A browser sends CR LF for every line break that the person typed or left.
        return str(super().to_python(value)).replace("\r\n", "\n").rstrip("\n")


class RepairForm(forms.Form):
    """The mended text of a row."""

    text = RawTextField(
        label="Mended row",
        strip=False,
        max_length=MAX_RAW_TEXT,
        help_text="Whenever the raw text above comes again, this is read in its place.",
    )
    reason = forms.CharField(label="Why it is right", max_length=500, help_text=REASON_HELP)

    def __init__(self, *args: Any, raw_text: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.raw_text = raw_text.replace("\r\n", "\n").rstrip("\r\n")
        self.fields["text"].initial = self.raw_text

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        if text == self.raw_text:
            raise forms.ValidationError("This is the text that was rejected; change it first.")
        return text


class DismissForm(forms.Form):
    """Why a row is not wanted."""

    reason = forms.CharField(label="Why it is not wanted", max_length=500, help_text=REASON_HELP)
