"""The drawing of a budget: nothing is drawn as used that lies ahead of where it is seen from."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.selectors.budget_spending import PastSpending, PresentSpending, Spending
from billing.selectors.budgets import standings
from billing.views.burn_charts import burn_chart
from tests.adoption.factories import make_use_case
from tests.billing.factories import give_all
from tests.billing.watching import charge_line, every_day, make_budget
from tests.imports import Clock, make_connection, run_import

pytestmark = pytest.mark.django_db
BEGAN = dt.datetime(2026, 9, 20, 8, tzinfo=dt.UTC)
FIRST, LAST = dt.date(2026, 9, 1), dt.date(2026, 9, 30)


def drawn(spending: Spending, **fields: str) -> dict[str, list[str]]:
    """Each line by label, as texts; a dash is nothing."""
    case = make_use_case()
    give_all(case, starts_on=FIRST, at=BEGAN - dt.timedelta(days=1))
    budget = make_budget(case, 500, **fields)
    (standing,) = standings([budget], spending).values()
    chart = burn_chart(standing)
    lines = list(zip(*chart.rows, strict=True))
    return {heading: list(cells) for heading, cells in zip(chart.headings, lines, strict=True)}


def is_drawn(cell: str) -> bool:
    return not cell.startswith("—")


def bill(until: dt.date) -> None:
    rows = [charge_line(day, each, "triage") for day, each in every_day(FIRST, until).items()]
    run_import(make_connection(), rows, clock=Clock(BEGAN), at=BEGAN)


def test_what_is_booked_for_days_ahead_is_expected_and_not_used() -> None:
    """A licence that is paid for is a cost of every day of its months."""
    bill(LAST)
    found = drawn(PresentSpending(BEGAN + dt.timedelta(hours=1)))
    used = [is_drawn(cell) for cell in found["Used"]]
    assert used == [True] * 20 + [False] * 10
    assert found["Used"][19].startswith("200.00")
    assert [is_drawn(cell) for cell in found["Expected"]] == [False] * 19 + [True] * 11
    assert found["Expected"][19].startswith("200.00")
    assert found["Expected"][29].startswith("300.00")


def test_days_without_a_bill_yet_are_expected_from_the_newest_day_on() -> None:
    bill(dt.date(2026, 9, 17))
    found = drawn(PresentSpending(BEGAN + dt.timedelta(hours=1)))
    assert [is_drawn(cell) for cell in found["Used"]] == [True] * 17 + [False] * 13
    assert [is_drawn(cell) for cell in found["Expected"]] == [False] * 16 + [True] * 14


def test_as_of_a_moment_it_ends_there() -> None:
    bill(dt.date(2026, 9, 19))
    run_import(
        make_connection("late"),
        [charge_line(day, "1", "triage") for day in every_day(FIRST, LAST)],
        clock=Clock(BEGAN + dt.timedelta(days=9)),
        at=BEGAN,
    )
    then = drawn(PastSpending(BEGAN + dt.timedelta(hours=1)))
    assert [is_drawn(cell) for cell in then["Used"]] == [True] * 19 + [False] * 11
    assert then["Used"][18].startswith("190.00")


def test_months_are_drawn_as_used_up_to_now() -> None:
    bill(LAST)
    found = drawn(PresentSpending(BEGAN + dt.timedelta(hours=1)), period="quarter")
    assert [cell.partition(".")[0] for cell in found["Used"]] == ["0", "0", "200"]
    assert found["Expected"][2].startswith("300.00")
