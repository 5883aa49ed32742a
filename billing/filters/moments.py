"""As recorded at a moment, among the filters of a list."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import QueryDict

from billing.forms.fields import AS_OF_LABEL, MomentField
from portal.shell.filters import AppliedFilter, ShellFilterSet
from portal.shell.formats import moment_text

AS_OF = "as_of"


class MomentFilter(django_filters.Filter):
    """As recorded at a moment. It takes no row away: what a list shows then, its page knows."""

    field_class = MomentField

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label=AS_OF_LABEL, **kwargs)

    def filter(self, qs: QuerySet[Any], _value: dt.datetime | None) -> QuerySet[Any]:
        return qs


class HappenedFilter(MomentFilter):
    """What had happened by a moment, told by the column `field_name`. For what is kept for ever."""

    def filter(self, qs: QuerySet[Any], value: dt.datetime | None) -> QuerySet[Any]:
        return qs if value is None else qs.filter(**{f"{self.field_name}__lte": value})


class AsOfFilterSet(ShellFilterSet):
    """Filters of which the last is `as_of`, a `MomentFilter`."""

    @property
    def at(self) -> dt.datetime | None:
        """The moment that is asked for; None is now, and where a filter cannot be read."""
        if not self.is_bound or not self.is_readable:
            return None
        found: dt.datetime | None = self.form.cleaned_data.get(AS_OF)
        return found

    @property
    def problem(self) -> str:
        """What is wrong with the moment, in words; empty when nothing is."""
        return "" if self.is_readable else " ".join(map(str, self.form.errors.get(AS_OF, [])))

    def applied(self, query: QueryDict, path: str) -> Iterator[AppliedFilter]:
        """The filters in force; the moment is written for people."""
        for each in super().applied(query, path):
            is_moment = self.at is not None and each.label == AS_OF_LABEL
            yield (
                replace(each, value=moment_text(self.form.cleaned_data[AS_OF]))
                if is_moment
                else each
            )
