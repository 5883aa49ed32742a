"""Days are those of UTC, whatever zone the machine is in and however wrong its clock is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.utils import timezone

from billing.models import Charge
from tests.billing.services.charges import assert_books_balance
from tests.billing.sources.focus.focus_files import csv_bytes
from tests.imports import line, make_connection, run_import
from tests.plugins.sweeping import sampled
from tests.plugins.workers import test_database_variables as database_variables

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]
# The hours round a change to and from summer time, a leap day, and the end of a year.
MOMENTS = [
    *(datetime(2026, 3, 29, hour, 30, tzinfo=UTC) for hour in range(4)),
    *(datetime(2026, 10, 25, hour, 30, tzinfo=UTC) for hour in range(4)),
    *(datetime(2028, 2, 29, hour, tzinfo=UTC) for hour in (0, 12, 23)),
    datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
    datetime(2027, 1, 1, tzinfo=UTC),
]
ZONES = [
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Europe/Berlin",
]


def content() -> bytes:
    rows = []
    for moment in MOMENTS:
        first = moment.date().replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
        rows.append(
            line(
                ChargePeriodStart=moment.isoformat(),
                ChargePeriodEnd=(moment + timedelta(minutes=30)).isoformat(),
                BillingPeriodStart=f"{first}T00:00:00Z",
                BillingPeriodEnd=f"{after}T00:00:00Z",
            )
        )
    return csv_bytes(rows)


def days() -> Counter[date]:
    return Counter(Charge.objects.values_list("day", flat=True))


EXPECTED = Counter(moment.date() for moment in MOMENTS)


@pytest.fixture
def kiritimati(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process is fourteen hours before UTC."""
    with monkeypatch.context() as moved:
        moved.setenv("TZ", "Pacific/Kiritimati")
        time.tzset()
        assert time.timezone == -14 * 3600
        yield
    time.tzset()


def test_row_44_the_time_zone_of_the_process_makes_no_difference(kiritimati: None) -> None:
    run_import(make_connection(), content(), clock=timezone.now)
    assert days() == EXPECTED
    moments = set(Charge.objects.values_list("charge_period_start", flat=True))
    assert moments == set(MOMENTS)
    assert_books_balance()


@pytest.mark.sweep
@pytest.mark.parametrize("zone", ZONES)
def test_row_44_the_time_zone_of_the_machine_makes_no_difference(zone: str, tmp_path: Path) -> None:
    make_connection()
    path = tmp_path / "days.csv"
    path.write_bytes(content())
    done = subprocess.run(
        [sys.executable, "manage.py", "import_costs", "--source", "focus"]
        + ["--connection", "cloud", str(path)],
        env={**os.environ, **database_variables(), "TZ": zone},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert days() == EXPECTED
    moments = set(Charge.objects.values_list("charge_period_start", flat=True))
    assert moments == set(MOMENTS)
    assert_books_balance()


@pytest.mark.parametrize(
    "wrong", sampled((timedelta(days=-1), timedelta(days=1)), timedelta(days=-1))
)
def test_row_44_a_clock_that_is_a_day_off_makes_no_difference_to_the_days(wrong: timedelta) -> None:
    with time_machine.travel(timezone.now() + wrong):
        run_import(make_connection(), content(), clock=timezone.now)
    assert days() == EXPECTED
    assert_books_balance()
