"""Attacks of the catalogue on metrics that money goes into: none of them improves one."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
from django.db import connection
from django.db.utils import DatabaseError
from hypothesis import given
from hypothesis import strategies as st

from adoption.redteam import attacks
from adoption.redteam.readings import read
from adoption.redteam.world import make_organisation
from billing.metrics import (
    allocation_coverage,
    anomaly_response,
    cost_per_outcome,
    cost_to_serve,
    forecast_error,
)
from billing.models import Forecast
from tests.adoption.factories import make_use_case
from tests.plugins.sweeping import sampled

AMOUNTS = st.integers(0, 10**15)
NANO = 10**9


def outcome_facts(cost: int, outcomes: int) -> dict[str, Any]:
    sums = [{"currency": "USD", "basis": "metered", "effective_nano": cost, "lines": 9}]
    return {"sums": sums, "outcomes": outcomes, "people": 6}


def served_facts(cost: int, units: int) -> dict[str, Any]:
    facts = {**outcome_facts(cost, 0), "people_nano": 10**14, "people_currency": "USD"}
    return {**facts, "units": units}


@given(AMOUNTS, st.integers(1, 10**12), st.integers(20, 500))
def test_a1_burning_tokens_only_makes_an_outcome_dearer(
    cost: int, burnt: int, outcomes: int
) -> None:
    honest = cost_per_outcome.calculate(outcome_facts(cost, outcomes))
    burning = cost_per_outcome.calculate(outcome_facts(cost + burnt, outcomes))
    assert honest.nano is not None
    assert burning.nano is not None
    assert burning.nano >= honest.nano
    assert burning.n == honest.n  # what counts is the same: tokens are cost and nothing else


@given(AMOUNTS, st.integers(1, 10**12), st.integers(20, 500))
def test_a1_what_is_burnt_makes_no_unit_cheaper(cost: int, burnt: int, units: int) -> None:
    honest = cost_to_serve.calculate(served_facts(cost, units))
    burning = cost_to_serve.calculate(served_facts(cost + burnt, units))
    assert honest.nano is not None
    assert burning.nano is not None
    assert burning.nano >= honest.nano
    assert burning.n == honest.n


@pytest.mark.parametrize(
    "key",
    sampled(
        ["split", "again", "regions", "service", "rollback", "daily", "weeks", "slop"],
        "split",
        "weeks",
    ),
)
def test_a2_a7_what_moves_no_unit_makes_none_cheaper(key: str) -> None:
    """Cost is divided by units and by outcomes: what adds none of them makes none cheaper."""
    (attack,) = [each for each in attacks.ATTACKS if each.key == key]
    before = make_organisation(7)
    after = attack.apply(before, "team-2", 5, random.Random(7))  # noqa: S311  (a simulation)
    found = [read(org, "team-2") for org in (before, after)]
    units = [each["ndu"].nano for each in found]
    outcomes = [each["held_deliveries"].nano for each in found]
    assert units[0]
    assert outcomes[0]
    served = [
        cost_to_serve.calculate(served_facts(10**15, count // NANO if count else 0)).nano
        for count in units
    ]
    per_outcome = [
        cost_per_outcome.calculate(outcome_facts(10**15, count // NANO if count else 0)).nano
        for count in outcomes
    ]
    # A11 brings deliveries forward or back by some weeks, which the attacks' page declares.
    for first, second in (served,) if key == "weeks" else (served, per_outcome):
        assert first is not None
        assert second is None or second >= first


@given(AMOUNTS)
def test_a17_spending_and_delivering_nothing_has_no_value(cost: int) -> None:
    found = cost_per_outcome.calculate(outcome_facts(cost, 0))
    assert (found.nano, found.reason) == (None, "no_outcomes")
    nothing = {"sums": [], "outcomes": 30, "people": 6}
    assert cost_per_outcome.calculate(nothing).reason == "no_cost"
    served = {"sums": [], "people_nano": 10**12, "people_currency": "USD", "units": 0}
    assert cost_to_serve.calculate(served).reason == "no_units"


@given(AMOUNTS, st.integers(20, 500))
def test_a16_hidden_people_leave_no_cheap_unit_behind(cost: int, units: int) -> None:
    facts = {**outcome_facts(cost, 0), "people_nano": None, "people_currency": "", "units": units}
    found = cost_to_serve.calculate(facts)
    assert (found.nano, found.reason) == (None, "not_evaluable")
    assert "people" in found.missing


@given(AMOUNTS, st.integers(1, 10**15))
def test_a16_what_nobody_takes_stays_in_the_denominator(allocated: int, unallocated: int) -> None:
    group = {
        "currency": "USD",
        "basis": "metered",
        "allocated_nano": allocated,
        "total_nano": allocated + unallocated,
        "unknown_lines": 0,
        "lines": 2,
    }
    found = allocation_coverage.calculate({"currency": "USD", "groups": [group]})
    assert found.nano is not None
    assert found.nano <= NANO
    hidden = {**group, "total_nano": allocated + 2 * unallocated}
    more = allocation_coverage.calculate({"currency": "USD", "groups": [hidden]})
    assert more.nano is not None
    assert more.nano <= found.nano


@pytest.mark.django_db
@pytest.mark.both_engines
def test_a12_a_forecast_made_after_the_fact_is_refused() -> None:
    forecast = Forecast.objects.create(
        use_case=make_use_case(),
        month=dt.date(2026, 5, 1),
        currency="USD",
        cost_basis="metered",
        measure="effective",
        forecast_nano=100 * NANO,
        lower_nano=90 * NANO,
        upper_nano=110 * NANO,
        history_months=3,
        method="trend",
        frozen_at=dt.datetime(2026, 5, 1, tzinfo=dt.UTC),
    )
    with pytest.raises(DatabaseError, match="frozen|never"):
        Forecast.objects.filter(pk=forecast.pk).update(forecast_nano=NANO)
    assert not connection.needs_rollback or connection.in_atomic_block


def test_the_median_of_two_lies_between_them() -> None:
    anomalies = [{"detected_after": seconds} for seconds in (3600, 7200)]
    facts = {"judged": 30, "history_days": 60, "anomalies": anomalies}
    found = anomaly_response.calculation("detected_after")(facts)
    assert (found.nano, found.n) == (1_500_000_000, 2)
    young = {**facts, "history_days": 13}
    assert anomaly_response.calculation("detected_after")(young).reason == "below_minimum"


def test_a10_what_nobody_looked_at_is_no_quick_response() -> None:
    quick = {"detected_after": 3600, "acknowledged_after": 3600}
    ignored = {"detected_after": 3600, "acknowledged_after": None}
    facts = {"judged": 30, "history_days": 60, "anomalies": [quick, ignored]}
    found = anomaly_response.calculation("acknowledged_after")(facts)
    assert (found.nano, found.reason, found.coverage_nano) == (None, "not_acknowledged", NANO // 2)


def test_forecasts_of_two_currencies_are_not_added() -> None:
    month = {"month": "2026-05", "basis": "metered", "actual_nano": 1, "forecast_nano": 1}
    facts = {"months": [{**month, "currency": "USD"}, {**month, "currency": "EUR"}]}
    assert forecast_error.calculate(facts).reason == "mixed_currencies"
