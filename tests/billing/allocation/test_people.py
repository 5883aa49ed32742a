"""Days in common, together and left over are what counting day by day says."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.allocation.people import Span, common, merged, without

FIRST = date(2026, 5, 1)
DAYS = [FIRST + timedelta(days=n) for n in range(12)]


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    found = []
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, 9))
        end = draw(st.one_of(st.none(), st.integers(start + 1, 11)))
        found.append(Span(DAYS[start], None if end is None else DAYS[end]))
    return found


def days_of(found: list[Span]) -> set[date]:
    return {day for day in DAYS if any(span.contains(day) for span in found)}


@given(spans(), spans())
def test_days_are_those_that_counting_finds(first: list[Span], second: list[Span]) -> None:
    assert days_of(common(first, second)) == days_of(first) & days_of(second)
    assert days_of(merged([*first, *second])) == days_of(first) | days_of(second)
    assert days_of(without(first, second)) == days_of(first) - days_of(second)


@given(spans(), spans())
def test_what_is_left_has_no_empty_span_and_no_day_twice(
    first: list[Span], second: list[Span]
) -> None:
    left = without(merged(first), second)
    assert all(span.end is None or span.start < span.end for span in left)
    for day in DAYS:
        assert sum(span.contains(day) for span in left) <= 1
