"""A real worker, a broker of its own and a beat by hand: what tests of background work stand on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from portal import tasks
from portal.choices import WorkStatus
from portal.models import WorkItem
from portal.services.work import enqueue
from tests.plugins.work_kinds import Effects
from tests.plugins.workers import WatchedWorker
from tests.reliability.broker import OwnBroker


@dataclass
class Bench:
    """The worker's surroundings, and a few words to speak with them."""

    broker: OwnBroker
    effects: Effects
    watched: WatchedWorker

    def ask(self, key: str, kind: str = "test.whole", **payload: Any) -> WorkItem:
        return enqueue(kind=kind, key=key, payload=payload, actor=None, at=timezone.now())

    def tick(self) -> None:
        """What beat does every ten seconds, without waiting for it."""
        WorkItem.objects.filter(status=WorkStatus.QUEUED).update(
            look_at=timezone.now(), not_before=None
        )
        tasks.silence.end()
        tasks.sweep_work()

    def wait(
        self,
        holds: Callable[[], bool],
        what: str,
        *,
        ticking: bool = True,
        watching: bool = True,
    ) -> None:
        deadline = time.monotonic() + 40
        next_tick = 0.0
        while not holds():
            if watching and self.watched.start_if_ended():
                deadline = time.monotonic() + 40
            assert time.monotonic() < deadline, f"in vain: {what}\n{self.watched.worker.text()}"
            if ticking and time.monotonic() > next_tick:
                self.tick()
                next_tick = time.monotonic() + 0.5
            time.sleep(0.02)

    def wait_for(self, status: WorkStatus, *items: WorkItem, ticking: bool = True) -> None:
        wanted = WorkItem.objects.filter(pk__in=[item.pk for item in items], status=status)
        self.wait(lambda: wanted.count() == len(items), f"{status}", ticking=ticking)

    def begun(self, item: WorkItem) -> int:
        """Wait until a worker has begun the item; the process that does it."""
        found: list[int] = []

        def look() -> bool:
            found[:] = [pid for known, _, pid in self.effects.begun() if known == item.pk]
            return bool(found)

        self.wait(look, "a worker begins", ticking=False)
        return found[-1]
