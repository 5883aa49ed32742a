"""The database cuts an import off in the middle: nothing is half done, and a retry finishes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from portal.choices import RunStatus
from portal.imports.ledger import STALE_AFTER
from portal.imports.runner import execute_run
from portal.models import ImportRun
from portal.services.imports import runs_to_send_again
from tests.billing.services.charges import assert_books_balance, billed, live
from tests.billing.sources.focus.focus_files import csv_bytes
from tests.imports import Clock, line, make_connection, run_import
from tests.plugins.proofs import Figures
from tests.reliability.conftest import Importer
from tests.reliability.load.faults import commits_for_good, restart_postgres
from tests.reliability.load.traffic import patiently

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]
ROWS = 300
LATER = STALE_AFTER + timedelta(minutes=1)


def content(cost: int) -> bytes:
    return csv_bytes(line(1 + n % 20, str(cost), ServiceName=f"Service {n}") for n in range(ROWS))


@pytest.fixture(autouse=True)
def _postgres(engine: str) -> None:
    if engine != "postgres":
        pytest.skip("SQLite is a file: nobody cuts a session off")


def wait_until_applying() -> None:
    """Wait until the import holds its connection's lock: it plans, and dawdles over it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            # Other databases of this server have locks of their own.
            cursor.execute(
                "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
                "WHERE l.locktype = 'advisory' AND d.datname = current_database()"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    pytest.fail("the import does not begin to apply")


def terminate_others() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND state IS NOT NULL"
        )


def cut_off(importer: Importer, folder: Path, cost: int, cut: Callable[[], None]) -> None:
    """Import a new version, cut it off while it applies, and look before and after the retry."""
    path = folder / "may.csv"
    path.write_bytes(content(cost))
    importing = importer.start(path, dawdle=0.5)
    wait_until_applying()
    cut()
    result = importing.result()
    assert result["code"] != 0, "the import came to its end all the same"
    patiently(lambda: ImportRun.objects.count())
    run = ImportRun.objects.latest("pk")
    assert run.status == RunStatus.RUNNING
    assert billed() == ROWS * (cost - 1)
    assert_books_balance()
    later = timezone.now() + LATER
    assert runs_to_send_again(at=later) == [run.pk]
    assert execute_run(run.pk, clock=Clock(later)).status == RunStatus.APPLIED
    assert billed() == ROWS * cost
    assert live().total() == ROWS
    assert_books_balance()


def test_row_18_the_session_of_an_import_is_terminated(importer: Importer, tmp_path: Path) -> None:
    run_import(make_connection(), content(1))
    cut_off(importer, tmp_path, 2, terminate_others)


@pytest.mark.prove("PostgreSQL restarted in the middle of an import", engine="postgres")
def test_row_17_postgres_restarted_in_the_middle_of_an_import(
    importer: Importer, tmp_path: Path, figures: Figures
) -> None:
    rounds = figures.scaled(20)
    with commits_for_good():
        run_import(make_connection(), content(1))
        for number in figures.progress(range(rounds), "restarts"):
            cut_off(importer, tmp_path, number + 2, restart_postgres)
    figures("restarts", rounds, rounds)
