"""How fast the JSON pages of an interface become charges, after they have been fetched.

    python3 quickstart.py test --db postgres -m benchmark tests/benchmarks/test_fetched.py -s

`PLUMBLINE_BENCHMARK_RECORDS` says how many records (200 000). Nothing is asserted about time.
"""

from __future__ import annotations

import os
import time
from datetime import date
from decimal import Decimal

import pytest

from portal.choices import RunStatus
from tests.benchmarks.test_import import _empty_the_largest_tables_first, say
from tests.billing.sources.fake_provider import DAY, Spend
from tests.billing.sources.fetched import connect, import_pages, spooled
from tests.billing.sources.providers import PROVIDERS, Provided

__all__ = ["_empty_the_largest_tables_first"]
pytestmark = [pytest.mark.benchmark, pytest.mark.django_db(transaction=True)]
RECORDS = int(os.environ.get("PLUMBLINE_BENCHMARK_RECORDS", "200000"))
FIRST, DAYS, PROJECTS = date(2026, 9, 1), 30, 500
TOLD = [each for each in PROVIDERS if each.name in {"anthropic-admin", "openai"}]


def spent(number: int) -> Spend:
    """Each of them another project and item on its day."""
    place = number // DAYS
    return Spend(
        FIRST + number % DAYS * DAY,
        f"project-{place % PROJECTS}",
        f"item-{place // PROJECTS}",
        Decimal(number * 7919 % 10**6 + 1).scaleb(-4),
    )


@pytest.mark.parametrize("provided", TOLD, ids=lambda each: each.name)
def test_pages_of_an_interface(provided: Provided, engine: str) -> None:
    shape = provided.make_shape()
    shape.spent = [spent(number) for number in range(RECORDS)]
    connection = connect(provided)
    pages = spooled(connection, provided.provider(shape, 5), FIRST, FIRST + DAYS * DAY)
    began = time.monotonic()
    run = import_pages(connection, pages)
    taken = time.monotonic() - began
    assert run.status == RunStatus.APPLIED, run.problem
    say(f"\n{engine}, {provided.name}: {run.read:,} records of {len(pages):,} pages in "
        f"{taken:.1f} s, {run.read / taken:,.0f} a second (target 50,000)")  # fmt: skip
