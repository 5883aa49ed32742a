"""Reading background work, filtered by who may see which kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q, QuerySet

from portal.choices import (
    OPEN_RUN_STATUSES,
    OPEN_WORK_STATUSES,
    Role,
    RunStatus,
    WorkStatus,
)
from portal.models import ImportRun, SignOfLife, WorkItem
from portal.policies import (
    AnyUser,
    may_decide_work,
    may_see_imports,
    may_see_work,
    sees_all_work,
    work_roles_of,
)
from portal.work.registry import QUEUES, WorkKind, work_kinds

# Signs of life come every 20 seconds; after this long without one something is wrong.
SILENT_AFTER = timedelta(seconds=90)
SLOW_AFTER = timedelta(minutes=5)  # queued work that waits longer has too few workers, or none
FAILED_LATELY = timedelta(days=7)


def kinds_visible_to(user: AnyUser) -> list[WorkKind]:
    """All kinds for administrators and auditors, those of their roles for others."""
    if sees_all_work(user):
        return list(work_kinds)
    roles = work_roles_of(user)
    return [kind for kind in work_kinds if kind.roles & roles]


def work_visible_to(user: AnyUser) -> QuerySet[WorkItem]:
    """Work of the kinds that this person may see, newest first."""
    rows = WorkItem.objects.order_by("-pk")
    if sees_all_work(user):
        return rows  # also of kinds that this version does not know any more
    if not may_see_work(user):
        return rows.none()
    return rows.filter(kind__in=[kind.key for kind in kinds_visible_to(user)])


def deciding_roles(item: WorkItem) -> frozenset[Role]:
    """The roles that may retry or discard it, beside administrators."""
    return work_kinds.get(item.kind).roles if item.kind in work_kinds else frozenset()


def stopped_work(user: AnyUser) -> QuerySet[WorkItem]:
    """Held work that this person may decide about, oldest first."""
    if not may_see_work(user):
        return WorkItem.objects.none()
    rows = WorkItem.objects.filter(status=WorkStatus.HELD).order_by("pk")
    if may_decide_work(user, frozenset()):
        return rows
    kinds = [kind.key for kind in work_kinds if may_decide_work(user, kind.roles)]
    return rows.filter(kind__in=kinds)


@dataclass(frozen=True, slots=True)
class WorkStanding:
    """How background work stands as a whole.

    Attributes:
        queued, running, held, failed: pieces of work that the person may see; failed in the last
            seven days.
        waits_since: since when the oldest piece that is due waits (UTC), None when none does.
        signs: for each queue when it was last seen to be served (UTC), None for never.
        silent: queues without a sign of life for too long and without living work.
    """

    queued: int
    running: int
    held: int
    failed: int
    waits_since: datetime | None
    signs: dict[str, datetime | None]
    silent: Sequence[str]

    def is_slow(self, now: datetime) -> bool:
        return self.waits_since is not None and now - self.waits_since > SLOW_AFTER


def work_standing(visible: QuerySet[WorkItem], *, now: datetime) -> WorkStanding:
    """How background work stands, counted over what somebody may see (`work_visible_to`)."""
    rows = visible.order_by()
    lately = Q(status=WorkStatus.FAILED, finished_at__gte=now - FAILED_LATELY)
    wanted = rows.filter(Q(status__in=(*OPEN_WORK_STATUSES, WorkStatus.HELD)) | lately)
    counts = dict(wanted.values_list("status").annotate(number=Count("pk")))
    due = Q(not_before__isnull=True) | Q(not_before__lte=now)
    oldest = rows.filter(due, status=WorkStatus.QUEUED).aggregate(oldest=Min("requested_at"))
    signs = _signs()
    return WorkStanding(
        queued=counts.get(WorkStatus.QUEUED, 0),
        running=counts.get(WorkStatus.RUNNING, 0),
        held=counts.get(WorkStatus.HELD, 0),
        failed=counts.get(WorkStatus.FAILED, 0),
        waits_since=oldest["oldest"],
        signs=signs,
        silent=[name for name, seen in signs.items() if not _lives(name, seen, now)],
    )


def _signs() -> dict[str, datetime | None]:
    seen = dict(SignOfLife.objects.values_list("name", "seen_at"))
    return {queue: seen.get(f"queue:{queue}") for queue in QUEUES}


def _lives(queue: str, seen: datetime | None, now: datetime) -> bool:
    """A worker in the middle of long work shows no sign, but its work has a heartbeat."""
    since = now - SILENT_AFTER
    if seen is not None and seen >= since:
        return True
    if queue == "imports":
        runs = ImportRun.objects.filter(status=RunStatus.RUNNING, heartbeat_at__gte=since)
        if runs.exists():
            return True
    return WorkItem.objects.filter(
        queue=queue, status=WorkStatus.RUNNING, heartbeat_at__gte=since
    ).exists()


def open_imports(user: AnyUser, *, now: datetime) -> QuerySet[ImportRun]:
    """Import runs that are open, held, or failed in the last seven days, newest first.

    They keep a ledger of their own, with the same guarantees as other work.
    """
    if not (may_see_work(user) and may_see_imports(user)):
        return ImportRun.objects.none()
    lately = Q(status=RunStatus.FAILED, finished_at__gte=now - FAILED_LATELY)
    return ImportRun.objects.filter(
        Q(status__in=(*OPEN_RUN_STATUSES, RunStatus.HELD)) | lately
    ).order_by("-pk")
