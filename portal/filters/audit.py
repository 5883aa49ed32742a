"""Filters of the audit; each is served by an index or by the order of the events."""

from __future__ import annotations

import datetime as dt
from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet

from portal.choices import AuditOperation
from portal.models import AuditEvent
from portal.selectors.audit import names_like, table_labels
from portal.shell.filters import ShellFilterSet

_DAY = forms.DateInput(attrs={"type": "date"})
LARGEST_ID = 2**63 - 1


def _tables() -> list[tuple[str, str]]:
    return sorted(table_labels().items(), key=lambda pair: pair[1])


class AuditEventFilters(ShellFilterSet):
    """By subject, who, what, when (days in UTC), and request."""

    subject = django_filters.ChoiceFilter(
        field_name="table", choices=_tables, empty_label="Any", label="Subject"
    )
    key = django_filters.CharFilter(field_name="key", label="Its number", max_length=500)
    who = django_filters.CharFilter(method="by_actor", label="Who (name or account number)")
    operation = django_filters.ChoiceFilter(
        choices=AuditOperation.choices, empty_label="Any", label="What"
    )
    since = django_filters.DateFilter(method="from_day", label="From", widget=_DAY)
    until = django_filters.DateFilter(method="to_day", label="To", widget=_DAY)
    request = django_filters.CharFilter(field_name="request_id", label="Request", max_length=500)

    class Meta:
        model = AuditEvent
        fields = ()

    def by_actor(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        text = value.strip()
        wanted = Q(name_id__in=names_like(text))
        if text.isdecimal() and text.isascii() and int(text) <= LARGEST_ID:
            wanted |= Q(actor_id=int(text))
        return rows.filter(wanted)

    def from_day(self, rows: QuerySet[Any], _name: str, value: dt.date) -> QuerySet[Any]:
        return rows.filter(at__gte=_midnight(value))

    def to_day(self, rows: QuerySet[Any], _name: str, value: dt.date) -> QuerySet[Any]:
        if value == dt.date.max:
            return rows
        return rows.filter(at__lt=_midnight(value + dt.timedelta(days=1)))


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
