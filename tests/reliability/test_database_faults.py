"""What a database says when it is full or in a deadlock, and a purge that ends halfway."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet

from portal.choices import RunStatus, WorkStatus
from portal.imports.ledger import MAX_ATTEMPTS, STALE_AFTER
from portal.imports.runner import execute_run
from portal.models import Connection, ScheduledSlot, WorkItem
from portal.services.work import KEPT_FOR, enqueue, tidy_work
from portal.work.registry import Work, WorkKind, work_kinds
from portal.work.runner import Outcome, execute_item
from tests.billing.services.charges import assert_books_balance, billed, fingerprint
from tests.imports import START, Clock, line, make_connection, request, run_import
from tests.reliability.kills.driver import require_strace

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]


def only_postgres(engine: str, why: str) -> None:
    if engine != "postgres":
        pytest.skip(why)


@contextmanager
def no_room_for(table: str, log: Path) -> Iterator[None]:
    """The server that answers us finds the disk full whenever the file of a table is to grow.

    What it writes of the log of changes goes through: without room for that, PostgreSQL ends.
    """
    require_strace()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_backend_pid(), current_setting('data_directory'), pg_relation_filepath(%s)",
            [table],
        )
        process, folder, file = cursor.fetchone()
    calls = "pwrite64,pwritev,fallocate"
    tracer = subprocess.Popen(
        ["strace", "-p", str(process), "-P", str(Path(folder, file).resolve()), "-o", str(log)]
        + ["-e", f"trace={calls}", "-e", f"inject={calls}:error=ENOSPC"],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert tracer.stderr is not None
    with tracer.stderr as told:
        try:
            said = told.readline()
            if "attached" not in said:
                pytest.skip(f"strace may not watch a server here: {said}")
            yield
        finally:
            tracer.terminate()
            tracer.wait(timeout=10)
    assert "ENOSPC" in log.read_text()


def test_row_19_a_full_postgres_leaves_the_old_day_and_the_run_says_why_it_failed(
    engine: str, tmp_path: Path
) -> None:
    only_postgres(engine, "a full disk under SQLite is test_kill_points.py")
    cloud = make_connection()
    run_import(cloud, [line(3, "1")])
    before = fingerprint()
    lines = [line(3, "2", ResourceId=f"resource-{number}") for number in range(200)]
    run = request(cloud, lines)
    clock = Clock()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM FULL billing_charge")  # one page: what follows needs more
    for attempt in range(MAX_ATTEMPTS):
        with (
            no_room_for("billing_charge", tmp_path / f"strace-{attempt}"),
            pytest.raises(OperationalError, match="could not extend file .*No space left"),
        ):
            execute_run(run.pk, clock=clock)
        assert (billed(), fingerprint()) == (1, before)
        clock.now += STALE_AFTER + timedelta(minutes=1)
    ended = execute_run(run.pk, clock=clock)
    assert ended.status == RunStatus.FAILED
    assert f"Given up after {MAX_ATTEMPTS} attempts" in ended.problem
    assert (billed(), fingerprint()) == (1, before)
    assert run_import(cloud, lines, clock=clock).status == RunStatus.APPLIED
    assert billed() == 400
    assert_books_balance()


def test_row_21_a_deadlock_costs_an_attempt_and_the_next_one_succeeds(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_postgres(engine, "SQLite has one writer, so no two wait for each other")
    one, other = make_connection("one"), make_connection("other")
    has_other, wants_one = threading.Event(), threading.Event()

    def touch(row: Connection, text: str) -> None:
        Connection.objects.filter(pk=row.pk).update(name=text)

    def cross() -> None:
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:  # the other one finds out first
                    cursor.execute("SET LOCAL deadlock_timeout = '60s'")
                touch(other, "crossed")
                has_other.set()
                wants_one.wait(20)
                touch(one, "crossed")
        finally:
            connection.close()

    def run(work: Work) -> None:
        touch(one, f"attempt {work.attempt}")
        if work.attempt == 1:
            thread.start()
            has_other.wait(20)
            wants_one.set()
            time.sleep(0.3)
        touch(other, f"attempt {work.attempt}")

    thread = threading.Thread(target=cross, daemon=True)
    kind = WorkKind(key="test.cross", label="Cross", run=run, is_atomic=True)
    monkeypatch.setitem(work_kinds._items, kind.key, kind)
    item = enqueue(kind=kind.key, actor=None, at=START)
    assert execute_item(item.pk, clock=Clock()) == Outcome.FAILED
    thread.join(20)
    assert Connection.objects.get(pk=one.pk).name == "crossed"
    item.refresh_from_db()
    assert (item.status, item.attempt) == (WorkStatus.QUEUED, 1)
    assert "deadlock detected" in item.problem
    assert execute_item(item.pk, clock=Clock(START + timedelta(hours=1))) == Outcome.DONE
    names = set(Connection.objects.values_list("name", flat=True))
    assert names == {"attempt 2"}


def test_row_69_a_purge_of_old_work_that_ends_halfway_removes_nothing_and_is_done_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = START - KEPT_FOR - timedelta(days=1)
    kind = WorkKind(key="test.old", label="Old", run=lambda work: None)
    monkeypatch.setitem(work_kinds._items, kind.key, kind)
    for number in range(3):
        item = enqueue(kind=kind.key, key=str(number), actor=None, at=old)
        assert execute_item(item.pk, clock=Clock(old)) == Outcome.DONE
        slot = old - timedelta(hours=number)
        ScheduledSlot.objects.create(job="tidy", slot=slot, claimed_at=slot)
    delete = QuerySet.delete
    seen: list[str] = []

    def die_at_the_second(rows: QuerySet[WorkItem]) -> tuple[int, dict[str, int]]:
        seen.append(rows.model.__name__)
        if rows.model is ScheduledSlot:
            raise SystemExit("killed")
        return delete(rows)

    with monkeypatch.context() as patch:
        patch.setattr(QuerySet, "delete", die_at_the_second)
        with pytest.raises(SystemExit):
            tidy_work(at=START)
    assert seen == ["WorkItem", "ScheduledSlot"]
    assert (WorkItem.objects.count(), ScheduledSlot.objects.count()) == (3, 3)
    assert tidy_work(at=START) == 5  # the newest due time of a job stays
    assert tidy_work(at=START) == 0
