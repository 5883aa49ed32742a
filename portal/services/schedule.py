"""Handing scheduled jobs to the queue, each due time once, however many schedulers ask."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

from django.db import transaction

from portal.choices import SlotOutcome
from portal.models import ScheduledSlot
from portal.schedule import CatchUp, ScheduledJob, scheduled_jobs, work_kind_of
from portal.services.work import enqueue
from portal.work.slots import slots_between

MOST_COUNTED = 10_000  # missed due times; more are not counted one by one
MOST_CAUGHT_UP = 1_000  # due times of one job handed over in one call


def claim_due_slots(*, at: datetime) -> int:
    """Claim what is due of every registered job and queue its work in the same transaction.

    Whoever inserts the row of a due time queues the job; who comes second finds the row. A job that
    was never seen before is noted and runs at its next due time.

    Returns:
        how many due times were claimed by this call.
    """
    return sum(_claim(job, at) for job in scheduled_jobs)


def _claim(job: ScheduledJob, at: datetime) -> int:
    newest = ScheduledSlot.objects.filter(job=job.key).order_by("-slot").first()
    if newest is None:
        ScheduledSlot.objects.get_or_create(
            job=job.key, slot=at, defaults={"claimed_at": at, "outcome": SlotOutcome.NOTED}
        )
        return 0
    due = list(islice(slots_between(job.when, newest.slot, at), MOST_COUNTED))
    if not due:
        return 0
    if job.catch_up == CatchUp.ONCE:
        return int(_claim_slot(job, due[0], skipped=len(due) - 1, at=at))
    oldest_first = reversed(due[-MOST_CAUGHT_UP:])
    return sum(_claim_slot(job, slot, skipped=0, at=at) for slot in oldest_first)


@transaction.atomic
def _claim_slot(job: ScheduledJob, slot: datetime, *, skipped: int, at: datetime) -> bool:
    row, is_mine = ScheduledSlot.objects.get_or_create(
        job=job.key, slot=slot, defaults={"claimed_at": at, "skipped": skipped}
    )
    if is_mine:
        each = job.catch_up == CatchUp.EACH
        row.item = enqueue(
            kind=work_kind_of(job),
            key=slot.isoformat() if each else "",
            payload={"job": job.key, "slot": slot.isoformat()},
            actor=None,
            at=at,
        )
        row.save(update_fields=["item"])
    return is_mine
