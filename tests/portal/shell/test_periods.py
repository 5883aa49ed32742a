"""Months, ranges of days, days cut in a zone, fiscal quarters."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.shell.periods import (
    BadPeriodError,
    DateRange,
    FiscalCalendar,
    Month,
    day_bounds,
    day_of,
    last_months,
    month_range,
)

MONTHS = st.builds(Month, st.integers(1900, 2200), st.integers(1, 12))
DAYS = st.dates(dt.date(1970, 1, 2), dt.date(2100, 1, 1))
ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("UTC", "Europe/Lisbon", "America/Havana", "Pacific/Apia")]
)


@given(MONTHS, st.integers(-500, 500))
def test_adding_and_taking_away_months_gives_the_same_month(month: Month, count: int) -> None:
    assert (month + count) - count == month
    assert month.months_until(month + count) == count


@given(MONTHS)
def test_a_month_ends_where_the_next_one_starts(month: Month) -> None:
    assert month.end == (month + 1).start
    assert Month.parse(str(month)) == month


@given(MONTHS, st.integers(0, 40))
def test_months_of_a_range_leave_no_gap_and_no_overlap(start: Month, count: int) -> None:
    months = month_range(start, start + count)
    assert sum(len(month.range) for month in months) == (((start + count).start - start.start).days)


@given(DAYS, ZONES)
def test_days_of_a_zone_join_without_gap(day: dt.date, zone: ZoneInfo) -> None:
    start, end = day_bounds(day, zone)
    following = day_bounds(day + dt.timedelta(days=1), zone)[0]
    assert end == following
    if start < end:  # a day can be skipped altogether where a country crossed the date line
        assert day_of(start, zone) == day


@given(DAYS, st.integers(0, 60), ZONES)
def test_bounds_of_a_range_are_those_of_its_first_and_last_day(
    day: dt.date, length: int, zone: ZoneInfo
) -> None:
    days = DateRange(day, day + dt.timedelta(days=length))
    start, end = days.bounds(zone)
    assert sum(
        ((b - a) for a, b in (day_bounds(d, zone) for d in days.days())), dt.timedelta()
    ) == (end - start)


def test_the_day_on_which_clocks_change_has_23_or_25_hours() -> None:
    lisbon = ZoneInfo("Europe/Lisbon")
    spring = day_bounds(dt.date(2026, 3, 29), lisbon)
    autumn = day_bounds(dt.date(2026, 10, 25), lisbon)
    assert spring[1] - spring[0] == dt.timedelta(hours=23)
    assert autumn[1] - autumn[0] == dt.timedelta(hours=25)


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-3", "26-03", "2026-03-01", "", "x"])
def test_anything_but_a_month_is_refused_by_its_text(text: str) -> None:
    with pytest.raises(BadPeriodError, match="expected YYYY-MM"):
        Month.parse(text)


def test_a_range_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(BadPeriodError, match="before it starts"):
        DateRange(dt.date(2026, 2, 1), dt.date(2026, 1, 1))


def test_a_moment_without_zone_has_no_day() -> None:
    with pytest.raises(BadPeriodError, match="no time zone"):
        day_of(dt.datetime(2026, 1, 1), ZoneInfo("UTC"))  # noqa: DTZ001


def test_a_range_knows_its_months_days_and_overlap() -> None:
    days = DateRange(dt.date(2026, 1, 31), dt.date(2026, 3, 1))
    assert [str(month) for month in days.months()] == ["2026-01", "2026-02"]
    assert dt.date(2026, 2, 28) in days
    assert dt.date(2026, 3, 1) not in days
    assert days.overlap(Month(2026, 2).range) == Month(2026, 2).range
    assert days.overlap(Month(2026, 3).range) is None
    assert DateRange(days.start, days.start).months() == []


def test_the_last_months_end_with_the_current_one() -> None:
    assert [str(month) for month in last_months(3, today=dt.date(2026, 1, 15))] == [
        "2025-11",
        "2025-12",
        "2026-01",
    ]


@given(DAYS, st.integers(1, 12))
def test_fiscal_quarters_cut_the_fiscal_year_into_four(day: dt.date, first: int) -> None:
    calendar = FiscalCalendar(first)
    year, quarter = calendar.year_of(day), calendar.quarter_of(day)
    assert day in quarter
    assert year.overlap(quarter) == quarter
    assert len(quarter.months()) == 3
    assert calendar.quarter_of(quarter.end) != quarter


def test_a_fiscal_quarter_is_named_after_the_year_in_which_it_ends() -> None:
    assert FiscalCalendar(7).quarter_label(dt.date(2026, 11, 20)) == "Q2 FY2027"
    assert FiscalCalendar(1).quarter_label(dt.date(2026, 11, 20)) == "Q4 FY2026"
    with pytest.raises(BadPeriodError, match="expected 1 to 12"):
        FiscalCalendar(13)
