"""Every recurring job, in one place: rooms register theirs.

Celery's beat only ticks (`beat_schedule`): it has the due times of all jobs claimed in the database
(`portal.services.schedule`), has lost work sent again, and has each queue show that it is served.
Two beats therefore run nothing twice, and what was due while none ran is caught up with.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from celery.schedules import crontab, schedule
from django.core.checks import CheckMessage, Error

from portal.choices import Role
from portal.registry import Registry
from portal.work.registry import QUEUES, Work, WorkKind, work_kinds

TICK = 10.0  # seconds between two looks at what is due
SIGNS_EVERY = 20.0  # seconds between two signs of life of a queue


class CatchUp(StrEnum):
    """What happens with due times that were missed."""

    ONCE = "once"  # one run stands for all of them
    EACH = "each"  # each gets its own run


@dataclass(frozen=True)
class ScheduledJob:
    """A task and when it runs (UTC). A job must be harmless when it is run twice.

    Attributes:
        key: unique name.
        task: the registered task name; with `CatchUp.EACH` it takes `slot`, the due time (ISO).
        when: a Celery schedule, or a number of seconds.
        reason: why it runs at all and why then; shown to operators.
        catch_up: what happens with due times that were missed.
        roles: who may see and decide about its work, beside administrators.
    """

    key: str
    task: str
    when: crontab | schedule | float
    reason: str
    catch_up: CatchUp = CatchUp.ONCE
    roles: frozenset[Role] = frozenset()


def _check_job(job: ScheduledJob) -> list[CheckMessage]:
    from portal.celery import app as current_app

    # Not the loader's import: in Celery it runs all system checks, this one among them.
    current_app.autodiscover_tasks(force=True)
    problems: list[CheckMessage] = []
    if job.task not in current_app.tasks:
        problems.append(Error(f"scheduled job {job.key!r}: no task {job.task!r}", id="portal.E201"))
    if not job.reason:
        problems.append(Error(f"scheduled job {job.key!r} gives no reason", id="portal.E202"))
    return problems


class JobRegistry(Registry[ScheduledJob]):
    """Jobs by key. Each brings a kind of work of its own, by which its runs are queued."""

    def register(self, item: ScheduledJob) -> ScheduledJob:
        super().register(item)
        if work_kind_of(item) not in work_kinds:
            work_kinds.register(
                WorkKind(
                    key=work_kind_of(item),
                    label=f"Scheduled: {item.key.replace('-', ' ')}",
                    run=_run_job,
                    is_atomic=False,
                    roles=item.roles,
                )
            )
        return item


def work_kind_of(job: ScheduledJob) -> str:
    """The kind of work by which a job is queued."""
    return f"scheduled:{job.key}"


def _run_job(work: Work) -> None:
    """Call the job's task here and now: this process is a worker already."""
    from portal.celery import app as current_app

    job = scheduled_jobs.get(work.payload["job"])
    slot = {"slot": work.payload["slot"]} if job.catch_up == CatchUp.EACH else {}
    current_app.tasks[job.task].run(**slot)


scheduled_jobs = JobRegistry("scheduled job", _check_job)

scheduled_jobs.register(
    ScheduledJob(
        key="tidy-work",
        task="portal.tasks.tidy_work",
        when=3600.0,
        reason="Finished work and past due times are kept for two weeks; small steps, so often.",
    )
)


def beat_schedule() -> dict[str, dict[str, Any]]:
    """What Celery's beat ticks. A tick that waited longer than a minute is worth nothing."""
    ticks: dict[str, dict[str, Any]] = {
        name: {"task": f"portal.tasks.{task}", "schedule": TICK, "options": {"expires": 60}}
        for name, task in (
            ("claim-due-slots", "claim_due_slots"),
            ("sweep-work", "sweep_work"),
            ("sweep-imports", "sweep_imports"),
        )
    }
    for queue in QUEUES:
        ticks[f"sign-of-life-{queue}"] = {
            "task": "portal.tasks.show_life",
            "schedule": SIGNS_EVERY,
            "kwargs": {"queue": queue},
            "options": {"queue": queue, "expires": 60},
        }
    return ticks
