"""Fills a database with a programme of a chosen size, and checks that its sums hold together."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from billing.models import DailyCost
from billing.services.rollups import refresh_daily_costs
from portal.models import User
from tests.benchmarks.pages import bulk
from tests.benchmarks.pages.costs import fill_costs
from tests.benchmarks.pages.history import fill_history
from tests.benchmarks.pages.registry import fill_registry
from tests.benchmarks.pages.sizes import DAYS, Calendar, Sizes

COUNTED = (
    "adoption_usecase", "billing_charge", "billing_allocation", "billing_dailycost",
    "billing_monthlycost",
    "billing_chargeslice", "billing_restatement", "adoption_change", "adoption_evidence",
    "adoption_deployment", "adoption_delivery", "adoption_milestone", "portal_importrun",
)  # fmt: skip
# Columns of a daily cost that its charges decide.
_ROLLED_UP = ("use_case_id", "provider", "service_name", "charge_category", "currency",
              "cost_basis", "unallocated_reason", "billed_nano", "effective_nano",
              "effective_unknown", "charges", "uninvoiced", "restated")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filled:
    """What was filled in: who reads it, how many rows of what, in how many seconds."""

    reader: User
    rows: dict[str, int]
    seconds: dict[str, float]


@contextmanager
def loading() -> Iterator[None]:
    """Filling may be careless: nothing is lost but the benchmark's own rows.

    PostgreSQL would look up every foreign key of every row at each commit.
    """
    if not bulk.is_postgres():
        for pragma in ("synchronous = OFF", "cache_size = -400000", "temp_store = MEMORY"):
            bulk.execute(f"PRAGMA {pragma}")
    with bulk.without_triggers():
        yield
    if not bulk.is_postgres():
        connection.close()  # what comes next gets the settings of the product again


def fill(sizes: Sizes, *, today: dt.date) -> Filled:
    """Empty the database and fill it anew.

    Raises:
        AssertionError: the sums do not hold together.
    """
    calendar = Calendar(today)
    seconds: dict[str, float] = {}
    bulk.forget_everything()
    with loading():
        started = time.perf_counter()
        reader = fill_registry(sizes, calendar)
        seconds["registry"] = time.perf_counter() - started
        started = time.perf_counter()
        fill_costs(sizes, calendar, reader)
        seconds["costs"] = time.perf_counter() - started
        started = time.perf_counter()
        fill_history(sizes, calendar)
        seconds["history"] = time.perf_counter() - started
        started = time.perf_counter()
        check_sums(calendar)
        seconds["checks"] = time.perf_counter() - started
    if bulk.is_postgres():
        connection.close()  # VACUUM wants to be alone; the temporary tables end with it
        bulk.execute("VACUUM (ANALYZE)")  # what autovacuum would have done by then
    rows = {name: bulk.fetch(f"SELECT COUNT(*) FROM {name}")[0][0] for name in COUNTED}  # noqa: S608  (names of our own)
    return Filled(reader, rows, seconds)


def check_sums(calendar: Calendar) -> None:
    """Allocations sum to their charges, slices to theirs, and the roll-up is the product's own."""
    live = bulk.fetch(
        "SELECT SUM(billed_nano / 1000), SUM(effective_nano / 1000), COUNT(*) FROM billing_charge "
        "WHERE superseded_at IS NULL"
    )[0]
    slices = bulk.fetch("SELECT SUM(rows) FROM billing_chargeslice")[0][0]
    assert slices == live[2], f"slices say {slices} rows, charges are {live[2]}"
    _check_allocations()
    _check_slices()
    _check_roll_up(calendar)


def _check_allocations() -> None:
    wrong = bulk.fetch(
        "SELECT c.id FROM billing_charge c JOIN billing_allocation a ON a.charge_id = c.id "
        "WHERE c.id % 97 = 0 GROUP BY c.id, c.billed_nano, c.effective_nano "
        "HAVING SUM(a.billed_nano) <> c.billed_nano "
        "OR COALESCE(SUM(a.effective_nano), -1) <> COALESCE(c.effective_nano, -1)"
    )
    assert not wrong, f"allocations do not sum to charges {wrong[:5]}"
    parts = bulk.fetch(
        "SELECT COUNT(DISTINCT charge_id) FROM billing_allocation WHERE charge_id % 97 = 0"
    )
    charges = bulk.fetch("SELECT COUNT(*) FROM billing_charge WHERE id % 97 = 0")
    assert parts == charges, f"{parts} of {charges} charges of the sample are allocated"


def _check_slices() -> None:
    wrong = bulk.fetch(
        "SELECT s.id FROM billing_chargeslice s JOIN billing_charge c ON c.slice_id = s.id "
        "WHERE s.id % 101 = 0 AND c.superseded_at IS NULL "
        "GROUP BY s.id, s.rows, s.billed_nano "
        "HAVING COUNT(*) <> s.rows OR SUM(c.billed_nano) <> s.billed_nano"
    )
    assert not wrong, f"slices {wrong[:5]} do not sum to their charges"


def _check_roll_up(calendar: Calendar) -> None:
    """Over some days the roll-up sums to the live allocations, and refreshing moves nothing."""
    for number in (0, DAYS // 2, DAYS - 1):
        day = calendar.day(number)
        direct = bulk.fetch(
            "SELECT SUM(a.billed_nano), SUM(a.effective_nano), COUNT(*) FROM billing_allocation a "
            "JOIN billing_charge c ON c.id = a.charge_id "
            "WHERE a.day = %s AND c.superseded_at IS NULL",
            [day],
        )
        rolled = bulk.fetch(
            "SELECT SUM(billed_nano), SUM(effective_nano), SUM(charges) FROM billing_dailycost "
            "WHERE day = %s",
            [day],
        )
        assert direct == rolled, f"{day}: allocations {direct}, roll-up {rolled}"
        before = _rolled_up(day)
        assert before, f"{day}: no daily cost"
        for pk in DailyCost.objects.filter(day=day).values_list("connection", flat=True).distinct():
            with transaction.atomic():
                refresh_daily_costs(connection_id=pk, days={day})
        assert _rolled_up(day) == before, f"{day}: refreshing moved the roll-up"


def _rolled_up(day: dt.date) -> set[tuple[Any, ...]]:
    return set(DailyCost.objects.filter(day=day).values_list("connection_id", *_ROLLED_UP))
