"""Filters kept in the URL: a django-filter form that updates the list below while it is filled in.

A filter that cannot be read shows its error and no rows: never more than was asked for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.http import QueryDict

from portal.shell.periods import BadPeriodError, Month

SEARCH_WIDGET = forms.TextInput(attrs={"type": "search", "autocomplete": "off"})


class SearchFilter(django_filters.CharFilter):  # type: ignore[misc]  # ships no types
    """Rows in which one of `fields` contains every word of the text, upper and lower case alike."""

    def __init__(self, *, fields: Sequence[str], label: str = "Search", **kwargs: Any) -> None:
        super().__init__(label=label, widget=SEARCH_WIDGET, **kwargs)
        self.search_fields = tuple(fields)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        for word in (value or "").split():
            wanted = Q()
            for name in self.search_fields:
                wanted |= Q(**{f"{name}__icontains": word})
            qs = qs.filter(wanted)
        return qs


class MonthField(forms.CharField):
    """`YYYY-MM` as a `Month`."""

    widget = forms.TextInput(attrs={"type": "month", "placeholder": "YYYY-MM"})

    def clean(self, value: Any) -> Month | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return Month.parse(text)
        except BadPeriodError as error:
            raise forms.ValidationError(str(error)) from error


class MonthFilter(django_filters.Filter):  # type: ignore[misc]
    """Rows whose date field lies in a month.

    Args:
        zone: for a field of moments: the zone whose days count.
    """

    field_class = MonthField

    def __init__(self, *, zone: ZoneInfo | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.zone = zone

    def filter(self, qs: QuerySet[Any], value: Month | None) -> QuerySet[Any]:
        if value is None:
            return qs
        bounds = value.range.bounds(self.zone) if self.zone else (value.start, value.end)
        return qs.filter(
            **{f"{self.field_name}__gte": bounds[0], f"{self.field_name}__lt": bounds[1]}
        )


@dataclass(frozen=True, slots=True)
class AppliedFilter:
    """A filter in force, and the address of the list without it."""

    label: str
    value: str
    remove_url: str


class ShellFilterSet(django_filters.FilterSet):  # type: ignore[misc]
    """Base of every filter set."""

    @property
    def is_readable(self) -> bool:
        """Whether every given filter could be read."""
        return not self.is_bound or bool(self.form.is_valid())

    def rows(self) -> QuerySet[Any]:
        """The filtered rows; none when a filter cannot be read."""
        found: QuerySet[Any] = self.qs if self.is_readable else self.queryset.none()
        return found

    def applied(self, query: QueryDict, path: str) -> Iterator[AppliedFilter]:
        """The filters in force, in the order of the form."""
        if not self.is_readable:
            return
        for name, field in self.form.fields.items():
            value = self.form.cleaned_data.get(name)
            if value in (None, "", []) or (isinstance(value, QuerySet) and not value):
                continue
            rest = query.copy()
            for key in (name, f"{name}_min", f"{name}_max", "page", "export"):
                rest.pop(key, None)
            text = rest.urlencode()
            yield AppliedFilter(
                str(field.label), _shown(field, value), f"{path}?{text}" if text else path
            )


def _shown(field: forms.Field, value: Any) -> str:
    """A value as the form shows it: the word of a choice, not its code."""
    # Not asked for its length or truth: choices that are made when they are needed have none.
    choices = {} if hasattr(field, "queryset") else dict(iter(getattr(field, "choices", ())))
    if isinstance(value, slice):  # what django-filter makes of a range
        return f"{value.start or 'any'} to {value.stop or 'any'}"
    if isinstance(value, QuerySet):
        return ", ".join(str(each) for each in value)
    if isinstance(value, (list, tuple)):
        return ", ".join(str(choices.get(each, each)) for each in value)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Month):
        return value.label
    return str(choices.get(value, value))
