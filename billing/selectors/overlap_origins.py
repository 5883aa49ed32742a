"""Which imports brought the money that two sources seem to share."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Max

from billing.models import ChargeSlice
from billing.policies import may_settle_overlaps
from portal.models import ImportFile, ImportRun
from portal.policies import AnyUser
from portal.shell.periods import Month

_MOST_FILES = 5


@dataclass(frozen=True, slots=True)
class Bringer:
    """The newest import that wrote days of some months of a source.

    Attributes:
        files: names of its first files, in the order in which they were read; `more` beyond.
        finished_at: UTC.
    """

    source: str
    run_id: int
    files: list[str]
    more: int
    finished_at: dt.datetime | None


def bringers_of(
    user: AnyUser, slugs: Iterable[str], *, first: Month, last: Month | None
) -> list[Bringer]:
    """For each source the newest import of these months (UTC), for whoever says which counts.

    Three queries, or none. A source without a line in those months has no entry.
    """
    if not may_settle_overlaps(user):
        return []
    slices = ChargeSlice.objects.filter(
        connection__slug__in=list(slugs), day__gte=first.start, rows__gt=0
    )
    if last is not None:
        slices = slices.filter(day__lt=last.end)
    newest = dict(
        slices.order_by("connection__name")
        .values("connection__name")
        .annotate(newest=Max("last_run"))
        .values_list("connection__name", "newest")
    )
    runs = ImportRun.objects.in_bulk(newest.values())
    names: dict[int, list[str]] = {}
    files = ImportFile.objects.filter(run__in=runs).order_by("run", "index")
    for pk, name in files.values_list("run", "name"):
        names.setdefault(pk, []).append(name)
    return [
        Bringer(
            source=source,
            run_id=pk,
            files=names.get(pk, [])[:_MOST_FILES],
            more=max(0, len(names.get(pk, [])) - _MOST_FILES),
            finished_at=runs[pk].finished_at,
        )
        for source, pk in newest.items()
    ]
