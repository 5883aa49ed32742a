"""Quantities are summed exactly before they become records, and rounded once."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.sources.lines import BadValueError
from billing.sources.quantities import QuantitySums, bound_of, day_of, quantity, text_of
from billing.sources.usage_rows import Quantity, UsageRow
from portal.imports.contracts import ImportRefusedError

START = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)


def row(**changes: Any) -> UsageRow:
    values: dict[str, Any] = {
        "file_index": 0,
        "line": 1,
        "dataset": "acme.usage",
        "period": (START, START + dt.timedelta(days=1)),
        "billing_account_id": "org",
        "provider": "Acme",
        "service_name": "Acme",
    }
    return UsageRow(**values | changes)


def credits(amount: Decimal | str, metric: str = "credits") -> Quantity:
    return metric, "credits", Decimal(amount)


@given(
    st.lists(st.decimals(0, 10**6, places=16, allow_nan=False, allow_infinity=False), max_size=8)
)
def test_a_sum_is_exact_and_rounded_once(amounts: list[Decimal]) -> None:
    sums = QuantitySums()
    for number, amount in enumerate(amounts):
        of = row(line=number + 1, model="b" if number % 2 else "a")
        sums.add(of, [credits(amount)])
    told = {r.dimension.model: r.quantity_micro for r in sums.take()}
    for model, own in (("a", amounts[::2]), ("b", amounts[1::2])):
        exact = sum(own, Decimal(0))
        assert abs(Decimal(told.get(model, 0)) - exact * 10**6) <= Decimal("0.5")
    assert sums.take() == ()


def test_a_row_is_added_whole_or_not_at_all() -> None:
    sums = QuantitySums()
    with pytest.raises(BadValueError):
        sums.add(row(), [credits("1"), credits("-1", "requests")])
    sums.add(row(file_index=2), [credits("0")])
    sums.add(row(file_index=3), [credits("2")])
    (record,) = sums.take()
    assert (record.quantity_micro, record.file_index) == (2_000_000, 3)


def test_each_quantity_stands_where_it_first_came_and_in_that_order() -> None:
    sums = QuantitySums()
    sums.add(row(line=1), [credits("1")])
    sums.add(row(line=2, tags={"kind": "b"}), [credits("8")])
    sums.add(row(line=3), [credits("2", "requests"), credits("4")])
    told = [(each.dimension.metric, each.line, each.quantity_micro) for each in sums.take()]
    millions = [("credits", 1, 5), ("credits", 2, 8), ("requests", 3, 2)]
    assert told == [(metric, line, 10**6 * much) for metric, line, much in millions]


def test_what_is_absent_counts_nothing_and_what_is_wrong_is_named() -> None:
    assert quantity({}, "n") == quantity({"n": None}, "n") == quantity({"n": ""}, "n") == 0
    for value in (-1, "many", True, [1]):
        with pytest.raises(BadValueError) as refused:
            quantity({"n": value}, "n")
        assert (refused.value.field, refused.value.fatal) == ("n", False)
    assert text_of({"a": None, "b": " x\0 "}, "a", "b") == "x"
    with pytest.raises(BadValueError):
        text_of({"a": ["x"]}, "a")


@pytest.mark.parametrize(
    "text", ["2026-09-01", "2026-09-01 00:00:00", "2026-09-01T00:00:00Z", "2026-09-01T00:00:00"]
)
def test_a_day_may_be_written_as_its_midnight(text: str) -> None:
    assert day_of({"date": text}, "date") == START
    with pytest.raises(BadValueError):
        day_of({"date": text.replace("00:00", "10:00") + "?"}, "date")


def test_a_bound_is_a_share_or_a_sum() -> None:
    assert bound_of(Decimal(-1000), percent=2, floor=5) == 20
    assert bound_of(Decimal(10), percent=2, floor=5) == 5


def test_a_quantity_that_does_not_fit_is_named_by_its_row() -> None:
    sums = QuantitySums()
    with pytest.raises(BadValueError) as bad:
        sums.add(row(), [credits("9223372036854.775808")])
    assert bad.value.code == "bad_quantity"
    sums.add(row(), [credits("9223372036854.775807")])
    (record,) = sums.take()
    assert record.quantity_micro == 2**63 - 1


def test_a_sum_that_does_not_fit_refuses_the_import_and_says_which() -> None:
    sums = QuantitySums()
    sums.add(row(line=7), [credits("1"), credits("9e12", "requests")])
    sums.add(row(line=9), [credits("1"), credits("9e12", "requests")])
    with pytest.raises(ImportRefusedError) as refused:
        sums.take()
    assert refused.value.code == "sum_too_large"
    for said in ("line 7 of file number 1", "column requests", "18,000,000,000,000"):
        assert said in str(refused.value)
