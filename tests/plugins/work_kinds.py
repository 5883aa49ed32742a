"""Kinds of work for tests, known to the test process and to the workers it starts.

What an attempt did is a row of `test_effect`, which the fixture `effects` makes; that an attempt
began at all is a line in the file that `TEST_WORK_LOG` names, which no rollback takes back.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection, transaction

from portal.work.registry import Work, WorkKind, WorkRefusedError, work_kinds

BEGUN = "TEST_WORK_LOG"


def note_begin(work: Work) -> None:
    """One write of one line: whole, also when several processes write at once."""
    if path := os.environ.get(BEGUN):
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(handle, f"{work.item_id} {work.attempt} {os.getpid()}\n".encode())
        os.close(handle)


def leave_effect(work: Work) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO test_effect (item, attempt) VALUES (%s, %s)", [work.item_id, work.attempt]
        )


def behave(work: Work) -> None:
    """Do what the payload says: wait, die, fail, refuse; else nothing."""
    note_begin(work)
    only_first = work.payload.get("only_first", False)
    if not only_first or work.attempt == 1:
        time.sleep(int(work.payload.get("milliseconds", 0)) / 1000)
        match work.payload.get("how"):
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "raise":
                raise RuntimeError("as told")
            case "refuse":
                raise WorkRefusedError("There is nothing of that name.")
    work.report(1, 2, "half done")


def run_whole(work: Work) -> None:
    """The effect and the end are one transaction."""
    behave(work)
    leave_effect(work)


def run_fenced(work: Work) -> None:
    """Long work with a short transaction of its own, fenced."""
    behave(work)
    with transaction.atomic():
        work.fence()
        leave_effect(work)


def run_repeatable(work: Work) -> None:
    """As such work has to be: killed between its effect and its end, it does it no second time."""
    behave(work)
    with transaction.atomic():
        work.fence()
        with connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM test_effect WHERE item = %s", [work.item_id])
            (known,) = cursor.fetchone()
        if not known:
            leave_effect(work)


def run_unfenced(work: Work) -> None:
    """The same without its guard: what a test must be able to tell apart."""
    behave(work)
    leave_effect(work)


for _kind in (
    WorkKind(key="test.whole", label="Test: whole", run=run_whole),
    WorkKind(key="test.fenced", label="Test: fenced", run=run_fenced, is_atomic=False),
    WorkKind(key="test.repeatable", label="Test: repeatable", run=run_repeatable, is_atomic=False),
    WorkKind(key="test.unfenced", label="Test: unfenced", run=run_unfenced, is_atomic=False),
    WorkKind(key="test.import", label="Test: imports", run=run_whole, queue="imports"),
):
    work_kinds.register(_kind)


class Effects:
    """What the attempts of the test's items left behind."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def rows(self) -> list[tuple[int, int]]:
        """(item, attempt) of every effect, in order."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT item, attempt FROM test_effect ORDER BY item, attempt")
            return [(int(item), int(attempt)) for item, attempt in cursor.fetchall()]

    def items(self) -> list[int]:
        return [item for item, _ in self.rows()]

    def begun(self) -> list[tuple[int, int, int]]:
        """(item, attempt, process) of every attempt that began."""
        if not self.log.exists():
            return []
        lines = (line.split() for line in self.log.read_text().splitlines())
        return [(int(item), int(attempt), int(pid)) for item, attempt, pid in lines]


@pytest.fixture
def effects(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Effects]:
    """The table and the file that effects go to, for this process (and its transaction)."""
    monkeypatch.setenv(BEGUN, str(tmp_path / "begun.log"))
    with effect_table():
        yield Effects(tmp_path / "begun.log")


@contextmanager
def effect_table() -> Iterator[None]:
    """The table of effects, while the block runs."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS test_effect")
        cursor.execute("CREATE TABLE test_effect (item bigint NOT NULL, attempt integer NOT NULL)")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS test_effect")
