"""Cost per use case and day over millions of charges, from the charges and from the roll-up.

    python3 quickstart.py test --db postgres -m benchmark tests/benchmarks/test_rollups.py -s

`PLUMBLINE_BENCHMARK_CHARGES` says how many charges (1 000 000). Both sides of each ratio are
measured in this run; nothing is asserted about time, that they say the same is.
"""

from __future__ import annotations

import datetime as dt
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import Charge, DailyCost
from billing.services.rollups import refresh_daily_costs
from portal.models import User
from portal.shell.periods import Month
from tests.benchmarks.pages import bulk
from tests.benchmarks.pages.costs import fill_costs
from tests.benchmarks.pages.filling import loading
from tests.benchmarks.pages.registry import fill_registry
from tests.benchmarks.pages.sizes import Calendar, Sizes

pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]
CHARGES = int(os.environ.get("PLUMBLINE_BENCHMARK_CHARGES", "1000000"))
FROM_CHARGES = """
SELECT a.use_case_id, a.day, SUM(a.billed_nano / 1000000), COUNT(*)
FROM billing_allocation a JOIN billing_charge c ON c.id = a.charge_id
WHERE c.superseded_at IS NULL AND a.day >= %s AND a.day < %s GROUP BY a.use_case_id, a.day
"""
FROM_ROLL_UP = """
SELECT use_case_id, day, SUM(billed_nano / 1000000), CAST(SUM(charges) AS bigint)
FROM billing_dailycost WHERE day >= %s AND day < %s GROUP BY use_case_id, day
"""


class _Sizes(Sizes):
    """As many charges as are asked for, of 500 use cases."""

    @property
    def charges(self) -> int:
        return CHARGES


@pytest.fixture
def emptied() -> Iterator[None]:
    """Leave nothing behind."""
    yield
    bulk.forget_everything()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def milliseconds(work: Callable[[], Any], rounds: int = 7) -> list[float]:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return sorted(taken)


def test_cost_per_use_case_and_day(emptied: None, engine: str) -> None:
    today = dt.datetime.now(dt.UTC).date()
    reader = filled(Calendar(today))
    month = Month.of(today) - 1
    year = (today - dt.timedelta(days=365), today)
    say(f"\n{engine}, {Charge.objects.count():,} charges, "
        f"{DailyCost.objects.count():,} daily costs; medians, milliseconds")  # fmt: skip
    for name, bounds in (("a year", year), ("a month", (month.start, month.end))):
        plain = milliseconds(partial(bulk.fetch, FROM_CHARGES, bounds), 3)
        rolled = milliseconds(partial(bulk.fetch, FROM_ROLL_UP, bounds))
        assert counted(FROM_CHARGES, bounds) == counted(FROM_ROLL_UP, bounds)
        one, other = statistics.median(plain), statistics.median(rolled)
        say(f"{name}: from charges {one:10.1f}   from the roll-up {other:8.1f}   "
            f"ratio {one / other:6.0f}")  # fmt: skip
    refreshed = statistics.median(milliseconds(refresh_a_day, 15))
    say(f"roll-up of one touched day: {refreshed:.1f} ms (target 20)")
    explorer(reader, month)


def counted(sql: str, bounds: tuple[dt.date, dt.date]) -> dict[Any, int]:
    """Lines by use case and day."""
    return {(row[0], str(row[1])): int(row[3]) for row in bulk.fetch(sql, bounds)}


def refresh_a_day() -> None:
    """One connection's newest day, committed."""
    newest = DailyCost.objects.order_by("-day", "connection_id").first()
    assert newest is not None
    with transaction.atomic():
        refresh_daily_costs(connection_id=newest.connection_id, days={newest.day})


def explorer(reader: User, month: Month) -> None:
    """The page of a month, and what of it the database took."""
    client = Client()
    client.force_login(reader)
    address = f"{reverse('costs')}?from={month}&to={month}"
    client.get(address)
    sql = []
    taken = []
    for _ in range(40):
        with CaptureQueriesContext(connection) as queries:
            began = time.perf_counter()
            assert client.get(address).status_code == 200
            taken.append((time.perf_counter() - began) * 1000)
        sql.append(sum(float(each["time"]) for each in queries.captured_queries) * 1000)
    taken.sort()
    say(f"costs explorer, a month: SQL p95 {sorted(sql)[37]:.0f} ms (target 60); whole answer "
        f"p50 {statistics.median(taken):.0f} ms, p95 {taken[37]:.0f} ms")  # fmt: skip


def filled(calendar: Calendar) -> User:
    """A year of charges; returns who may read them."""
    bulk.forget_everything()
    sizes = _Sizes(500)
    began = time.perf_counter()
    with loading():
        reader = fill_registry(sizes, calendar)
        fill_costs(sizes, calendar, reader)
    if bulk.is_postgres():
        connection.close()
        bulk.execute("VACUUM (ANALYZE)")
    say(f"\nfilled in {time.perf_counter() - began:.0f} s")
    return reader
