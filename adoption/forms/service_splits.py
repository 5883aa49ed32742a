"""The form that says which service another one came out of."""

from __future__ import annotations

from typing import Any

from django import forms

from adoption.forms.widgets import DayField, lines
from adoption.models import Service


class SplitForm(forms.Form):
    """From which service, on which day, and how somebody else can see it."""

    parent = forms.ModelChoiceField(
        label="It came out of",
        queryset=Service.objects.none(),
        help_text="The service that did its work before.",
    )
    split_on = DayField(label="On", help_text="The day (UTC) from which it ran by itself.")
    reason = forms.CharField(
        label="What was split",
        widget=lines(3),
        max_length=1_000,
        help_text="And where the second person can see it.",
    )

    def __init__(self, *args: Any, service_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["parent"]
        assert isinstance(field, forms.ModelChoiceField)  # noqa: S101  (declared above)
        field.queryset = Service.objects.exclude(pk=service_id).order_by("name", "pk")
