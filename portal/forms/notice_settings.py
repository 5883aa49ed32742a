"""The form about one's own notices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError

from portal.models import DigestSetting
from portal.notice_kinds import NoticeKind
from portal.selectors.notice_settings import Ways

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class NoticeSettingsForm(forms.Form):
    """Two or three boxes a kind of notice, when digests come, and the chat that they go to."""

    hour = forms.TypedChoiceField(
        coerce=int, choices=[(hour, f"{hour:02d}:00") for hour in range(24)], label="Hour"
    )
    weekday = forms.TypedChoiceField(
        coerce=int, choices=list(enumerate(WEEKDAYS)), label="Day of the weekly digest"
    )
    time_zone = forms.CharField(
        max_length=64,
        label="Time zone",
        help_text="For example Europe/Amsterdam.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
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

    def __init__(
        self, *args: Any, choices: Sequence[tuple[NoticeKind, Ways]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kinds = [kind for kind, _ in choices]
        for number, (kind, ways) in enumerate(choices):
            self.fields[f"portal_{number}"] = forms.BooleanField(
                required=False, initial=ways.in_portal or kind.is_required,
                disabled=kind.is_required, label=f"{kind.label}: in the portal",
            )  # fmt: skip
            self.fields[f"email_{number}"] = forms.BooleanField(
                required=False, initial=ways.by_email, label=f"{kind.label}: by e-mail"
            )
            if kind.goes_to_chat:
                self.fields[f"chat_{number}"] = forms.BooleanField(
                    required=False, initial=ways.by_chat, label=f"{kind.label}: to your chat"
                )

    @staticmethod
    def initial_of(setting: DigestSetting) -> dict[str, Any]:
        """What the form shows of the present choice."""
        return {
            "hour": setting.hour, "weekday": setting.weekday, "time_zone": setting.time_zone,
        }  # fmt: skip

    @property
    def rows(
        self,
    ) -> list[tuple[NoticeKind, forms.BoundField, forms.BoundField, forms.BoundField | None]]:
        """For the template: each kind with its boxes; the last one where it goes to chats."""
        return [
            (
                kind,
                self[f"portal_{number}"],
                self[f"email_{number}"],
                self[f"chat_{number}"] if kind.goes_to_chat else None,
            )
            for number, kind in enumerate(self.kinds)
        ]

    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"].strip()
        if name not in available_timezones():
            raise ValidationError(f"There is no time zone “{name}”.")
        return name

    def ways(self) -> dict[str, Ways]:
        """What was chosen, by kind."""
        return {
            kind.key: Ways(
                self.cleaned_data[f"portal_{number}"],
                self.cleaned_data[f"email_{number}"],
                self.cleaned_data.get(f"chat_{number}", True),
            )
            for number, kind in enumerate(self.kinds)
        }
