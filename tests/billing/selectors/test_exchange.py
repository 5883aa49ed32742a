"""Reading amounts in another currency: which rate counts, and exactly what it gives."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.models import ExchangeRate
from billing.selectors.exchange import Rates, rates_between
from billing.services.exchange_rates import Pair, RateRefusedError, enter_rate
from portal.choices import Role
from tests.adoption.factories import make_user
from tests.imports import START

FRIDAY = dt.date(2026, 5, 29)


def rates(*rows: tuple[str, str, dt.date, str]) -> Rates:
    return Rates(
        ExchangeRate(base=base, quote=quote, day=day, rate=rate, source="A bank")
        for base, quote, day, rate in rows
    )


def test_the_newest_rate_of_the_week_before_counts() -> None:
    known = rates(
        ("USD", "EUR", FRIDAY, "0.9"),
        ("USD", "EUR", FRIDAY - dt.timedelta(days=1), "0.8"),
        ("USD", "EUR", FRIDAY + dt.timedelta(days=3), "0.7"),
    )
    found = known.convert(10**9, "USD", "EUR", FRIDAY + dt.timedelta(days=2))
    assert (found.nano, found.rate and found.rate.day) == (900_000_000, FRIDAY)
    assert found.rate is not None
    assert found.rate.said == "1 USD = 0.9 EUR on 2026-05-29, A bank"


def test_an_older_rate_is_not_taken_and_the_reason_is_said() -> None:
    known = rates(("USD", "EUR", FRIDAY, "0.9"))
    found = known.convert(10**9, "USD", "EUR", FRIDAY + dt.timedelta(days=8))
    assert found.nano is None
    assert found.reason == "no rate from USD to EUR for that day"


def test_the_opposite_pair_is_inverted_exactly_and_said() -> None:
    found = rates(("EUR", "USD", FRIDAY, "3")).convert(10**9, "USD", "EUR", FRIDAY)
    assert found.nano == 333_333_333
    assert found.rate is not None
    assert found.rate.is_inverse
    assert found.rate.said == "1 EUR = 3 USD on 2026-05-29, A bank"


def test_the_direct_pair_goes_before_the_opposite_one() -> None:
    known = rates(("USD", "EUR", FRIDAY, "0.9"), ("EUR", "USD", FRIDAY, "2"))
    assert known.convert(10, "USD", "EUR", FRIDAY).nano == 9


@given(
    nano=st.integers(-(2**62), 2**62),
    rate=st.decimals("0.00000001", "100000", places=8).map(lambda value: format(value, "f")),
)
def test_a_conversion_is_rounded_once_half_to_even(nano: int, rate: str) -> None:
    found = rates(("USD", "EUR", FRIDAY, rate)).convert(nano, "USD", "EUR", FRIDAY).nano
    assert found is not None
    exact = nano * Fraction(rate)
    assert abs(found - exact) <= Fraction(1, 2)
    assert abs(found - exact) < Fraction(1, 2) or found % 2 == 0


@pytest.mark.django_db
def test_live_rates_of_a_pair_are_read_both_ways(django_assert_num_queries: object) -> None:
    finance = make_user(Role.FINANCE)
    pair = Pair("USD", "EUR", FRIDAY)
    for rate in ("0.8", "0.9"):
        enter_rate(pair=pair, rate=rate, source="A bank", actor=finance, at=START)
    assert rates_between({"USD", "EUR"}, "EUR").convert(10, "USD", "EUR", FRIDAY).nano == 9
    assert rates_between({"EUR"}, "USD").convert(9, "EUR", "USD", FRIDAY).nano == 10
    with pytest.raises(RateRefusedError, match="positive number"):
        enter_rate(pair=pair, rate="0.9e1", source="A bank", actor=finance, at=START)
    with pytest.raises(RateRefusedError, match="two currencies"):
        enter_rate(
            pair=Pair("USD", "USD", FRIDAY), rate="1", source="A bank", actor=finance, at=START
        )
