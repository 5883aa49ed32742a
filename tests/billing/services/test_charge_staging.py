"""Only lines that may be there already are compared; the others go straight into place."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from billing.models import Charge
from billing.services.charge_store import ChargeStore
from portal.choices import RunStatus
from portal.imports.runner import execute_run
from portal.services.imports import release_run
from tests.billing.services.charges import assert_books_balance, live
from tests.billing.sources.focus.focus_files import make_chunks_small
from tests.imports import START, Clock, counts, line, make_connection, make_person, run_import

pytestmark = [pytest.mark.django_db, pytest.mark.both_engines]


@pytest.fixture(params=["by row", "by column"])
def compared(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many lines each applied run had in the temporary table."""
    if request.param == "by column":
        make_chunks_small(monkeypatch)
    seen: list[int] = []
    apply = ChargeStore.apply

    def count_and_apply(self: ChargeStore, *given: Any, **named: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM stage_charge")
            seen.append(cursor.fetchone()[0])
        apply(self, *given, **named)

    monkeypatch.setattr(ChargeStore, "apply", count_and_apply)
    return seen


def days(*numbers: int, cost: str = "1.50") -> list[dict[str, str]]:
    """Forty lines of each day, two of a kind each."""
    return [
        line(day, cost, ServiceName=f"Service {number // 2}")
        for number in range(40)
        for day in numbers
    ]


def test_of_a_first_import_nothing_is_compared(compared: list[int]) -> None:
    run = run_import(make_connection(), days(1, 2, 3))
    assert compared == [0]
    assert counts(run) == {"read": 120, "inserted": 120}
    assert sum(live().values()) == 120
    assert_books_balance()


def test_of_a_later_one_only_days_that_differ_are(compared: list[int]) -> None:
    cloud = make_connection()
    run_import(cloud, days(1, 2))
    changed = days(2)
    changed[7]["BilledCost"] = "7.00"
    run = run_import(cloud, [*days(1), *changed, *days(3)])
    assert compared == [0, 40]
    assert counts(run) == {"read": 120, "inserted": 40, "updated": 1, "unchanged": 79}
    assert sum(live().values()) == 120
    assert set(Charge.objects.filter(run=run).values_list("day__day", flat=True)) == {2, 3}
    assert_books_balance()


def test_new_days_that_are_compared_with_another_connections_are_written_once(
    compared: list[int],
) -> None:
    run_import(make_connection(), days(1, 2))
    other = make_connection("other")
    run = run_import(other, days(2, 3))
    assert run.status == RunStatus.HELD
    assert "40 rows are already imported through the connection 'cloud'" in run.held_reason
    release_run(run=run, actor=make_person("fin"), at=START)
    run = execute_run(run.pk, clock=Clock())
    assert run.status == RunStatus.APPLIED
    assert compared == [0, 40]
    assert sum(live(other).values()) == 80
    assert_books_balance()
