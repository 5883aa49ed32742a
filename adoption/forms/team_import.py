"""The form that takes a list of teams, first to look at it and then to take it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from adoption.models import Team

MOST_BYTES = 2 * 1024 * 1024


class TeamImportForm(forms.Form):
    """A CSV file; what was looked at comes back as `text`, so that exactly that is taken."""

    file = forms.FileField(
        label="CSV file",
        required=False,
        allow_empty_file=True,
        help_text="Columns: team, person (user name or e-mail), and if wanted below, starts_on, "
        "ends_on. Nothing is changed before you have seen what would be.",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )
    text = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        file = data.get("file")
        if file is not None:
            if file.size > MOST_BYTES:
                raise ValidationError({"file": f"At most {MOST_BYTES // 1024**2} MiB."})
            data["content"] = file.read()
        elif data.get("text"):
            data["content"] = data["text"].encode()
        else:
            raise ValidationError({"file": "Choose a file."})
        return data


class GroupTeamForm(forms.Form):
    """A group of the identity provider and the team that its people belong to."""

    group = forms.CharField(
        max_length=200, help_text="Exactly as the provider spells it in the groups claim."
    )
    team = forms.ModelChoiceField(queryset=Team.objects.none(), empty_label="Choose a team")

    def __init__(self, *args: Any, teams: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]
