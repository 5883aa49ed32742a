"""A worker that hears nothing although work waits ends itself; one that is busy does not."""

from __future__ import annotations

from typing import Any

import pytest

from portal.celery import app
from portal.tasks import show_life
from portal.work.hearing import EXIT_CODE, LOOKS, Hearing, Look, looks_of_a_task
from tests.plugins.workers import WorkerFactory
from tests.reliability.test_worker import wait_until


def deaf_after(looks: list[Look]) -> list[bool]:
    hearing = Hearing(looks=2, busy_looks=99)
    return [hearing.is_deaf(look) for look in looks]


SILENT = Look(waiting=3, is_idle=True, received=7)


def test_messages_that_wait_for_an_idle_worker_again_and_again_show_that_it_is_deaf() -> None:
    assert deaf_after([SILENT, SILENT, SILENT]) == [False, False, True]


@pytest.mark.parametrize(
    "sign",
    [
        Look(waiting=0, is_idle=True, received=7),
        Look(waiting=None, is_idle=True, received=7),
        Look(waiting=3, is_idle=False, received=7),
        Look(waiting=3, is_idle=True, received=8),
    ],
    ids=["nothing waits", "the broker is away", "it works", "it was handed one"],
)
def test_one_other_sign_begins_the_count_anew(sign: Look) -> None:
    again = Look(SILENT.waiting, SILENT.is_idle, sign.received)
    assert deaf_after([SILENT, SILENT, sign, again]) == [False, False, False, False]
    assert deaf_after([SILENT, SILENT, sign, again, again])[-1]


def test_a_busy_worker_is_lost_once_no_task_could_take_so_long() -> None:
    busy = Look(waiting=3, is_idle=False, received=7)
    hearing = Hearing(looks=2, busy_looks=4)
    assert [hearing.is_deaf(busy) for _ in range(5)] == [False, False, False, False, True]
    hearing = Hearing(looks=2, busy_looks=4)
    handed = Look(waiting=3, is_idle=False, received=8)
    assert [hearing.is_deaf(look) for look in (busy, busy, busy, handed, handed, handed)] == (
        [False] * 6
    )


def test_a_busy_worker_has_longer_than_the_longest_task_may_take(settings: Any) -> None:
    settings.CELERY_TASK_TIME_LIMIT, settings.WORK_DEAF_SECONDS = 300, 60.0
    assert looks_of_a_task() * 60.0 / LOOKS > 300
    settings.CELERY_TASK_TIME_LIMIT, settings.WORK_DEAF_SECONDS = 120, 20.0
    assert looks_of_a_task() * 20.0 / LOOKS > 120


@pytest.mark.worker
@pytest.mark.django_db(transaction=True)
def test_a_deaf_worker_ends_and_leaves_what_waits(celery_worker_process: WorkerFactory) -> None:
    worker = celery_worker_process(variables={"TEST_WORK_DEAF": "2", "TEST_DEAF": "1"})
    show_life.delay(queue="default")
    wait_until(lambda: worker.process.poll() is not None, "the deaf worker ends", seconds=30)
    assert worker.process.returncode == EXIT_CODE
    with app.connection_for_read() as connection:
        assert connection.default_channel.client.llen("default") == 1
