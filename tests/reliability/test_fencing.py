"""A worker that freezes and wakes up after another took its run over writes nothing.

The first attempt runs in a thread with a database session of its own and is stopped at a chosen
step, as a frozen machine would be.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from billing.models import Charge, Restatement
from billing.services.charge_store import ChargeStore
from billing.sources.focus.source import FocusSource
from portal.choices import RunStatus
from portal.imports.ledger import STALE_AFTER, start_run
from portal.imports.runner import execute_run
from portal.models import ImportRun
from tests.billing.services.charges import assert_books_balance
from tests.imports import START, Clock, counts, line, make_connection, request

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]
LATER = START + STALE_AFTER + timedelta(minutes=1)


class Frozen:
    """A step at which the first thread that comes by stops until `thaw`."""

    def __init__(self) -> None:
        self.is_reached = threading.Event()
        self._may_go_on = threading.Event()
        self._taken = threading.Lock()

    def stop_first(self) -> None:
        if self._taken.acquire(blocking=False):
            self.is_reached.set()
            assert self._may_go_on.wait(30)

    def thaw(self) -> None:
        self._may_go_on.set()


class Attempt(threading.Thread):
    """`work` in a thread with its own database session; `result` is what it returned."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self.result: Any = None
        self.problem: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self.result = self._work()
        except BaseException as problem:
            self.problem = problem
        finally:
            connections.close_all()

    def finish(self) -> Any:
        self.join(30)
        assert not self.is_alive(), "the attempt does not end"
        if self.problem is not None:
            raise self.problem
        return self.result


@pytest.fixture
def frozen() -> Iterator[Frozen]:
    step = Frozen()
    yield step
    step.thaw()


def freeze_reading(frozen: Frozen, monkeypatch: pytest.MonkeyPatch, *, at_the_end: bool) -> None:
    read = FocusSource.read

    def read_and_stop(self: FocusSource, *args: Any) -> Any:
        if not at_the_end:
            frozen.stop_first()
        yield from read(self, *args)
        if at_the_end:
            frozen.stop_first()

    monkeypatch.setattr(FocusSource, "read", read_and_stop)


@pytest.mark.parametrize("at_the_end", [False, True])
@pytest.mark.parametrize("is_clock_frozen", [False, True])
def test_the_first_attempt_wakes_up_after_the_second_and_writes_nothing(
    frozen: Frozen, monkeypatch: pytest.MonkeyPatch, at_the_end: bool, is_clock_frozen: bool
) -> None:
    run = request(make_connection(), [line(1), line(2)])
    freeze_reading(frozen, monkeypatch, at_the_end=at_the_end)
    # A clock that stood still lets no heartbeat notice: then the closing of the run must.
    clock = (lambda: START) if is_clock_frozen else Clock(START)
    first = Attempt(lambda: execute_run(run.pk, clock=clock))
    assert frozen.is_reached.wait(30)
    second = execute_run(run.pk, clock=Clock(LATER))
    assert (second.status, second.attempt, counts(second)) == (
        RunStatus.APPLIED,
        2,
        {"read": 2, "inserted": 2},
    )
    frozen.thaw()
    first.finish()
    run.refresh_from_db()
    assert (run.status, run.attempt, run.finished_at) == (
        RunStatus.APPLIED,
        2,
        second.finished_at,
    )
    assert Charge.objects.count() == 2
    assert not Restatement.objects.exists()
    assert_books_balance()


def test_without_the_fence_the_late_attempt_would_overwrite_the_run(
    frozen: Frozen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that the tests above look at something: the same, with the fence taken away."""
    from portal.imports import ledger

    run = request(make_connection(), [line(1), line(2)])
    freeze_reading(frozen, monkeypatch, at_the_end=True)

    def close_unfenced(run: ImportRun, *, status: RunStatus, at: Any, **fields: Any) -> None:
        ImportRun.objects.filter(pk=run.pk).update(status=status, finished_at=at, **fields)

    monkeypatch.setattr(ledger, "close_run", close_unfenced)
    first = Attempt(lambda: execute_run(run.pk, clock=lambda: START))
    assert frozen.is_reached.wait(30)
    finished_at = execute_run(run.pk, clock=Clock(LATER)).finished_at
    frozen.thaw()
    first.finish()
    run.refresh_from_db()
    assert run.unchanged == 2 or run.finished_at != finished_at


def test_a_run_that_is_applying_is_not_taken_over_however_long_it_takes(
    frozen: Frozen, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = request(make_connection(), [line(1), line(2)])
    apply = ChargeStore.apply

    def apply_and_stop(self: ChargeStore, *args: Any, **kwargs: Any) -> None:
        apply(self, *args, **kwargs)
        frozen.stop_first()

    monkeypatch.setattr(ChargeStore, "apply", apply_and_stop)
    first = Attempt(lambda: execute_run(run.pk, clock=Clock(START)))
    assert frozen.is_reached.wait(30)
    second = Attempt(lambda: start_run(run.pk, at=LATER))
    second.join(1)  # on SQLite it waits for the writer; on PostgreSQL it sees the lock at once
    frozen.thaw()
    assert second.finish() is None
    first.finish()
    run.refresh_from_db()
    assert (run.status, run.attempt) == (RunStatus.APPLIED, 1)
    assert Charge.objects.count() == 2
