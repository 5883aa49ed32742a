"""The arithmetic of anomalies: golden rows, and what must never happen."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.forecast.anomalies import (
    SHORTEST_HISTORY,
    Judged,
    Thresholds,
    impact_of,
    is_told,
    judge,
)
from billing.forecast.robust import median, median_deviation, modified_z, spread

START = dt.date(2026, 1, 5)  # a Monday
CAP = 1_000_000


def days(*costs: int) -> dict[dt.date, int]:
    return {START + dt.timedelta(days=place): cost for place, cost in enumerate(costs)}


def on(place: int) -> dt.date:
    return START + dt.timedelta(days=place)


def judged(history: list[int], cost: int, cap: int = CAP) -> Judged:
    return judge(days(*history, cost), on(len(history)), first=START, learning_cap=cap)


def test_golden_median_deviation_and_modified_z() -> None:
    values = [1, 2, 3, 4, 100]
    assert median(values) == 3
    assert median_deviation(values, Fraction(3)) == 1
    assert modified_z(100, values) == Fraction("65.4265")


def test_golden_impact_with_nothing_expected_has_no_share() -> None:
    found = impact_of(actual=50, expected=0)
    assert (found.nano, found.share) == (50, None)
    assert impact_of(actual=150, expected=100).share == Fraction(1, 2)


def test_a_flat_history_never_divides_by_zero_and_has_an_allowance() -> None:
    assert modified_z(9, [5, 5, 5]) is None
    assert spread([0, 0, 0]) == 0
    assert judged([100] * 28, 110).upper == 110
    assert not judged([100] * 28, 110).is_anomaly
    assert judged([100] * 28, 111).is_anomaly
    assert judged([0] * 28, 1).is_anomaly


def test_more_than_half_zero_deviations_fall_back_to_the_mean() -> None:
    assert spread([0, 0, 0, 8]) == Fraction(1_253_314, 1_000_000) * 2


@pytest.mark.parametrize(("length", "is_learning"), [(13, True), (14, False)])
def test_less_than_fourteen_days_is_learning_with_a_cap(length: int, is_learning: bool) -> None:
    found = judged([10] * length, CAP + 1)
    assert found.is_learning is is_learning
    assert found.history == length
    assert found.is_anomaly
    at_cap = judged([10] * length, CAP if is_learning else 11)
    assert not at_cap.is_anomaly
    assert SHORTEST_HISTORY == 14


def test_only_the_upper_bound_finds_anything() -> None:
    found = judged([100] * 28, 0)
    assert not found.is_anomaly
    assert found.lower == 90


def test_weekends_are_held_against_weekends() -> None:
    week = [100, 100, 100, 100, 100, 10, 10]
    assert not judged(week * 8, 100).is_anomaly  # a Monday
    history = week * 8 + [100] * 5
    saturday = judged(history, 100)
    assert saturday.expected == 10
    assert saturday.is_anomaly


def test_an_outlier_in_the_history_does_not_hide_the_next_one() -> None:
    history = [100, 103, 98, 101, 99, 102, 100] * 6
    history[20] = 5000
    assert judged(history, 400).is_anomaly


def test_days_before_the_first_cost_are_no_history() -> None:
    costs = {on(20): 100, **{on(place): 100 for place in range(21, 40)}}
    assert judge(costs, on(30), first=on(20), learning_cap=CAP).is_learning
    assert not judge(costs, on(34), first=on(20), learning_cap=CAP).is_learning


def test_telling_needs_the_larger_of_absolute_and_share_of_the_budget() -> None:
    limits = Thresholds(learning_cap=1, absolute=50, share=100_000)
    assert is_told(50, thresholds=limits, month_budget=None)
    assert not is_told(49, thresholds=limits, month_budget=None)
    assert not is_told(99, thresholds=limits, month_budget=1000)
    assert is_told(100, thresholds=limits, month_budget=1000)
    assert is_told(50, thresholds=limits, month_budget=10)


@given(
    st.lists(st.integers(-(10**6), 10**12), min_size=14, max_size=60),
    st.integers(0, 10**12),
    st.integers(1, 10**6),
)
def test_more_cost_is_never_less_suspicious_and_detection_ignores_who_is_told(
    history: list[int], cost: int, more: int
) -> None:
    first, second = judged(history, cost), judged(history, cost + more)
    assert second.is_anomaly or not first.is_anomaly
    assert first.upper == second.upper >= (first.expected or 0)
    assert first.is_anomaly is (cost > first.upper)
