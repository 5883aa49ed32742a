"""The form of a programme."""

from __future__ import annotations

from zoneinfo import available_timezones

from django import forms

from adoption.forms.widgets import DayField, PersonField

MONTHS = [
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
]  # fmt: skip


def _zones() -> list[tuple[str, str]]:
    """Zones of the IANA list that are named after places, and UTC."""
    areas = ("Africa/", "America/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/")
    names = sorted(name for name in available_timezones() if name.startswith((*areas, "Pacific/")))
    return [(name, name.replace("_", " ")) for name in ["UTC", *names]]


class ProgrammeForm(forms.Form):
    """Name, owner, period, and how the programme counts money and days."""

    name = forms.CharField(max_length=120)
    owner = PersonField()
    starts_on = DayField(label="Starts on")
    ends_on = DayField(
        required=False,
        label="Ends before",
        help_text="The first day after it. Leave empty while no end is set.",
    )
    currency = forms.CharField(
        min_length=3,
        max_length=3,
        help_text="Three letters of ISO 4217, for example USD. Milestones about cost use it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "short"}),
    )
    time_zone = forms.ChoiceField(
        choices=_zones,
        label="Time zone",
        initial="UTC",
        help_text="Days begin and end in it: what is due today, which day a delivery counts for.",
    )
    fiscal_year_start_month = forms.TypedChoiceField(
        choices=list(enumerate(MONTHS, start=1)),
        coerce=int,
        label="Fiscal year starts in",
        initial=1,
    )

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()
