"""`kill -9` of an importing process at random moments: nothing is lost and nothing doubled."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from billing.models import Restatement
from portal.choices import OPEN_RUN_STATUSES, RunStatus
from portal.imports.ledger import STALE_AFTER
from portal.imports.runner import execute_run
from portal.models import ImportRun
from portal.services.imports import runs_to_send_again
from tests.billing.services.charges import assert_books_balance, billed, live
from tests.billing.sources.focus.focus_files import csv_bytes
from tests.imports import Clock, line, make_connection
from tests.plugins.proofs import Figures
from tests.plugins.sweeping import sampled
from tests.reliability.conftest import Import, Importer

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]
ROWS = 1200


def content(version: int) -> bytes:
    """Rows of which a tenth differ from version to version; their sum is known."""
    return csv_bytes(
        line(1 + n % 28, str(n if n % 10 else version), ServiceName=f"Service {n % 50}")
        for n in range(ROWS)
    )


def total(version: int) -> int:
    return sum(n if n % 10 else version for n in range(ROWS))


def sweep() -> None:
    """What the sweeper and a worker do once heartbeats are stale."""
    later = timezone.now() + STALE_AFTER + timedelta(minutes=1)
    for run_id in runs_to_send_again(at=later):
        execute_run(run_id, clock=Clock(later))


def import_whole(importer: Importer, path: Path) -> None:
    result = importer.start(path).result()
    assert result["code"] == 0, result["error"]


def wait_for_work(importing: Import, before: int) -> None:
    """Wait until a run later than `before` has been started, or the process has ended."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not importing.has_ended:
        if ImportRun.objects.filter(pk__gt=before, status=RunStatus.RUNNING).exists():
            return
        time.sleep(0.005)


def kill_often(importer: Importer, folder: Path, rounds: int, seed: int) -> Counter[str]:
    """Import a new version, kill it on the way, finish, and look; returns where each kill fell."""
    chance = random.Random(seed)  # noqa: S311  (moments, no secrets)
    make_connection()
    fell: Counter[str] = Counter()
    path = folder / "may.csv"
    path.write_bytes(content(0))
    first = importer.start(path, held=True)
    began = time.monotonic()
    importer.release()
    assert first.result()["code"] == 0
    usual = time.monotonic() - began
    for version in range(1, rounds + 1):
        path.write_bytes(content(version))
        before = ImportRun.objects.latest("pk").pk
        importing = importer.start(path)
        if version % 2:
            # However slow the machine is today, these fall into the work itself.
            wait_for_work(importing, before)
            time.sleep(chance.uniform(0, usual * 0.1))
        else:
            time.sleep(chance.uniform(0, usual * 1.05))
        importing.kill()
        run = ImportRun.objects.latest("pk")
        fell["ended" if importing.has_ended else str(run.status)] += 1
        # Whatever the moment: all of one version or all of the other, and every book agrees.
        assert billed() in {total(version - 1), total(version)}
        assert_books_balance()
        sweep()
        import_whole(importer, path)
        assert billed() == total(version)
        assert live().total() == ROWS
        assert_books_balance()
    return fell


@pytest.mark.parametrize("rounds", sampled((2, 8), 2))
def test_kills_at_random_moments_lose_and_double_nothing(
    importer: Importer, tmp_path: Path, rounds: int
) -> None:
    fell = kill_often(importer, tmp_path, rounds=rounds, seed=5)
    assert fell[RunStatus.RUNNING] >= rounds // 2 - rounds // 8, (
        f"the kills missed the work: {dict(fell)}"
    )
    assert not ImportRun.objects.filter(status__in=OPEN_RUN_STATUSES).exists()
    # Each version was restated once for each day that it changed, however often it was begun.
    assert Restatement.objects.count() % 14 == 0
    assert Restatement.objects.count() <= rounds * 28


@pytest.mark.prove("Importer killed at random moments")
def test_many_kills_at_random_moments_lose_and_double_nothing(
    importer: Importer, tmp_path: Path, figures: Figures
) -> None:
    rounds = figures.scaled(300)
    fell = kill_often(importer, tmp_path, rounds=rounds, seed=figures.seed)
    figures("kills", fell.total(), rounds)
    figures("kills in the midst of the work", fell[RunStatus.RUNNING], rounds // 3)
