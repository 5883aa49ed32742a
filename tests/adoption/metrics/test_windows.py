"""Windows of metrics: whole, half-open, without gap or overlap."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adoption.metrics.windows import Window, WindowKind, window_of, windows_between

DAYS = st.dates(dt.date(2000, 1, 1), dt.date(2100, 1, 1))
KINDS = st.sampled_from(list(WindowKind))


@given(KINDS, DAYS)
def test_every_day_lies_in_one_window_and_the_next_begins_where_it_ends(
    kind: WindowKind, day: dt.date
) -> None:
    window = window_of(kind, day, "UTC")
    assert window.starts_on <= day < window.ends_on
    following = window_of(kind, window.ends_on, "UTC")
    assert following.starts_on == window.ends_on
    assert window_of(kind, window.starts_on, "UTC") == window


@pytest.mark.parametrize(
    ("kind", "starts_on", "ends_on"),
    [
        (WindowKind.WEEK, dt.date(2026, 11, 23), dt.date(2026, 11, 30)),
        (WindowKind.FOUR_WEEKS, dt.date(2026, 11, 2), dt.date(2026, 11, 30)),
        (WindowKind.MONTH, dt.date(2026, 11, 1), dt.date(2026, 12, 1)),
        (WindowKind.QUARTER, dt.date(2026, 10, 1), dt.date(2027, 1, 1)),
    ],
)
def test_windows_are_cut_by_the_calendar(
    kind: WindowKind, starts_on: dt.date, ends_on: dt.date
) -> None:
    window = window_of(kind, dt.date(2026, 11, 28), "UTC")
    assert (window.starts_on, window.ends_on) == (starts_on, ends_on)


def test_days_are_cut_in_the_declared_zone() -> None:
    window = window_of(WindowKind.MONTH, dt.date(2026, 3, 15), "Europe/Amsterdam")
    assert window.starts_at == dt.datetime(2026, 2, 28, 23, tzinfo=dt.UTC)
    assert window.ends_at == dt.datetime(2026, 3, 31, 22, tzinfo=dt.UTC)  # in summer time


def test_only_whole_windows_lie_between_two_days() -> None:
    found = list(
        windows_between(WindowKind.MONTH, dt.date(2026, 1, 2), dt.date(2026, 4, 30), "UTC")
    )
    assert [window.starts_on.month for window in found] == [2, 3]


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="ends after it starts"):
        Window(dt.date(2026, 1, 2), dt.date(2026, 1, 2), "UTC")
