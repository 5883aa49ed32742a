"""Since when a budget is exceeded."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing.selectors.budget_spending import PresentSpending
from billing.selectors.budgets import standings
from billing.selectors.exceeded_budgets import exceeded_since
from portal.shell.money import NANO_PER_UNIT
from portal.shell.periods import DateRange, Month
from tests.adoption.factories import make_use_case
from tests.billing.watching import make_budget, paid_for, spend

pytestmark = pytest.mark.django_db
NOW = PresentSpending(dt.datetime(2026, 5, 20, 12, tzinfo=dt.UTC))


def may(day: int) -> dt.date:
    return dt.date(2026, 5, day)


def test_it_is_the_day_after_which_the_sum_stayed_above(
    django_assert_num_queries: Any,
) -> None:
    days = {may(2): "60", may(3): "60", may(5): "-40", may(8): "20", may(9): "5"}
    budgets = []
    for amount in (100, 105, 200):
        case = make_use_case()
        paid_for(case, f"tag-{amount}", may(1))
        spend(days, f"tag-{amount}", BillingAccountId=f"account-{amount}")
        budgets.append(make_budget(case, amount))
    exceeded, exact, wide = budgets
    found = standings(budgets, NOW)
    assert [found[each.pk].is_exceeded for each in budgets] == [True, False, False]
    with django_assert_num_queries(1):
        assert exceeded_since(found.values()) == {exceeded.pk: may(9)}
    with django_assert_num_queries(0):
        assert exceeded_since([found[exact.pk], found[wide.pk]]) == {}


def test_a_quarter_that_a_budget_starts_or_ends_within_counts_its_own_months_only() -> None:
    case = make_use_case()
    paid_for(case, "api", dt.date(2026, 4, 1))
    spend({dt.date(2026, 4, 9): "300", may(2): "100", dt.date(2026, 6, 1): "7"}, "api")
    quarters = [
        make_budget(case, 1_000, period="quarter", first=Month(2026, 5)),
        make_budget(
            case,
            1_000,
            period="quarter",
            first=Month(2026, 4),
            last=Month(2026, 5),
            measure="effective",
        ),  # fmt: skip
    ]
    found = standings(quarters, NOW)
    told = [(found[each.pk].period, found[each.pk].spent) for each in quarters]
    assert told == [
        (DateRange(may(1), dt.date(2026, 7, 1)), 107 * NANO_PER_UNIT),
        (DateRange(dt.date(2026, 4, 1), dt.date(2026, 6, 1)), 400 * NANO_PER_UNIT),
    ]
