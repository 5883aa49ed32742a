"""The form that takes files for an import."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile


class _ManyFilesInput(forms.FileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """One or several files; each is checked as a file field checks one."""

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        files = data if isinstance(data, (list, tuple)) else [data]
        return [super(ManyFilesField, self).clean(each, initial) for each in files or [None]]


class UploadForm(forms.Form):
    """Files, the days that they cover completely, and whether this is a dry run.

    Args:
        accept: file endings that the source takes, for the file chooser.
        summary: what the source wants to be given.
    """

    uploads = ManyFilesField(label="Files", max_length=255)
    window_start = forms.DateField(
        required=False,
        label="First day covered",
        help_text="UTC. Give both days when the files are complete for them: then a day that had "
        "rows and has none now is noticed. Only rows of these days are taken.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    window_end = forms.DateField(
        required=False,
        label="First day not covered any more",
        help_text="The day after the last day covered.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    is_dry_run = forms.BooleanField(
        required=False,
        label="Dry run",
        help_text="Says what would change, and changes nothing.",
    )

    def __init__(self, *args: Any, accept: str, summary: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["uploads"].widget = _ManyFilesInput(attrs={"accept": accept, "multiple": True})
        self.fields["uploads"].help_text = f"{summary} Several files become one import."

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        start, end = cleaned.get("window_start"), cleaned.get("window_end")
        if start and end and end <= start:
            self.add_error("window_end", f"It must be after the first day covered, {start}.")
        return cleaned
