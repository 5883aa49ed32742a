"""The Celery application. Settings live in `portal/settings.py`, times in `portal/schedule.py`."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import task_prerun, worker_init, worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

NICENESS = 5  # a third of the processor time of a page, where both want it

app = Celery("plumbline")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect  # type: ignore[untyped-decorator]
def listen_to_itself(sender: Any = None, **_: object) -> None:
    """A worker that hears nothing although messages wait ends, and is started anew."""
    from portal.work.hearing import HearingStep

    app.steps["worker"].add(HearingStep)


@worker_process_init.connect  # type: ignore[untyped-decorator]
def give_way_to_pages(**_: object) -> None:
    """Somebody waits for a page and for the answer to a hook; nobody for background work. Where
    both share processors, that is what the lower priority decides; it costs nothing elsewhere.

    Linux may share them out by session first, and heeds the priority of a process only within its
    session (`autogroup` in sched(7)): there the session is given the priority as well.
    """
    os.nice(NICENESS)
    with contextlib.suppress(OSError):  # no such file elsewhere, and not always ours to write
        Path("/proc/self/autogroup").write_text(str(NICENESS))


@app.on_after_finalize.connect  # type: ignore[untyped-decorator]
def load_schedule(sender: Celery, **_: object) -> None:
    """Take the schedule from the registry, which every room has filled by now."""
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()
    from portal.schedule import beat_schedule

    sender.conf.beat_schedule = beat_schedule()


@task_prerun.connect  # type: ignore[untyped-decorator]
def act_as_background_work(task: object = None, **_: object) -> None:
    """For the audit: what a task writes was written by background work, and by which."""
    from portal.audit.context import Actor, Channel, set_actor

    set_actor(Actor(channel=Channel.TASK, name=str(getattr(task, "name", ""))))
