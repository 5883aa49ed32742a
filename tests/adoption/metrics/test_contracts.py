"""What a value of the catalogue must say, and the one way to write its facts down."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from adoption.metrics.contracts import Computed, canonical, facts_sha256


def test_a_value_or_a_reason_and_never_both() -> None:
    assert Computed(nano=0).nano == 0
    assert Computed(nano=None, reason="no_data").reason == "no_data"
    with pytest.raises(ValueError, match="exactly one"):
        Computed(nano=None)
    with pytest.raises(ValueError, match="exactly one"):
        Computed(nano=1, reason="no_data")


def test_facts_are_written_in_one_way_whatever_their_order() -> None:
    assert canonical({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'
    assert facts_sha256({"b": 1, "a": 2}) == facts_sha256({"a": 2, "b": 1})


@pytest.mark.parametrize("value", [1.5, float("nan"), Decimal("1.5"), dt.date(2026, 1, 1)])
def test_what_has_no_one_way_to_be_written_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="no one way"):
        canonical({"a": [value]})
