"""Allocating charges anew, connection by connection, because what they go by has changed."""

from __future__ import annotations

import datetime as dt

from django.db.models import Max, Min, Q, QuerySet

from billing.models import Charge
from billing.services.allocations import reallocate
from portal.models import Connection
from portal.shell.periods import DateRange


def reallocate_charges(charges: QuerySet[Charge], *, at: dt.datetime) -> int:
    """Reallocate the range of days that these charges span, connection by connection."""
    count = 0
    for connection_id, days in _spans(charges):
        count += reallocate(connection_id=connection_id, start=days.start, end=days.end, at=at)
    return count


def _spans(charges: QuerySet[Charge]) -> list[tuple[int, DateRange]]:
    """Connection and range of days of some charges; in one order, so that locks never cross."""
    rows = (
        charges.order_by()
        .values("slice__connection_id")
        .annotate(first=Min("day"), last=Max("day"))
        .order_by("slice__connection_id")
    )
    return [
        (
            row["slice__connection_id"],
            DateRange(row["first"], row["last"] + dt.timedelta(days=1)),
        )
        for row in rows
    ]


def reallocate_by_month(wanted: Q, *, at: dt.datetime) -> dict[str, int]:
    """Allocate live charges anew, a month in each transaction; charges by connection slug."""
    counts: dict[str, int] = {}
    names = dict(Connection.objects.values_list("pk", "slug"))
    for connection_id, days in _spans(Charge.objects.filter(wanted, superseded_at__isnull=True)):
        for month in days.months():
            part = days.overlap(month.range)
            if part is None:
                continue
            done = reallocate(connection_id=connection_id, start=part.start, end=part.end, at=at)
            name = names[connection_id]
            counts[name] = counts.get(name, 0) + done
    return counts
