"""The heartbeat of one attempt: a thread with a database connection of its own.

The work itself may be deep in one transaction or one long computation, so it cannot be asked to
say that it lives. A frozen process freezes this thread too, which is what silence must mean.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connections

from portal.models import WorkItem
from portal.work import ledger
from portal.work.registry import FencedOffError

log = structlog.get_logger(__name__)


class Heart:
    """What an attempt reported last, and whether it still owns its item."""

    def __init__(self, item: WorkItem, clock: Callable[[], datetime]) -> None:
        self.item = item
        self.clock = clock
        self.is_lost = False
        self._progress: dict[str, Any] = {}

    def report(self, done: int, total: int | None = None, phase: str = "") -> None:
        """Remember how far the work is; the next beat writes it.

        Raises:
            FencedOffError: another attempt has taken over.
        """
        self._progress = {"progress_done": done, "progress_total": total, "phase": phase[:120]}
        if self.is_lost:
            raise FencedOffError(f"work {self.item.pk}, attempt {self.item.attempt}")

    def beat(self) -> None:
        """Write one heartbeat. A database that is busy or away is no reason to stop working."""
        try:
            ledger.beat_heart(self.item, at=self.clock(), **self._progress)
        except FencedOffError:
            self.is_lost = True
        except DatabaseError as error:
            log.warning("heartbeat_missed", work=self.item.pk, detail=str(error))


@contextmanager
def beating(heart: Heart) -> Iterator[None]:
    """Beat every `WORK_HEARTBEAT_SECONDS` until the block ends; short work never starts to."""
    done = threading.Event()

    def keep() -> None:
        try:
            while not heart.is_lost and not done.wait(settings.WORK_HEARTBEAT_SECONDS):
                heart.beat()
        finally:
            connections.close_all()

    thread = threading.Thread(target=keep, name=f"heart-{heart.item.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        # On SQLite a beat may wait for the very transaction that has just ended.
        thread.join(timeout=1)
