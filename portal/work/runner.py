"""One attempt at one item, from taking it to noting what became of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from enum import StrEnum

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction

from portal.audit.context import Actor, Channel, acting, set_actor
from portal.disks import is_disk_failure
from portal.models import WorkItem
from portal.work import ledger
from portal.work.heart import Heart
from portal.work.hints import hint_after_commit
from portal.work.registry import (
    FencedOffError,
    Work,
    WorkKind,
    WorkLaterError,
    WorkRefusedError,
    work_kinds,
)

log = structlog.get_logger(__name__)
Clock = Callable[[], datetime]
Keeper = Callable[[Heart], AbstractContextManager[object]]


class Outcome(StrEnum):
    """What became of one attempt."""

    NOTHING = "nothing"  # finished, not due, alive elsewhere, or given up
    DONE = "done"
    AGAIN = "again"  # done, and queued once more because it was asked for meanwhile
    FAILED = "failed"
    FENCED_OFF = "fenced_off"


def execute_item(item_id: int, *, clock: Clock, keeper: Keeper = nullcontext) -> Outcome:
    """Take an item if it is free, do its work and note the result.

    Whatever the work raises is written on the item as a sentence. Only a fenced-off attempt ends
    silently, because the item is then somebody else's.

    Args:
        keeper: keeps the heart beating meanwhile; without one the item is given away after
            `WORK_STALE_SECONDS`.

    Raises:
        OperationalError, InterfaceError: the database failed; the item stays as it is and is tried
            again once its heartbeat is stale.
    """
    at = clock()
    item = ledger.take(item_id, at=at)
    if item is None:
        return Outcome.NOTHING
    with structlog.contextvars.bound_contextvars(work=item.pk, work_kind=item.kind), acting():
        set_actor(_actor(item))
        try:
            return _attempt(item, at, clock, keeper)
        except FencedOffError as error:
            log.warning("work_fenced_off", detail=str(error))
            return Outcome.FENCED_OFF


def _actor(item: WorkItem) -> Actor:
    person = item.requested_by
    return Actor(
        channel=Channel.TASK,
        user_id=person.pk if person else None,
        name=person.get_full_name() if person else item.kind,
        request_id=item.request_id,
    )


def _attempt(item: WorkItem, at: datetime, clock: Clock, keeper: Keeper) -> Outcome:
    if item.kind not in work_kinds:
        ledger.hold(
            item,
            at=clock(),
            problem=f"This version of the portal knows no work of kind {item.kind!r}. It was "
            "queued by another version, or the part that does it was switched off.",
        )
        return Outcome.FAILED
    try:
        _do(item, work_kinds.get(item.kind), at, clock, keeper)
    except FencedOffError:
        raise
    except WorkRefusedError as error:
        ledger.fail(item, at=clock(), problem=str(error))
    except WorkLaterError as error:
        log.info("work_later", detail=str(error))
        ledger.give_back(
            item,
            at=clock(),
            problem=str(error),
            after=error.after,
            costs_attempt=error.costs_attempt,
        )
    except SoftTimeLimitExceeded:
        limit = settings.CELERY_TASK_SOFT_TIME_LIMIT
        log.warning("work_over_time_limit", seconds=limit)
        ledger.give_back(
            item, at=clock(), problem=f"It took longer than the {limit} seconds that it may take."
        )
    except Exception as error:
        ledger.give_back(item, at=clock(), problem=_problem_of(error))
    else:
        if ledger.is_queued(item):
            hint_after_commit(item.pk, item.queue, after=work_kinds.get(item.kind).rest)
            return Outcome.AGAIN
        return Outcome.DONE
    return Outcome.FAILED


def _problem_of(error: Exception) -> str:
    """What the item says of an attempt that broke; the log has more."""
    if isinstance(error, (OperationalError, InterfaceError)):
        # A deadlock, a lock not given in time, a full or vanished database: the next attempt may
        # succeed. If even this note cannot be written, the sweeper finds the item by its silence.
        log.warning("work_interrupted", exc_info=True)
        return f"The database failed: {_first_line(error)}"
    if is_disk_failure(error):
        log.warning("work_interrupted", exc_info=True)
        return f"The disk failed: {_first_line(error)}"
    log.exception("work_failed")
    return (
        f"A fault of the portal: {type(error).__name__}. "
        "The log has the details under this item's number."
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _do(item: WorkItem, kind: WorkKind, at: datetime, clock: Clock, keeper: Keeper) -> None:
    heart = Heart(item, clock)
    work = Work(
        item_id=item.pk,
        key=item.key,
        payload=item.payload,
        attempt=item.attempt,
        at=at,
        clock=clock,
        report=heart.report,
        fence=lambda: ledger.lock_mine(item),
    )
    with keeper(heart):
        if not kind.is_atomic:
            kind.run(work)
            ledger.finish(item, at=clock())
            return
        with transaction.atomic():
            kind.run(work)
            ledger.finish(item, at=clock())
