"""Lines of API sources: exact amounts, stable names, nothing guessed."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.sources.lines import (
    BadValueError,
    CostLine,
    charge_record,
    currency_code,
    day_start,
    exact,
    instant,
    month_of,
)

START = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


def cost(**changes: Any) -> CostLine:
    values: dict[str, Any] = {
        "file_index": 0,
        "line": 1,
        "currency": "USD",
        "billed": Decimal("1.2345"),
        "effective": Decimal("1.2345"),
        "period": (START, START + DAY),
        "billing_account_id": "org-1",
        "provider": "Acme",
        "service_name": "Acme API",
    }
    return CostLine(**values | changes)


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=12, min_value=-(10**8), max_value=10**8
    )
)
def test_an_amount_is_what_the_source_wrote(amount: Decimal) -> None:
    assert exact(format(amount, "f"), "amount") == amount
    assert exact(format(amount, "e"), "amount") == amount
    assert charge_record(cost(billed=amount)).billed_exact == amount


@pytest.mark.parametrize(
    "value",
    [None, "", "NaN", "Infinity", "1,5", "+5", "12 USD", True, 0.1, "1e9999", "0" * 200, "1e-99"],
)
def test_what_is_no_exact_number_is_refused_as_money(value: Any) -> None:
    with pytest.raises(BadValueError) as refused:
        exact(value, "amount")
    assert refused.value.fatal


def test_names_do_not_depend_on_numbers_and_numbers_do_not_depend_on_names() -> None:
    one = charge_record(cost())
    dearer = charge_record(cost(billed=Decimal(2)))
    elsewhere = charge_record(cost(sub_account_id="team"))
    assert (one.identity, one.content) == charge_record(cost(line=9))[2:4]
    assert (dearer.identity == one.identity, dearer.content == one.content) == (True, False)
    assert (elsewhere.identity == one.identity, elsewhere.content == one.content) == (False, True)


def test_null_and_empty_workspace_are_told_apart_by_what_the_source_makes_of_them() -> None:
    default = charge_record(cost(sub_account_name="Default workspace"))
    assert default.identity != charge_record(cost()).identity


def test_a_period_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(BadValueError, match="bad_period"):
        charge_record(cost(period=(START, START)))


def test_the_billing_period_is_the_month_unless_the_source_names_one() -> None:
    late = dt.datetime(2026, 12, 31, 23, tzinfo=dt.UTC)
    assert month_of(late) == (
        dt.datetime(2026, 12, 1, tzinfo=dt.UTC),
        dt.datetime(2027, 1, 1, tzinfo=dt.UTC),
    )


@given(st.permutations([-7, 0, 2]), st.integers(0, 10_000))
def test_a_line_has_one_name_in_whatever_zone_its_moments_are_given(
    hours: list[int], minute: int
) -> None:
    """Names are remembered by moment, and equal moments are one."""
    start = dt.datetime(2026, 8, 31, 20, tzinfo=dt.UTC) + dt.timedelta(minutes=minute)
    zones = [dt.timezone(dt.timedelta(hours=each)) for each in hours]
    periods = [(start.astimezone(zone), (start + DAY).astimezone(zone)) for zone in zones]
    charges = [charge_record(cost(period=each)) for each in periods]
    plain = "|".join(each.isoformat() for each in (start, start + DAY, *month_of(start)))
    assert {each.identity for each in charges} == {
        digest_of(charges[0].dimension.digest.hex, plain, "USD")
    }
    assert {each.billing_period_start.isoformat() for each in charges} == {
        start.replace(day=1, hour=0, minute=0).isoformat()
    }


def digest_of(*parts: str) -> UUID:
    """As names of lines have been made since they are kept: another would make all of them new."""
    return UUID(bytes=blake2b("\0".join(parts).encode(), digest_size=16).digest())


@pytest.mark.parametrize(("text", "code"), [("usd", "USD"), (" EUR ", "EUR")])
def test_a_currency_is_written_in_capitals(text: str, code: str) -> None:
    assert currency_code(text) == code


@pytest.mark.parametrize("text", ["", None, "US", "dollars", "€"])
def test_what_is_no_currency_is_refused(text: Any) -> None:
    with pytest.raises(BadValueError):
        currency_code(text)


def test_times_need_a_zone_or_are_unix_seconds() -> None:
    assert instant("2026-09-01T02:00:00+02:00", "at") == START
    assert instant(int(START.timestamp()), "at") == START
    for value in ("2026-09-01T00:00:00", "soon", None, True, 10**30):
        with pytest.raises(BadValueError):
            instant(value, "at")
    assert day_start("09-01-2026", "Date", pattern="%m-%d-%Y") == START
    with pytest.raises(BadValueError):
        day_start("2026-13-01", "Date")
