"""An item's own row: taken, kept alive, finished. Every write is fenced on the attempt's token.

A worker that froze and woke up after another had taken its item over holds an old token; it then
writes nothing.
"""

from __future__ import annotations

import os
import socket
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, IntegerField, Q, QuerySet, TextField, Value, When

from portal.choices import WorkStatus
from portal.models import WorkItem
from portal.work.registry import MAX_ATTEMPTS, FencedOffError, work_kinds

RETRY_DELAYS = (timedelta(seconds=10), timedelta(seconds=60), timedelta(minutes=5))
WAITS_AT_MOST = timedelta(days=1)  # for somebody who keeps saying: later
DIED = (
    "The attempt ended without a word, which usually means that the worker was killed or the "
    "machine ran out of memory."
)


def stale_after() -> timedelta:
    """Without a heartbeat for this long, an item is given to another worker."""
    return timedelta(seconds=settings.WORK_STALE_SECONDS)


def worker_name() -> str:
    """This process, for people who look for it: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"[:120]


def takeable(at: datetime) -> Q:
    """Items that an attempt may take now: due, or with an attempt that has fallen silent."""
    due = Q(status=WorkStatus.QUEUED) & (Q(not_before__isnull=True) | Q(not_before__lte=at))
    return due | Q(status=WorkStatus.RUNNING, heartbeat_at__lt=at - stale_after())


def take(item_id: int, *, at: datetime) -> WorkItem | None:
    """Take an item and count the attempt. Call it outside any transaction.

    Committed before any work, so that work which kills its worker is counted too. A message about
    an item that is finished, not due, or alive elsewhere changes nothing, however often it comes.

    Returns:
        the item, or None when there is nothing to do.
    """
    token = uuid.uuid4()
    taken = WorkItem.objects.filter(takeable(at), pk=item_id).update(
        # Silence says why the attempt before this one ended; a sentence it left stays.
        problem=Case(
            When(status=WorkStatus.RUNNING, then=Value(DIED, TextField())), default=F("problem")
        ),
        status=WorkStatus.RUNNING,
        attempt=F("attempt") + 1,
        token=token,
        worker=worker_name(),
        started_at=at,
        heartbeat_at=at,
        look_at=at + stale_after(),
        not_before=None,
        phase="",
        progress_done=None,
        progress_total=None,
    )
    if not taken:
        return None
    item = WorkItem.objects.select_related("requested_by").get(pk=item_id, token=token)
    if item.attempt > _max_attempts(item):
        # The count tells of the attempts that were made; this one is none.
        hold(item, at=at, problem=_given_up(item, item.problem), attempt=F("attempt") - 1)
        return None
    return item


def _max_attempts(item: WorkItem) -> int:
    return work_kinds.get(item.kind).max_attempts if item.kind in work_kinds else MAX_ATTEMPTS


def _given_up(item: WorkItem, last: str) -> str:
    return f"Given up after {_max_attempts(item)} attempts. The last: {last or DIED}"


def mine(item: WorkItem) -> QuerySet[WorkItem]:
    """The item's row as long as it still belongs to this attempt."""
    return WorkItem.objects.filter(pk=item.pk, token=item.token, status=WorkStatus.RUNNING)


def _change(item: WorkItem, **fields: Any) -> None:
    if not mine(item).update(**fields):
        raise FencedOffError(f"work {item.pk}, attempt {item.attempt}")


def beat_heart(item: WorkItem, *, at: datetime, **progress: Any) -> None:
    """Say that this attempt is alive, and how far it is.

    Raises:
        FencedOffError: another attempt has taken over.
    """
    _change(item, heartbeat_at=at, look_at=at + stale_after(), **progress)


def finish(item: WorkItem, *, at: datetime) -> None:
    """Note that the work is done; what was asked for again meanwhile is queued again.

    Raises:
        FencedOffError: another attempt has taken over; the caller's transaction must roll back.
    """
    asked_again = Q(again=True)
    _change(
        item,
        status=Case(
            When(asked_again, then=Value(WorkStatus.QUEUED)), default=Value(WorkStatus.DONE)
        ),
        attempt=Case(
            When(asked_again, then=Value(0)), default=F("attempt"), output_field=IntegerField()
        ),
        finished_at=at,
        heartbeat_at=at,
        look_at=at,
        again=False,
        sends=0,
        problem="",
    )


def is_queued(item: WorkItem) -> bool:
    """Whether the item waits for (another) attempt."""
    return WorkItem.objects.filter(pk=item.pk, status=WorkStatus.QUEUED).exists()


def give_back(
    item: WorkItem,
    *,
    at: datetime,
    problem: str,
    after: float | None = None,
    costs_attempt: bool = True,
) -> None:
    """After a failed attempt: queue it for another try later, or hold it when that was the last.

    Args:
        after: seconds before which it must not be tried again, when that is known.
        costs_attempt: False gives the attempt back, for a day after the work was asked for.

    Raises:
        FencedOffError: another attempt has taken over.
    """
    is_counted = costs_attempt or at - item.requested_at > WAITS_AT_MOST
    if is_counted and item.attempt >= _max_attempts(item):
        hold(item, at=at, problem=_given_up(item, problem))
        return
    due = at + RETRY_DELAYS[min(item.attempt, len(RETRY_DELAYS)) - 1]
    if after is not None:
        due = max(due, at + timedelta(seconds=after))
    _change(
        item,
        status=WorkStatus.QUEUED,
        attempt=F("attempt") if is_counted else F("attempt") - 1,
        not_before=due,
        look_at=due,
        sends=0,
        problem=problem,
    )


def hold(item: WorkItem, *, at: datetime, problem: str, **fields: Any) -> None:
    """Put an item aside until a person decides.

    Raises:
        FencedOffError: another attempt has taken over.
    """
    _change(item, status=WorkStatus.HELD, finished_at=at, problem=problem, **fields)


def fail(item: WorkItem, *, at: datetime, problem: str) -> None:
    """End an item that can never succeed.

    Raises:
        FencedOffError: another attempt has taken over.
    """
    _change(item, status=WorkStatus.FAILED, finished_at=at, problem=problem)


def lock_mine(item: WorkItem) -> None:
    """Inside a transaction: keep the item with this attempt until the transaction ends.

    Raises:
        FencedOffError: another attempt has taken over.
        TransactionManagementError: there is no transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("a fence needs a transaction")
    _change(item, token=item.token)
