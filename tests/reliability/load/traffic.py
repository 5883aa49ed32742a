"""Work items and imports by the thousand, their messages doubled, shuffled and partly senseless."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from portal.celery import app
from portal.choices import RunStatus, RunTrigger, WorkStatus
from portal.models import Connection, ImportRun, WorkItem
from portal.services.imports import Upload, replay_run, request_import
from portal.tasks import BROKER_ERRORS, run_import, run_work
from tests.billing.sources.focus.focus_files import csv_bytes
from tests.imports import line
from tests.reliability.broker import OwnBroker

T = TypeVar("T")
Message = tuple[Any, dict[str, int], str]
SHUFFLED_OVER = 2000  # messages that may overtake each other
DAYS, ROWS = 3, 12


def patiently(work: Callable[[], T], seconds: float = 60) -> T:
    """Do it again while the database is away: it is being restarted under us."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def version_of(number: int, account: str) -> bytes:
    """One version of the same days of cost: every row differs from version to version."""
    return csv_bytes(
        line(
            1 + n % DAYS,
            f"{number}.{n:02}",
            ServiceName=f"Service {n}",
            BillingAccountId=account,
            Tags="{}",
        )
        for n in range(ROWS)
    )


def total_of(number: int) -> int:
    """What the version costs, in hundredths."""
    return sum(number * 100 + n for n in range(ROWS))


class Traffic:
    """Makes items and runs in small transactions and sends messages about them."""

    def __init__(
        self, broker: OwnBroker, connections: list[Connection], chance: random.Random
    ) -> None:
        self._broker = broker
        self._connections = connections
        self._chance = chance
        self._waiting: list[Message] = []
        self._versions: dict[int, int] = dict.fromkeys([each.pk for each in connections], 0)
        self.items: set[int] = set()
        self.sent = 0
        self.replayed = 0

    def add_items(self, number: int) -> None:
        """A transaction with so many items, then their messages: each twice, a third thrice."""
        batch = [self._item() for _ in range(number)]
        for item in patiently(lambda: self._write(batch)):
            self.items.add(item.pk)
            times = 3 if self._chance.random() < 0.3 else 2
            self._put([(run_work, {"item_id": item.pk}, item.queue)] * times)
        for _ in range(number // 10):
            self._put([(run_work, {"item_id": self._chance.randrange(10**9, 10**10)}, "default")])

    def _item(self) -> WorkItem:
        now = timezone.now()
        kind = "test.repeatable" if self._chance.random() < 0.2 else "test.whole"
        return WorkItem(
            kind=kind,
            key=f"load:{self._chance.getrandbits(60)}",
            payload={"milliseconds": self._chance.choice([0, 0, 0, 5, 20])},
            queue="default",
            requested_at=now,
            look_at=now,
        )

    @staticmethod
    def _write(batch: list[WorkItem]) -> list[WorkItem]:
        """Write what is not there yet: the commit of an earlier try may have come through."""
        keys = [item.key for item in batch]
        known = set(WorkItem.objects.filter(key__in=keys).values_list("key", flat=True))
        WorkItem.objects.bulk_create(item for item in batch if item.key not in known)
        return list(WorkItem.objects.filter(key__in=keys))

    def add_import(self) -> None:
        """The next version of one connection's days; its messages may overtake older ones."""
        target = self._chance.choice(self._connections)
        version = self._versions[target.pk] + 1
        run = patiently(lambda: self._request(target, version))
        self._versions[target.pk] = version
        self._put([(run_import, {"run_id": run.pk}, "imports")] * 2)

    @staticmethod
    def _request(target: Connection, version: int) -> ImportRun:
        known = ImportRun.objects.filter(connection=target).count()
        if known >= version:  # an earlier try came through
            return ImportRun.objects.filter(connection=target).latest("pk")
        upload = Upload("may.csv", io.BytesIO(version_of(version, target.slug)))
        return request_import(
            connection=target, inputs=[upload], trigger=RunTrigger.UPLOAD, at=timezone.now()
        )

    def replay_given_up(self) -> None:
        """Have runs that were killed three times read again, as a person would."""
        failed = ImportRun.objects.filter(status=RunStatus.FAILED, replay_of__isnull=True)
        better = ImportRun.objects.exclude(status=RunStatus.FAILED).filter(replay_of__isnull=False)
        given_up = failed.exclude(pk__in=better.values("replay_of"))
        for run in patiently(lambda: list(given_up)):
            again = patiently(partial(replay_run, run=run, actor=None, at=timezone.now()))
            self._put([(run_import, {"run_id": again.pk}, "imports")])
            self.replayed += 1

    def expected(self) -> dict[int, int]:
        """By connection: what its newest version costs, in hundredths."""
        return {pk: total_of(version) for pk, version in self._versions.items() if version}

    def _put(self, messages: list[Message]) -> None:
        self._waiting.extend(messages)

    def _drawn(self, leave: int) -> Iterator[Message]:
        while len(self._waiting) > leave:
            number = self._chance.randrange(min(len(self._waiting), SHUFFLED_OVER))
            self._waiting[number], last = self._waiting[-1], self._waiting[number]
            self._waiting.pop()
            yield last

    def send(self, *, leave: int = 0) -> None:
        """Send what waits, in an order of its own; what the broker refuses waits on."""
        drawn = list(self._drawn(leave))
        try:
            with (
                app.connection_for_write(
                    self._broker.url,
                    transport_options={
                        **app.conf.broker_transport_options,
                        "socket_timeout": 2,
                        "max_retries": 1,
                    },
                ) as link,
                app.amqp.Producer(link) as producer,
            ):
                while drawn:
                    task, arguments, queue = drawn[-1]
                    task.apply_async(kwargs=arguments, queue=queue, producer=producer, retry=False)
                    drawn.pop()
                    self.sent += 1
        except BROKER_ERRORS:
            self._waiting.extend(drawn)

    def backlog(self) -> int:
        """Messages that the broker holds for workers."""
        client = self._broker.client()
        return sum(int(client.llen(f"plumbline:{name}")) for name in ("default", "imports"))


def open_items() -> int:
    done = (WorkStatus.DONE,)
    return patiently(lambda: WorkItem.objects.exclude(status__in=done).count())
