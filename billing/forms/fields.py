"""Controls that several billing forms share."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.utils import timezone

from billing.selectors.moments import BadMomentError, parse_moment
from billing.selectors.references import UNALLOCATED
from billing.selectors.use_cases import UseCaseName, use_case_by_name
from billing.sources.lines import YEARS, day_can_be_meant

AS_OF_LABEL = "As recorded at (UTC)"
ENDS_TOO_EARLY = "It must not end before it starts."
USE_CASE_LIST = "use-case-names"  # id of the <datalist> in billing/_use_case_names.html
NOWHERE = UseCaseName(0, UNALLOCATED, "Unallocated")


class UseCaseField(forms.CharField):
    """A use case, typed with the browser's own suggestions: its address or its whole title.

    A list of hundreds of options in every row would weigh more than the rest of the page.
    """

    widget = forms.TextInput(attrs={"list": USE_CASE_LIST, "autocomplete": "off"})

    def __init__(self, *, allow_unallocated: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.allow_unallocated = allow_unallocated

    def clean(self, value: Any) -> UseCaseName | None:
        text = str(super().clean(value) or "").strip()
        if not text:
            return None
        if self.allow_unallocated and text.lower() == UNALLOCATED:
            return NOWHERE
        found = use_case_by_name(text, None)
        if found is None:
            raise forms.ValidationError(f"There is no use case “{text}”.")
        return found


class MomentField(forms.CharField):
    """A day or a moment (UTC) up to now, typed as ISO 8601 says it."""

    widget = forms.TextInput(attrs={"placeholder": "2026-11-20T14:05Z", "autocomplete": "off"})

    def clean(self, value: Any) -> dt.datetime | None:
        try:
            return parse_moment(str(super().clean(value) or ""), now=timezone.now())
        except BadMomentError as error:
            raise forms.ValidationError(str(error)) from error


class DayField(forms.DateField):
    """A day, chosen with the browser's own calendar, sent as `YYYY-MM-DD`. One that a file may
    state as well: a slip of the year would else stand in the books for ever."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        kwargs.setdefault("widget", widget)
        super().__init__(input_formats=["%Y-%m-%d"], validators=[_can_be_meant], **kwargs)


def _can_be_meant(day: dt.date) -> None:
    if not day_can_be_meant(day):
        raise forms.ValidationError(f"It must be a day {YEARS}.")


class WindowForm(forms.Form):
    """A form with a `first` and a `last` month, both included, in that order."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and last < first:
            self.add_error("last", ENDS_TOO_EARLY)
        return cleaned
