"""Cost per held delivery: one amount or a reason, never a flattering one."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adoption.choices import Comparator
from adoption.metrics.registry import Measured, metrics
from adoption.models import UseCase
from billing.metrics import cost_per_delivery
from billing.metrics.cost_per_delivery import (
    measure_cost_per_held_delivery,
    measure_effective_cost,
)
from billing.models import DailyCost
from billing.selectors.sums import divide_half_even
from tests.adoption.factories import make_use_case
from tests.billing.factories import give_all
from tests.billing.sweeps import sweep_both_engines, swept
from tests.imports import line, make_connection, run_import

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """Held deliveries by use case, as adoption would count them."""
    found: dict[int, int] = {}
    monkeypatch.setattr(cost_per_delivery, "held_delivery_counts", lambda ids, as_of: dict(found))
    return found


@pytest.fixture
def case() -> UseCase:
    found = make_use_case()
    give_all(found)
    return found


def per_delivery(case: UseCase, as_of: dt.datetime = NOW) -> Measured:
    return measure_cost_per_held_delivery([case.pk], as_of)[case.pk]


@pytest.mark.both_engines
def test_it_divides_effective_cost_by_held_deliveries(case: UseCase, held: dict[int, int]) -> None:
    run_import(make_connection(), [line(3, "50", EffectiveCost="10"), line(4, "0")])
    held[case.pk] = 3
    found = per_delivery(case)
    assert (found.nano, found.count) == (3_333_333_333, 3)
    assert (found.currency, found.basis, found.reason) == ("USD", "invoiced", "")
    assert f"use_case={case.slug}" in found.lineage_url
    assert "measure=effective" in found.lineage_url


@sweep_both_engines
def test_only_costs_up_to_the_moment_count(case: UseCase, held: dict[int, int]) -> None:
    run_import(make_connection(), [line(3, "10"), line(4, "100")])
    held[case.pk] = 1
    at = dt.datetime(2026, 5, 3, 23, 59, tzinfo=dt.UTC)
    assert per_delivery(case, at).nano == 10 * 10**9


def test_without_a_held_delivery_there_is_no_value(case: UseCase, held: dict[int, int]) -> None:
    run_import(make_connection(), [line(3, "10")])
    assert (per_delivery(case).nano, per_delivery(case).reason) == (None, "no_held_deliveries")
    assert measure_effective_cost([case.pk], NOW)[case.pk].nano == 10 * 10**9


@sweep_both_engines
def test_without_cost_there_is_no_value(case: UseCase, held: dict[int, int]) -> None:
    held[case.pk] = 2
    assert (per_delivery(case).nano, per_delivery(case).reason) == (None, "no_cost")


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ({}, {"currency": "EUR"}, "mixed_currencies"),
        *swept(
            ({}, {"cost_basis": "metered"}, "mixed_bases"),
            ({}, {"currency": "EUR", "cost_basis": "metered"}, "mixed_currencies"),
            ({}, {"effective_unknown": 1}, "effective_cost_not_stated"),
        ),
    ],
)
def test_what_does_not_add_up_is_not_added(
    first: dict[str, Any],
    second: dict[str, Any],
    reason: str,
    case: UseCase,
    held: dict[int, int],
) -> None:
    run_import(make_connection(), [line(3, "10"), line(4, "10")])
    DailyCost.objects.filter(day__day=4).update(**second)
    held[case.pk] = 2
    assert (per_delivery(case).nano, per_delivery(case).reason) == (None, reason)


@sweep_both_engines
def test_many_use_cases_cost_as_many_queries_as_one(
    held: dict[int, int], django_assert_num_queries: Any
) -> None:
    cases = [make_use_case() for _ in range(8)]
    for number, each in enumerate(cases):
        give_all(each, value=f"c{number}")
    run_import(
        make_connection(),
        [line(3, "1", Tags=f'{{"use_case": "c{number}"}}') for number in range(8)],
    )
    for count in (1, 8):
        with django_assert_num_queries(4):
            found = measure_cost_per_held_delivery([each.pk for each in cases[:count]], NOW)
        assert len(found) == count


@pytest.mark.parametrize("key", ["effective_cost_per_held_delivery", "effective_cost_to_date"])
def test_they_are_promised_only_as_not_more_than(key: str) -> None:
    assert metrics.get(key).comparators == (Comparator.AT_MOST, Comparator.BELOW)
    assert metrics.get(key).unit == "money"


@given(st.integers(-(10**20), 10**20), st.integers(1, 10**6))
def test_division_rounds_half_even(amount: int, parts: int) -> None:
    found = divide_half_even(amount, parts)
    assert abs(found * parts - amount) * 2 <= parts
    if abs(found * parts - amount) * 2 == parts:
        assert found % 2 == 0
