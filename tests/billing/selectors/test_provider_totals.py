"""Totals of the providers themselves: the newest of each period, by connection, now and then."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from billing.selectors.provider_totals import ProviderTotal, provider_totals
from portal.choices import RunStatus, RunTrigger
from portal.models import Connection, ImportRun
from portal.shell.periods import Month
from tests.imports import make_connection

pytestmark = pytest.mark.django_db
SEPTEMBER = Month(2026, 9)


def compared(
    connection: Connection, day: int, *, expected: str, period: str = "2026-09-02",
    status: RunStatus = RunStatus.APPLIED,
) -> dt.datetime:  # fmt: skip
    """A run that held a total of 100 against its lines."""
    at = dt.datetime(2026, 9, day, 6, tzinfo=dt.UTC)
    said = {
        "name": "Acme's total", "period": period, "currency": "USD", "expected": expected,
        "found": "100", "difference": str(Decimal(expected) - 100),
    }  # fmt: skip
    ImportRun.objects.create(
        connection=connection, trigger=RunTrigger.COMMAND, requested_at=at, finished_at=at,
        status=status, facts={"controls": [said]},
    )  # fmt: skip
    return at


@pytest.mark.both_engines
def test_the_newest_word_of_each_connection_is_told_now_and_as_it_was_then() -> None:
    first, second = make_connection("first"), make_connection("second")
    ImportRun.objects.create(
        connection=first, trigger=RunTrigger.COMMAND, requested_at=dt.datetime.now(dt.UTC),
        finished_at=dt.datetime(2026, 9, 30, tzinfo=dt.UTC), status=RunStatus.APPLIED,
    )  # fmt: skip
    then = compared(first, 4, expected="99.5")
    compared(first, 8, expected="100")
    compared(first, 9, expected="7", status=RunStatus.HELD)
    compared(first, 9, expected="8", period="2026-08-02")
    compared(second, 5, expected="100.000000001")
    told = {key: [each.difference for each in found] for key, found in now().items()}
    assert told == {first.pk: [0], second.pk: [Decimal("0.000000001")]}
    assert {key: [each.expected for each in found] for key, found in now(then).items()} == {
        first.pk: [Decimal("99.5")]
    }


def now(until: dt.datetime | None = None) -> dict[int, list[ProviderTotal]]:
    return {key: list(found) for key, found in provider_totals(SEPTEMBER, until=until).items()}


def test_the_sentence_says_both_sums_and_the_run() -> None:
    first = make_connection("first")
    compared(first, 4, expected="99.5")
    run = ImportRun.objects.get()
    ((told,),) = provider_totals(SEPTEMBER).values()
    assert str(told) == (
        f"{first.name}: Acme's total since 2026-09-02 is 99.5 USD, the cost lines came to 100, "
        f"a difference of -0.5 (run {run.pk})"
    )
    assert not told.agrees
