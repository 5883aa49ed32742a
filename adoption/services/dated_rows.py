"""Rows that hold from one day up to, not including, another (or without an end)."""

from __future__ import annotations

import datetime as dt
from typing import Protocol, TypeVar

from django.db.models import Model, Q, QuerySet

RowT = TypeVar("RowT", bound=Model)


class DatedRow(Protocol):
    """A row with a half-open period."""

    starts_on: dt.date
    ends_on: dt.date | None


def period_problem(starts_on: dt.date, ends_on: dt.date | None) -> str:
    """Why these days are no period; empty when they are."""
    if ends_on is not None and ends_on <= starts_on:
        return "It must end after it starts."
    return ""


def ending_problem(row: DatedRow, ends_on: dt.date) -> str:
    """Why `row` cannot end on that day (the first on which it no longer holds); empty if it can."""
    if row.ends_on is not None:
        return f"It ended on {row.ends_on} already."
    if ends_on <= row.starts_on:
        return f"It starts on {row.starts_on}; it must end later than that."
    return ""


def overlapping(
    rows: QuerySet[RowT], *, starts_on: dt.date, ends_on: dt.date | None
) -> QuerySet[RowT]:
    """Those of `rows` that hold on one of the days, earliest first."""
    found = rows.filter(Q(ends_on__isnull=True) | Q(ends_on__gt=starts_on))
    if ends_on is not None:
        found = found.filter(starts_on__lt=ends_on)
    return found.order_by("starts_on", "pk")
