"""What recording costs for each row, and how long a million events take to seal and verify."""

from __future__ import annotations

import datetime as dt
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from adoption.models import Team
from portal.audit import triggers
from portal.audit.context import Channel, acting
from portal.audit.report import Report
from portal.services.audit import seal_audit, verify

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]
AT = dt.datetime(2026, 11, 2, 9, 30, tzinfo=dt.UTC)
ROWS = 20_000
EVENTS = int(os.environ.get("PLUMBLINE_BENCH_AUDIT_EVENTS", "1000000"))


def timed(act: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    began = clock()
    act()
    return clock() - began


def timed_twice(act: Callable[[], Any]) -> str:
    """By the clock and in this process's own time: on a busy machine only the second says much."""
    own = time.process_time()
    passed = timed(act)
    return f"{passed:.1f} s ({time.process_time() - own:.1f} s of our own)"


def say(line: str) -> None:
    sys.stdout.write(f"{connection.vendor}: {line}\n")


def own_clock() -> Callable[[], float]:
    """SQLite works in this process, whose own time a busy machine does not stretch."""
    return time.process_time if connection.vendor == "sqlite" else time.perf_counter


def writes(prefix: str) -> tuple[float, float, float]:
    """Seconds to add `ROWS` teams, change all of them, and add 500 one by one."""

    def one_by_one() -> None:
        for number in range(500):
            Team.objects.create(slug=f"{prefix}-s{number}", name=f"Team {number}")

    with acting(channel=Channel.PAGE, user_id=1, name="Ines", request_id="r", reason="why"):
        bulk = timed(
            lambda: Team.objects.bulk_create(
                [Team(slug=f"{prefix}-{n}", name=f"Team {n}") for n in range(ROWS)]
            ),
            own_clock(),
        )
        update = timed(
            lambda: Team.objects.filter(slug__startswith=prefix).update(name="Other"), own_clock()
        )
        with transaction.atomic():
            single = timed(one_by_one, own_clock())
    return bulk, update, single


def test_what_recording_costs() -> None:
    triggers.remove(connection)
    without = writes("without")
    triggers.install(connection)
    governed = writes("with")
    for what, count, plain, recorded in zip(
        ("bulk_create", "update", "save"), (ROWS, ROWS, 500), without, governed, strict=True
    ):
        say(
            f"{what}: {plain / count * 1e6:.1f} us a row unrecorded, {recorded / count * 1e6:.1f} "
            f"recorded, {(recorded - plain) / count * 1e6:.1f} us for the event"
        )


def test_a_million_events(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_HEADS_DIR = tmp_path
    with acting(channel=Channel.PAGE, user_id=1, name="Ines", request_id="r", reason="why"):
        Team.objects.create(slug="one", name="One")
    numbers = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s)"
        if connection.vendor == "sqlite"
        else "WITH n(i) AS (SELECT * FROM generate_series(1, %s))"
    )
    columns = (
        "at, operation, table_name, record_key, before, after, channel, actor_id, name_id, "
        "name_commitment, personal_commitment, request_id, reason, database_user"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"{numbers} INSERT INTO portal_auditevent ({columns}) "  # noqa: S608  (names of our own)
            f"SELECT {columns} FROM portal_auditevent CROSS JOIN n",
            [EVENTS - 1],
        )
    reports: list[Report] = []
    sealed = timed_twice(lambda: seal_audit(at=AT))
    verified = timed_twice(lambda: reports.append(verify()))
    (report,) = reports
    assert report.is_whole, str(report.first_bad)
    assert report.sealed == EVENTS
    say(f"{EVENTS} events: sealed in {sealed}, verified in {verified}")
