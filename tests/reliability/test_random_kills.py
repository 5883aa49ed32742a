"""Random kills under load: no item and no import is lost, doubled or stuck, and the queue drains.

Real workers, a real scheduler and a broker of the test's own; every message is sent twice or more,
out of order, some about nothing. The effect of an item is a row that its attempt writes, so what
happened can be counted: exactly one for each item, whatever happened on the way.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.db import connection
from django.db.models import Q, Sum
from django.utils import timezone

from billing.models import Charge
from portal.choices import OPEN_RUN_STATUSES, RunStatus, WorkStatus
from portal.models import ImportRun, WorkItem
from portal.services.work import retry_item
from tests.billing.services.charges import assert_books_balance
from tests.imports import make_connection, make_person
from tests.plugins.proofs import Figures
from tests.plugins.work_kinds import Effects, effect_table
from tests.plugins.workers import WorkerFactory
from tests.reliability.broker import OwnBroker
from tests.reliability.load.faults import Faults, Scheduler, commits_for_good, make_start
from tests.reliability.load.traffic import Traffic, open_items, patiently

pytestmark = [
    pytest.mark.worker,
    pytest.mark.both_engines,
    pytest.mark.django_db(transaction=True),
]
STALE = "2"
MOST_WAITING = 4000  # messages in the broker; then the next ones wait
STUCK_AFTER = 480  # seconds without anything finished; whatever has to wait here waits for less


class Soak:
    """Traffic, and what goes wrong meanwhile."""

    def __init__(
        self, factory: WorkerFactory, broker: OwnBroker, folder: Path, chance: random.Random
    ) -> None:
        self.broker = broker
        self.scheduler = Scheduler(folder, broker.url)
        start = make_start(factory, broker, STALE)
        self.workers = [start(), start()]
        self.scheduler.start()
        self.traffic = Traffic(broker, [make_connection(f"c{n}") for n in range(5)], chance)
        self.faults = Faults(self.workers, start, self.scheduler, broker, chance)

    def go(self, kills: int, messages: int, imports: int, figures: Figures) -> None:
        """So many kills and messages, spread over each other."""
        steps = figures.progress(range(kills), "kills under load")
        for step in steps:
            while self.faults.kills <= step:
                self.faults.next()
            due = messages * (step + 1) // kills - self.traffic.sent
            self.traffic.add_items(max(1, due * 10 // 24))
            if imports * (step + 1) // kills > imports * step // kills:
                self.traffic.add_import()
            self.traffic.send(leave=min(1000, messages // 10))
            self.faults.revive()
            self._let_them_work()

    def _let_them_work(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            self.faults.thaw_those_due()
            try:
                if self.traffic.backlog() < MOST_WAITING:
                    return
            except redis.RedisError:
                return
            time.sleep(0.1)

    def drain(self) -> bool:
        """Let everything that is open come to its end, with nothing going wrong any more.

        However much is left: stuck is what does not become less. Returns whether nothing is.
        """
        self.faults.thaw_those_due(everybody=True)
        person = make_person("operator")
        least, moved_at = None, time.monotonic()
        while time.monotonic() - moved_at < STUCK_AFTER:
            self.traffic.send()
            self.faults.revive()
            open_now = (open_items(), self._open_runs(), self._left())
            if not any(open_now):
                return True
            if least is None or sum(open_now) < least:
                least, moved_at = sum(open_now), time.monotonic()
            for item in patiently(lambda: list(WorkItem.objects.filter(status=WorkStatus.HELD))):
                retry_item(
                    item=item, reason="It was killed three times.", actor=person, at=timezone.now()
                )
            self.traffic.replay_given_up()
            time.sleep(0.5)
        return False

    def left_over(self) -> Iterator[str]:
        """Everything that is known about what does not move."""
        client = self.broker.client()
        for key in sorted(client.scan_iter("plumbline:*")):
            yield f"broker: {key.decode()} {client.type(key).decode()} ttl {client.ttl(key)}"
        yield f"broker: {self.traffic.backlog()} wait, {client.hlen('plumbline:unacked')} unacked"
        for item in WorkItem.objects.exclude(status=WorkStatus.DONE)[:20]:
            yield f"item {item.pk} {item.kind}: {item.status}, attempt {item.attempt}, sent " + (
                f"{item.sends} times, look at {item.look_at}, {item.problem}"
            )
        for run in ImportRun.objects.filter(status__in=OPEN_RUN_STATUSES)[:20]:
            yield f"run {run.pk}: {run.status}, attempt {run.attempt}, beat {run.heartbeat_at}"
        yield from self.faults.told()

    @staticmethod
    def _open_runs() -> int:
        return patiently(lambda: ImportRun.objects.filter(status__in=OPEN_RUN_STATUSES).count())

    def _left(self) -> int:
        client = self.broker.client()
        return self.traffic.backlog() + int(client.hlen("plumbline:unacked"))

    def judge(self, effects: Effects, figures: Figures) -> None:
        """Count what is lost, doubled and stuck, and look into the books."""
        done = Counter(effects.items())
        ours = self.traffic.items
        for item, number in done.items():
            if item in ours and number > 1:
                kind = WorkItem.objects.get(pk=item).kind
                rows = [row for row in effects.rows() if row[0] == item]
                figures.bad(f"item {item} ({kind}) had its effect {number} times: {rows}")
        for item in ours - done.keys():
            figures.bad(f"item {item} never had its effect")
        for left in WorkItem.objects.exclude(status=WorkStatus.DONE):
            figures.bad(f"item {left.pk} ({left.kind}) is {left.status}: {left.problem}")
        closed = (RunStatus.APPLIED, RunStatus.SUPERSEDED)
        replayed = ImportRun.objects.filter(replays__status__in=closed).values("pk")
        for run in ImportRun.objects.exclude(status__in=closed).exclude(
            Q(pk__in=replayed) | Q(replay_of__in=replayed)
        ):
            figures.bad(f"run {run.pk} is {run.status}: {run.problem}")
        live = Charge.objects.filter(superseded_at__isnull=True)
        sums = live.order_by().values_list("slice__connection").annotate(billed=Sum("billed_nano"))
        found = {pk: billed // 10**7 for pk, billed in sums}
        if found != self.traffic.expected():
            figures.bad(f"costs are {found}, the newest versions are {self.traffic.expected()}")
        if self._left():
            figures.bad(f"{self._left()} messages are left in the broker")
        assert_books_balance()


@pytest.fixture
def soak(transactional_db: None, tmp_path: Path, figures: Figures) -> Iterator[Soak]:
    factory = WorkerFactory(tmp_path)
    broker = OwnBroker()
    broker.start()
    with commits_for_good():
        found = Soak(factory, broker, tmp_path, figures.random)
        yield found
        found.faults.thaw_those_due(everybody=True)
        found.scheduler.kill()
        factory.stop_all()
        broker.remove()


def run(
    soak: Soak, figures: Figures, log: Path, *, kills: int, messages: int, imports: int
) -> None:
    began = time.monotonic()
    with effect_table():
        soak.go(kills, messages, imports, figures)
        if not soak.drain():
            figures.bad("nothing moved any more:\n" + "\n".join(soak.left_over()))
        soak.judge(Effects(log), figures)
    figures("kills", soak.faults.kills, kills)
    figures("messages", soak.traffic.sent, messages)
    figures("items done once each", len(soak.traffic.items), 1)
    figures("imports of the same days again", ImportRun.objects.count(), imports)
    for name, number in sorted(soak.faults.done.items()):
        figures(name, number, 0)
    figures("runs given up and replayed", soak.traffic.replayed, 0)
    figures("workers that ended by themselves", soak.faults.ended.total(), 0)
    figures("seconds", round(time.monotonic() - began), 0, level=True)


@pytest.mark.prove("A few kills under load", adds_up=True)
def test_a_few_kills_under_load_lose_and_double_nothing(
    soak: Soak, figures: Figures, tmp_path: Path
) -> None:
    if connection.vendor == "postgresql":
        soak.faults.leave_out("database")  # the tests beside this one use it as well
    run(soak, figures, tmp_path / "begun.log", kills=3, messages=200, imports=2)


@pytest.mark.prove("Random kills under load", adds_up=True)
def test_a_thousand_kills_under_load_lose_and_double_nothing(
    soak: Soak, figures: Figures, tmp_path: Path
) -> None:
    kills, messages = figures.scaled(1000), figures.scaled(100_000)
    run(
        soak,
        figures,
        tmp_path / "begun.log",
        kills=kills,
        messages=messages,
        imports=figures.scaled(300),
    )
