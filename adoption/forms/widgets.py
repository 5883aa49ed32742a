"""Controls that several forms share."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms

from portal.models import User


class DayField(forms.DateField):
    """A day, chosen with the browser's own calendar, sent as `YYYY-MM-DD`."""

    def __init__(self, **kwargs: Any) -> None:
        # The control understands no other way of writing a date, whatever the language.
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        kwargs.setdefault("widget", widget)
        super().__init__(input_formats=["%Y-%m-%d"], **kwargs)


class PersonField(forms.ModelChoiceField):
    """A person who can sign in; those who left can only be kept, not chosen."""

    def __init__(self, **kwargs: Any) -> None:
        people = User.objects.filter(is_active=True).order_by("full_name", "username", "pk")
        super().__init__(queryset=people, empty_label="Choose a person", **kwargs)

    def label_from_instance(self, obj: User) -> str:
        return f"{obj.get_full_name()} ({obj.username})" if obj.full_name else obj.username


def lines(rows: int) -> forms.Textarea:
    """A text of several lines."""
    return forms.Textarea(attrs={"rows": rows})


def version_field() -> forms.IntegerField:
    """The version that the person saw; a later one in the store means that somebody was faster."""
    return forms.IntegerField(widget=forms.HiddenInput)


def last_day_before(end: dt.date | None) -> dt.date | None:
    """The last day of a half-open period, as people say it."""
    return end - dt.timedelta(days=1) if end else None
