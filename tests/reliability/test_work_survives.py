"""Rows 2, 5 to 13 and 16 of the failure catalogue, on background work.

One real worker and one real broker for the whole module: the broker is the module's own, since it
is killed, frozen, filled and emptied; the worker has two children, a broker that thinks a message
lost after two seconds, and gives an item away after one and a half seconds of silence. Nobody beats
here: the tests tick by themselves. A worker that ends is started again, as whoever runs the portal
does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.core.checks import Error
from django.db import connection, connections
from django.test import Client
from django.urls import reverse
from kombu import pools

from portal import tasks
from portal.checks import check_task_times
from portal.choices import Role, WorkStatus
from portal.models import WorkItem
from portal.work import hints
from tests.imports import make_person
from tests.plugins.work_kinds import BEGUN, Effects, effect_table
from tests.plugins.workers import WatchedWorker, WorkerFactory, WorkerProcess
from tests.plugins.workers import test_database_variables as database_variables
from tests.reliability.bench import Bench
from tests.reliability.broker import OwnBroker

STALE = "1.5"
DEAF = "8"
VISIBILITY = 2

pytestmark = [
    pytest.mark.worker,
    pytest.mark.both_engines,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture(scope="module")
def surroundings(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[OwnBroker, Path, WatchedWorker]]:
    folder = tmp_path_factory.mktemp("work")
    broker = OwnBroker()
    broker.start()
    factory = WorkerFactory(folder)

    def start() -> WorkerProcess:
        return factory(
            concurrency=2,
            visibility_timeout=VISIBILITY,
            variables={
                "CELERY_BROKER_URL": broker.url,
                "TEST_WORK_STALE": STALE,
                "TEST_WORK_DEAF": DEAF,
                "TEST_PREFETCH": "2",
                BEGUN: str(folder / "begun.log"),
            },
        )

    with django_db_blocker.unblock():
        watched = WatchedWorker(start)
        connections.close_all()
    yield broker, folder / "begun.log", watched
    factory.stop_all()
    broker.remove()


def forget_connections() -> None:
    """Close what is open to a broker; Celery itself would go on asking the pool that was closed."""
    pools.reset()
    current_app._after_fork()


@pytest.fixture
def bench(
    surroundings: tuple[OwnBroker, Path, WatchedWorker],
    transactional_db: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Bench]:
    broker, log, watched = surroundings
    monkeypatch.setenv("CELERY_BROKER_URL", broker.url)  # Celery reads this one first
    forget_connections()
    tasks.silence.end()
    log.unlink(missing_ok=True)
    with effect_table():
        yield Bench(broker, Effects(log), watched)
        broker.thaw()
    tasks.silence.end()
    forget_connections()


def test_row_02_a_killed_child_is_replaced_and_its_work_done_once(bench: Bench) -> None:
    item = bench.ask("row2", milliseconds=60_000, only_first=True)
    os.kill(bench.begun(item), signal.SIGKILL)
    bench.wait_for(WorkStatus.DONE, item)
    assert bench.effects.rows() == [(item.pk, 2)]


def test_row_05_work_that_kills_its_worker_is_held_after_three_attempts_and_the_queue_drains(
    bench: Bench,
) -> None:
    poison = bench.ask("poison", how="die")
    others = [bench.ask(f"other {number}") for number in range(5)]
    bench.wait_for(WorkStatus.HELD, poison)
    bench.wait_for(WorkStatus.DONE, *others)
    poison.refresh_from_db()
    assert len([1 for known, *_ in bench.effects.begun() if known == poison.pk]) == 3
    assert poison.attempt == 3
    assert "Given up after 3 attempts" in poison.problem
    assert sorted(bench.effects.items()) == sorted(item.pk for item in others)


@pytest.mark.prove
def test_row_06_work_longer_than_the_visibility_timeout_has_one_effect(bench: Bench) -> None:
    item = bench.ask("row6", "test.fenced", milliseconds=VISIBILITY * 1000 + 2500)
    bench.wait_for(WorkStatus.DONE, item)
    assert bench.effects.rows() == [(item.pk, 1)]
    assert len(bench.effects.begun()) == 1, "a redelivery began a living item"


def test_row_06_the_start_is_refused_when_a_task_may_outlive_the_visibility_timeout(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_task_times(None) == []
    monkeypatch.setattr(tasks.run_work, "time_limit", settings.CELERY_VISIBILITY_TIMEOUT)
    (problem,) = check_task_times(None)
    assert isinstance(problem, Error)
    assert "portal.tasks.run_work" in problem.msg


@pytest.mark.prove
def test_row_07_work_prefetched_behind_a_long_one_has_each_effect_once(bench: Bench) -> None:
    long = [
        bench.ask(f"long {number}", "test.fenced", milliseconds=VISIBILITY * 1000 + 1500)
        for number in range(2)
    ]
    short = [bench.ask(f"short {number}") for number in range(6)]
    bench.wait_for(WorkStatus.DONE, *long, *short)
    assert sorted(bench.effects.items()) == sorted(item.pk for item in (*long, *short))


@pytest.mark.parametrize(
    "kind", ["test.fenced", pytest.param("test.whole", marks=pytest.mark.prove)]
)
def test_row_08_a_frozen_worker_that_wakes_up_is_fenced_off(bench: Bench, kind: str) -> None:
    item = bench.ask("row8", kind, milliseconds=1000, only_first=True)
    frozen = bench.begun(item)
    os.kill(frozen, signal.SIGSTOP)
    try:
        if kind == "test.whole" and connection.vendor == "sqlite":
            # Its open transaction is the database's write lock: it froze every writer with it.
            time.sleep(float(STALE) + 1)
        else:
            bench.wait_for(WorkStatus.DONE, item)
    finally:
        os.kill(frozen, signal.SIGCONT)
    bench.wait_for(WorkStatus.DONE, item)
    # Long enough for the second finisher to come to its end as well.
    other = bench.ask("after", milliseconds=1200)
    bench.wait_for(WorkStatus.DONE, other)
    assert bench.effects.items().count(item.pk) == 1


# Long, because a worker may be deaf after its broker went and came back (Celery's issues 8091 and
# 9054): on a busy machine it was in every third run, and the rows after it then waited in vain.
@pytest.mark.prove("Broker killed and started again")
def test_row_09_a_broker_that_is_killed_and_comes_back_loses_nothing(bench: Bench) -> None:
    items = [bench.ask(f"row9 {number}", milliseconds=30) for number in range(10)]
    time.sleep(0.1)
    bench.broker.kill()
    bench.broker.start()
    bench.wait_for(WorkStatus.DONE, *items)
    assert sorted(bench.effects.items()) == sorted(item.pk for item in items)


def test_row_10_a_broker_that_forgets_everything_is_told_again(bench: Bench) -> None:
    busy = [bench.ask(f"busy {number}", milliseconds=300) for number in range(2)]
    items = [bench.ask(f"row10 {number}") for number in range(8)]
    bench.broker.client().flushall()
    bench.wait_for(WorkStatus.DONE, *busy, *items)
    assert sorted(bench.effects.items()) == sorted(item.pk for item in (*busy, *items))


def test_row_11_with_a_hung_broker_every_answer_takes_three_seconds_at_most(
    bench: Bench, client: Client
) -> None:
    client.force_login(make_person("root", Role.ADMINISTRATOR))
    stopped = bench.ask("row11", how="refuse")
    bench.wait_for(WorkStatus.FAILED, stopped)
    address = reverse("work-item", args=[stopped.pk])
    client.get(address)  # the first request of a process loads all pages
    bench.broker.freeze()
    for ask in (
        lambda: client.post(f"{address}retry/", {"reason": "It is there now."}),
        lambda: client.get(address),
        lambda: client.get(reverse("work-list")),
        lambda: client.get("/"),
    ):
        began = time.monotonic()
        assert ask().status_code in {200, 302}
        assert time.monotonic() - began <= 3
    attempts = stopped.attempt
    stopped.refresh_from_db()
    # Queued; or tried again already, when a worker still held an earlier message about it.
    assert stopped.status == WorkStatus.QUEUED or stopped.attempt > attempts
    # Many commits of one answer wait no longer than one: after the first nobody asks again.
    began = time.monotonic()
    for number in range(10):
        bench.ask(f"more {number}")
    assert time.monotonic() - began <= 3
    bench.broker.thaw()
    # What refuses to be done refuses again; the ten others are done.
    done = WorkItem.objects.filter(status=WorkStatus.DONE)
    bench.wait(lambda: done.count() == 10, "the others are done")
    bench.wait_for(WorkStatus.FAILED, stopped)
    assert len(bench.effects.items()) == 10


@pytest.mark.prove("Broker stopped and started again")  # as row 9
def test_row_12_work_committed_while_the_broker_is_down_is_sent_later(bench: Bench) -> None:
    bench.broker.kill()
    try:
        item = bench.ask("row12")
        bench.tick()
        item.refresh_from_db()
        assert item.status == WorkStatus.QUEUED
        assert item.sends == 0, "what could not be sent is claimed by nobody"
    finally:
        bench.broker.start()
    bench.wait_for(WorkStatus.DONE, item)
    assert bench.effects.rows() == [(item.pk, 1)]


def test_row_13_a_full_broker_refuses_and_nothing_is_lost(bench: Bench) -> None:
    broker = bench.broker.client()
    broker.config_set("maxmemory", "1")
    try:
        item = bench.ask("row13")
        assert tasks.silence.holds, "the broker took a message that it had no room for"
        bench.tick()
        item.refresh_from_db()
        assert item.status == WorkStatus.QUEUED
    finally:
        broker.config_set("maxmemory", "0")
    bench.wait_for(WorkStatus.DONE, item)
    assert bench.effects.rows() == [(item.pk, 1)]


def test_row_13_a_worker_that_is_handed_a_message_while_the_broker_is_full_ends_and_loses_nothing(
    bench: Bench,
) -> None:
    # kombu takes a message from the queue and notes then who holds it; that it cannot is fatal.
    broker = bench.broker.client()
    ended = bench.watched.worker
    ended.process.send_signal(signal.SIGSTOP)  # it sees the messages when the broker is full
    try:
        items = [bench.ask(f"row13 {number}") for number in range(6)]
        broker.config_set("maxmemory", "1")
    finally:
        ended.process.send_signal(signal.SIGCONT)
    try:
        bench.wait(lambda: ended.process.poll() is not None, "the worker ends", watching=False)
    finally:
        broker.config_set("maxmemory", "0")
    assert "OutOfMemoryError" in ended.text()
    bench.wait_for(WorkStatus.DONE, *items)
    assert sorted(bench.effects.items()) == sorted(item.pk for item in items)


def test_row_16_work_that_was_committed_and_never_sent_is_sent(bench: Bench) -> None:
    with hints.withheld():  # what a process that dies in the hook of its commit leaves
        item = bench.ask("row16")
    assert item.status == WorkStatus.QUEUED
    bench.wait_for(WorkStatus.DONE, item)
    assert bench.effects.rows() == [(item.pk, 1)]


# A program of its own: a child forked from this process inherits threads that are not there.
DIES_IN_THE_HOOK = """
import os, signal, django
django.setup()
from django.db import transaction
from django.utils import timezone
from portal.services.work import enqueue
from portal.work import hints
from tests.plugins import work_kinds
hints.use_sender(lambda _: os.kill(os.getpid(), signal.SIGKILL))
with transaction.atomic():
    enqueue(kind="test.whole", key="row16", payload={}, actor=None, at=timezone.now())
"""


@pytest.mark.sweep
def test_row_16_work_of_a_process_that_dies_between_commit_and_send_is_sent(bench: Bench) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DIES_IN_THE_HOOK],
        env={
            **os.environ,
            **database_variables(),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
        },
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, f"it was to die in the hook: {done.stderr.decode()}"
    item = WorkItem.objects.get(key="row16")
    assert item.status == WorkStatus.QUEUED
    bench.wait_for(WorkStatus.DONE, item)
    assert bench.effects.rows() == [(item.pk, 1)]


def test_whoever_does_the_work_gives_way_to_pages(bench: Bench) -> None:
    item = bench.ask("polite", milliseconds=200)
    child, parent = bench.begun(item), bench.watched.worker.pid
    priority = os.getpriority(os.PRIO_PROCESS, parent)
    assert os.getpriority(os.PRIO_PROCESS, child) == priority + 1  # as `worker_app` sets it
    session = Path(f"/proc/{child}/autogroup")
    if session.exists():
        assert session.read_text().split()[-2:] == ["nice", "1"]
    bench.wait_for(WorkStatus.DONE, item)


def test_a_storm_of_messages_about_one_item_has_one_effect_and_holds_nothing(
    bench: Bench,
) -> None:
    item = bench.ask("storm", "test.fenced", milliseconds=1000)
    bench.begun(item)
    tasks.send_hints([hints.Hint(item.pk, "default")] * 60)
    bench.wait_for(WorkStatus.DONE, item)
    other = bench.ask("after the storm")
    bench.wait_for(WorkStatus.DONE, other)
    item.refresh_from_db()
    assert item.attempt == 1
    assert bench.effects.rows() == [(item.pk, 1), (other.pk, 1)]
