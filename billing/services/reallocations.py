"""Allocating charges anew, connection by connection, because what they go by has changed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import partial

from django.db.models import Max, Min, Q, QuerySet

from billing.allocation.trial import TrialRule
from billing.models import Charge
from billing.services.allocations import reallocate
from portal.models import Connection
from portal.shell.periods import DateRange


def reallocate_charges(
    charges: QuerySet[Charge], *, at: dt.datetime, touched: Sequence[TrialRule] | None = None
) -> int:
    """Reallocate the range of days that these charges span, connection by connection.

    Args:
        touched: only what these rules have taken or would take; None is everything.
    """
    again = partial(reallocate, at=at, touched=touched)
    return sum(
        again(connection_id=connection_id, start=days.start, end=days.end)
        for connection_id, days in _spans(charges)
    )


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


def reallocate_by_month(
    wanted: Q, *, at: dt.datetime, touched: Sequence[TrialRule] | None = None
) -> dict[str, int]:
    """Allocate live charges anew, a month in each transaction; charges by connection slug.

    Args:
        touched: only what these rules have taken or would take; None is everything.
    """
    again = partial(reallocate, at=at, touched=touched)
    counts: dict[str, int] = {}
    names = dict(Connection.objects.values_list("pk", "slug"))
    for connection_id, days in _spans(Charge.objects.filter(wanted, superseded_at__isnull=True)):
        for month in days.months():
            part = days.overlap(month.range)
            if part is None:
                continue
            done = again(connection_id=connection_id, start=part.start, end=part.end)
            name = names[connection_id]
            counts[name] = counts.get(name, 0) + done
    return counts
