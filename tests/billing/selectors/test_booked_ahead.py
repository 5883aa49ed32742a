"""A seat that is paid for to the end of the month hides nothing of what is still to come."""

from __future__ import annotations

import datetime as dt

import pytest

from adoption.models import UseCase
from billing.models import Budget
from billing.selectors.budget_spending import PastSpending, PresentSpending
from billing.selectors.budgets import Standing, standings
from portal.shell.money import NANO_PER_UNIT
from portal.shell.periods import Month
from tests.adoption.factories import make_use_case
from tests.billing.watching import every_day, make_budget, paid_for, spend
from tests.imports import make_connection

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 12, 11, 12, tzinfo=dt.UTC)


def december(day: int) -> dt.date:
    return dt.date(2026, 12, day)


def told(budget: Budget) -> tuple[int, int | None, dt.date | None, dt.date | None]:
    found = standings([budget], PresentSpending(NOW))[budget.pk]
    assert _said(standings([budget], PastSpending(NOW))[budget.pk]) == _said(found)
    return _said(found)


def _said(found: Standing) -> tuple[int, int | None, dt.date | None, dt.date | None]:
    whole = found.projected if found.projected is None else found.projected // NANO_PER_UNIT
    return (found.spent or 0) // NANO_PER_UNIT, whole, found.crosses_on, found.covered_until


@pytest.fixture
def case() -> UseCase:
    made = make_use_case()
    paid_for(made, "api", december(1))
    spend(every_day(december(1), december(10), "50"), "api")
    return made


def add_seats(first: dt.date, last: dt.date) -> None:
    spend(every_day(first, last, "7"), "api", make_connection("seats"), BillingAccountId="seats")


@pytest.mark.both_engines
@pytest.mark.parametrize("measure", ["billed", "effective"])
def test_the_pace_is_that_of_the_days_that_have_come(case: UseCase, measure: str) -> None:
    budget = make_budget(case, 1_200, measure=measure)
    assert told(budget) == (500, 1_550, december(25), december(10))
    add_seats(december(1), december(31))
    # 31 days of 50 and 31 of 7; 717 are booked, and the 10 days of 50 until the 20th cross 1,200.
    assert told(budget) == (717, 1_767, december(20), december(10))


def test_seats_alone_end_at_what_is_booked(case: UseCase) -> None:
    other = make_use_case()
    paid_for(other, "seats-only", december(1))
    spend(every_day(december(1), december(31), "7"), "seats-only", BillingAccountId="x")
    assert told(make_budget(other, 1_200)) == (217, 217, None, december(11))


def test_what_is_booked_in_later_months_is_not_expected_again(case: UseCase) -> None:
    add_seats(december(1), dt.date(2027, 1, 31))
    months = {"first": Month(2026, 12), "last": Month(2027, 1)}
    spent, projected, *_ = told(make_budget(case, 10_000, period="whole", **months))
    # December as before, and 57 a day in January, of which 7 a day are booked.
    assert (spent, projected) == (717 + 217, 1_767 + 57 * 31)
