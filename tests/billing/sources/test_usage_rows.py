"""Quantities of API sources: whole millionths, and names that stay."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.sources.lines import BadValueError, canonical
from billing.sources.usage_rows import UsageRow, usage_record, usage_records
from tests.billing.sources.test_lines import DAY, START, digest_of

TEXTS = st.text(st.characters(exclude_characters="\0"), max_size=8)


def row(**changes: Any) -> UsageRow:
    values: dict[str, Any] = {
        "file_index": 0,
        "line": 1,
        "dataset": "acme.usage",
        "period": (START, START + DAY),
        "billing_account_id": "org",
        "provider": "Acme",
        "service_name": "Acme API",
    }
    return UsageRow(**values | changes)


@pytest.mark.parametrize("quantity", ["-1", "0.0000001", "9223372036855"])
def test_a_quantity_that_does_not_fit_is_refused(quantity: str) -> None:
    with pytest.raises(BadValueError):
        list(usage_records(row(), [("tokens.output", "tokens", Decimal(quantity))]))


@given(
    st.lists(st.tuples(TEXTS, TEXTS, st.integers(0, 10**9)), max_size=5),
    st.dictionaries(TEXTS, TEXTS, max_size=3),
)
def test_quantities_of_a_row_are_what_each_is_by_itself(
    counted: list[tuple[str, str, int]], tags: dict[str, str]
) -> None:
    of = row(model="acme-1", tags=tags)
    quantities = [(metric, unit, Decimal(amount)) for metric, unit, amount in counted]
    together = list(usage_records(of, quantities))
    assert together == [usage_record(of, *each) for each in quantities]
    assert [each.quantity_micro for each in together] == [each[2] * 10**6 for each in counted]


@given(st.integers(0, 10_000), st.sampled_from([-7, 0, 2]), TEXTS)
def test_a_quantity_keeps_the_name_under_which_it_is_stored(
    minute: int, hours: int, model: str
) -> None:
    """Another name would make every stored quantity a new one."""
    start = START + dt.timedelta(minutes=minute)
    zone = dt.timezone(dt.timedelta(hours=hours))
    period = start.astimezone(zone), (start + DAY).astimezone(zone)
    of = row(period=period, model=model, tags={"batch": "yes"})
    (found,) = usage_records(of, [("requests", "requests", Decimal(1))])
    names = ("acme.usage", "org", "", "", "Acme", "Acme API", model, "", "requests", "requests")
    assert found.dimension.digest == digest_of(*names, canonical({"batch": "yes"}))
    moments = start.isoformat(), (start + DAY).isoformat()
    assert found.identity == digest_of(found.dimension.digest.hex, *moments)
