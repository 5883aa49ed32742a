"""How far the judging of many registered effects is; from the work's own rows, so it survives."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db.models import Count, Max, Q

from portal.choices import OPEN_WORK_STATUSES, WorkStatus
from portal.models import WorkItem

SHOWN_FOR = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Judging:
    """The pieces of work that were asked for together last.

    Attributes:
        asked_at: when (UTC).
        total, done, stopped: pieces; stopped are those that failed or wait for a person.
    """

    asked_at: dt.datetime
    total: int
    done: int
    stopped: int

    @property
    def is_open(self) -> bool:
        return self.done + self.stopped < self.total


def judging(*, kind: str, at: dt.datetime) -> Judging | None:
    """The newest batch of this kind of work; None when there is none, or it ended long ago.

    A piece that was open when it was asked for again belongs to the earlier batch.
    """
    rows = WorkItem.objects.filter(kind=kind)
    newest = rows.aggregate(newest=Max("requested_at"))["newest"]
    if newest is None:
        return None
    is_open = Q(status__in=OPEN_WORK_STATUSES)
    counts = rows.filter(Q(requested_at=newest) | is_open).aggregate(
        total=Count("pk"),
        done=Count("pk", filter=Q(status=WorkStatus.DONE)),
        left=Count("pk", filter=is_open),
    )
    stopped = counts["total"] - counts["done"] - counts["left"]
    found = Judging(newest, counts["total"], counts["done"], stopped)
    return found if found.is_open or at - newest <= SHOWN_FOR else None
