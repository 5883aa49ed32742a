"""A worker that has gone deaf ends itself, so that whoever watches it starts another.

After its broker went away and came back, a Celery worker may be connected, alive and never be
handed a message again (celery/celery issues 8091 and 9054). Nothing is lost by that: the sweeper
goes on sending, and the Work page says that nobody serves the queue. But nothing is done either.

The same is true of one that takes itself for busy for ever: its pool lost a task that it still
waits for. No task may take longer than the hard time limit, so who is handed nothing for longer
than that while messages wait has lost count.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from celery import bootsteps
from celery.worker import state
from django.conf import settings

from portal.work.queues import queue_lengths

log = structlog.get_logger(__name__)
LOOKS = 4  # in the time after which a worker is deaf; one look alone may meet a message in flight
EXIT_CODE = 70  # `EX_SOFTWARE`: not a crash by a signal, and not an orderly end


@dataclass(frozen=True, slots=True)
class Look:
    """What a worker finds when it looks at itself and at its queues.

    Attributes:
        waiting: messages in its queues; None when the broker does not answer.
        is_idle: it holds no message, neither waiting nor in work.
        received: how many it has been handed since it started.
    """

    waiting: int | None
    is_idle: bool
    received: int


class Hearing:
    """Decides from one look after another whether the worker is deaf, or waits for ever.

    Args:
        looks: so many silent looks on end make an idle worker deaf.
        busy_looks: so many make a busy one lost, which is longer than a task may take.
    """

    def __init__(self, looks: int = LOOKS, busy_looks: int | None = None) -> None:
        self._needed = looks
        self._needed_busy = busy_looks if busy_looks is not None else looks_of_a_task()
        self._silent_idle = 0
        self._silent = 0
        self._received = -1

    def is_deaf(self, look: Look) -> bool:
        """Whether messages waited, and the worker was handed none, `looks` times on end while it
        was idle or `busy_looks` times in all. A broker that is away is no sign: then nobody could
        hear."""
        is_silent = bool(look.waiting) and look.received == self._received
        self._received = look.received
        self._silent = self._silent + 1 if is_silent else 0
        self._silent_idle = self._silent_idle + 1 if is_silent and look.is_idle else 0
        return self._silent_idle >= self._needed or self._silent >= self._needed_busy


def looks_of_a_task() -> int:
    """How many looks the longest task takes, and as many more as make an idle worker deaf."""
    between = settings.WORK_DEAF_SECONDS / LOOKS
    return math.ceil(settings.CELERY_TASK_TIME_LIMIT / between) + LOOKS


def look_at(worker: Any) -> Look:
    """What there is for this worker. Costs one short connection to the broker."""
    lengths = queue_lengths()
    served = worker.app.amqp.queues.consume_from
    waiting = None
    if lengths is not None:
        waiting = sum(count for queue, count in lengths.items() if queue in served)
    is_idle = not state.active_requests and not state.reserved_requests
    return Look(waiting, is_idle, state.all_total_count[0])


def end_at_once(worker: Any) -> None:
    """End this process and its pool without a word to the broker, which would not be heard.

    What it holds, or believes that it holds, is handed out again after the visibility timeout.
    """
    pool = getattr(getattr(worker, "pool", None), "_pool", None)
    for child in getattr(pool, "_pool", ()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
    os._exit(EXIT_CODE)


class HearingStep(bootsteps.StartStopStep):
    """Looks every quarter of `WORK_DEAF_SECONDS` while the worker runs."""

    requires = {"celery.worker.components:Pool"}

    def __init__(self, worker: Any, end: Callable[[Any], None] = end_at_once, **_: Any) -> None:
        self._end = end
        self._stopped = threading.Event()

    def start(self, worker: Any) -> None:
        """Begin to look, in a thread: the worker's own loop is what may be stuck."""
        threading.Thread(target=self._watch, args=[worker], name="hearing", daemon=True).start()

    def stop(self, worker: Any) -> None:
        """Look no more: a worker that is shutting down takes no messages on purpose."""
        self._stopped.set()

    def _watch(self, worker: Any) -> None:
        hearing = Hearing()
        while not self._stopped.wait(settings.WORK_DEAF_SECONDS / LOOKS):
            look = look_at(worker)
            if hearing.is_deaf(look) and not self._stopped.is_set():
                log.error("worker_is_deaf", waiting=look.waiting, received=look.received)
                self._end(worker)
                return
