"""How values read."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.shell.formats import (
    age_text,
    date_text,
    moment_text,
    money_text,
    nano_money_text,
    number_text,
    percent_text,
    short_number_text,
)

NOW = dt.datetime(2026, 11, 20, 9, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (0, 0, "0"),
        (-1234567, 0, "−1,234,567"),
        (Decimal("0.5"), 0, "0"),  # half-even, and never "-0"
        (Decimal("-0.4"), 0, "0"),
        (Decimal("1234.5600"), None, "1,234.56"),
        (0.1, None, "0.1"),
        (float("nan"), 2, "—"),
        (10**30, 0, "1" + ",000" * 10),
    ],
)
def test_numbers(value: float, decimals: int | None, text: str) -> None:
    assert number_text(value, decimals) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1234.565", "1,234.56 USD"),
        ("0.01", "0.01 USD"),
        ("0.00424", "0.0042 USD"),
        ("-0.000000001", "−0.000000001 USD"),
        ("0.0099999", "0.01 USD"),
        ("0", "0.00 USD"),
    ],
)
def test_money_never_rounds_a_fraction_of_a_cent_to_nothing(amount: str, text: str) -> None:
    assert money_text(Decimal(amount), "USD").replace("\xa0", " ") == text


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_only_nothing_reads_as_nothing(nano: int) -> None:
    digits = {c for c in nano_money_text(nano, "") if c.isdigit()}
    assert (digits <= {"0"}) == (nano == 0)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        ("1", "100.0 %"),
        ("0", "0.0 %"),
        ("0.9996", "> 99.9 %"),
        ("0.0001", "< 0.1 %"),
        ("0.25", "25.0 %"),
        ("-0.031", "−3.1 %"),
    ],
)
def test_nearly_all_never_reads_as_all(share: str, text: str) -> None:
    assert percent_text(Decimal(share)).replace("\xa0", " ") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1500, "1.5k"), (2_000_000, "2M"), (-3.25e9, "−3.25G"), (0.5, "0.5"), (999, "999")],
)
def test_axis_labels_are_short(value: float, text: str) -> None:
    assert short_number_text(value) == text


def test_dates_name_their_zone() -> None:
    assert date_text(NOW.date()) == "20 Nov 2026"
    assert moment_text(NOW) == "20 Nov 2026, 09:30 UTC"
    assert moment_text(NOW, ZoneInfo("Asia/Tokyo")) == "20 Nov 2026, 18:30 JST"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5, "just now"), (60, "1 minute ago"), (7_200, "2 hours ago"), (86_400, "1 day ago")],
)
def test_ages_are_in_the_largest_whole_unit(seconds: int, text: str) -> None:
    assert age_text(NOW - dt.timedelta(seconds=seconds), NOW) == text
