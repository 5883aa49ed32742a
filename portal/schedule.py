"""Every recurring job, in one place: rooms register theirs, beat reads them from here.

Exactly one beat runs; a job must still be harmless when it is started twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from celery.schedules import crontab, schedule
from django.core.checks import CheckMessage, Error

from portal.registry import Registry


@dataclass(frozen=True)
class ScheduledJob:
    """A task and when it runs (UTC).

    Attributes:
        key: unique name.
        task: the registered task name.
        when: a Celery schedule, or a number of seconds.
        reason: why it runs at all and why then; shown to operators.
    """

    key: str
    task: str
    when: crontab | schedule | float
    reason: str


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


scheduled_jobs: Registry[ScheduledJob] = Registry("scheduled job", _check_job)

scheduled_jobs.register(
    ScheduledJob(
        key="sweep-imports",
        task="portal.tasks.sweep_imports",
        when=30.0,
        reason="The queue only hints at a run: one whose message was lost, or whose worker died, "
        "is sent again from the database.",
    )
)


def beat_schedule() -> dict[str, dict[str, Any]]:
    """The registry as Celery's beat wants it."""
    return {
        job.key: {"task": job.task, "schedule": job.when, "options": {"expires": 3600}}
        for job in scheduled_jobs
    }
