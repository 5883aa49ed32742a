"""The arithmetic of forecasts and projections."""

from __future__ import annotations

import datetime as dt
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.forecast.forecast import NOT_IMPORTED, TOO_SHORT, error_share, forecast_month
from billing.forecast.projection import Pace, project, together
from portal.shell.periods import DateRange, Month, month_range

JUNE = Month(2026, 6)
MAY_ON = DateRange(JUNE.start, JUNE.end)


def months(*daily: int, last: Month = JUNE - 1) -> dict[dt.date, int]:
    """So much a day in each month up to `last`."""
    first = last - (len(daily) - 1)
    return {
        day: nano
        for month, nano in zip(month_range(first, last + 1), daily, strict=True)
        for day in month.range.days()
    }


def test_even_months_are_carried_on_exactly() -> None:
    found = forecast_month(months(10, 10, 10), JUNE)
    assert (found.nano, found.lower, found.upper, found.months) == (300, 300, 300, 3)
    assert found.daily == (10,) * 30
    assert found.ahead[:3] == (300, 310, 310)


def test_a_trend_is_carried_on_for_three_months_and_then_held() -> None:
    found = forecast_month(months(10, 20, 30, 40), JUNE)
    assert found.nano == 50 * 30
    assert found.ahead[:4] == (50 * 30, 60 * 31, 70 * 31, 70 * 30)


def test_one_odd_month_does_not_bend_it() -> None:
    assert forecast_month(months(10, 10, 900, 10, 10), JUNE).nano == 300


@pytest.mark.parametrize("count", [0, 1, 2])
def test_with_less_than_three_months_there_is_no_forecast(count: int) -> None:
    found = forecast_month(months(*[10] * count) if count else {}, JUNE)
    assert (found.nano, found.reason, found.months) == (None, TOO_SHORT, count)


def test_what_comes_later_is_not_looked_at() -> None:
    known = months(10, 12, 14)
    later = {**known, JUNE.start: 10**9, JUNE.end: 10**9}
    assert forecast_month(later, JUNE) == forecast_month(known, JUNE)


def test_the_first_month_counts_from_its_first_cost() -> None:
    costs = {day: nano for day, nano in months(10, 10, 10).items() if day.day > 20 or day.month > 3}
    assert forecast_month(costs, JUNE).nano == 300


def test_days_get_their_usual_share() -> None:
    costs = {day: (100 if day.day == 1 else 10) for day in months(1, 1, 1, 1)}
    found = forecast_month(costs, JUNE)
    assert found.daily[0] > 5 * found.daily[1]
    assert sum(found.daily) == found.nano


@settings(max_examples=30)
@given(st.lists(st.integers(0, 10**13), min_size=3, max_size=8))
def test_days_sum_to_the_month_and_lie_within_the_band(daily: list[int]) -> None:
    found = forecast_month(months(*daily), JUNE)
    assert found.nano is not None
    assert found.lower is not None
    assert found.upper is not None
    assert sum(found.daily) == found.nano == found.ahead[0]
    assert 0 <= found.lower <= found.nano <= found.upper
    assert found == forecast_month(months(*daily), JUNE)


def test_error_is_the_sum_of_errors_over_the_sum_of_cost() -> None:
    assert error_share([(100, 80), (300, 340)]) == Fraction(60, 400)
    assert error_share([]) is None
    assert error_share([(0, 5)]) is None


def test_without_a_forecast_the_pace_of_a_week_projects_the_month() -> None:
    pace = Pace({JUNE: 70}, JUNE.start + dt.timedelta(days=7))
    found = project(pace, period=MAY_ON, today=dt.date(2026, 6, 8))
    assert found is not None
    assert found.total == 300
    assert found.crosses_on(spent=70, amount=100) == dt.date(2026, 6, 11)
    early = Pace({JUNE: 60}, JUNE.start + dt.timedelta(days=6))
    assert project(early, period=MAY_ON, today=dt.date(2026, 6, 7)) is None


def test_the_further_the_month_the_more_its_own_pace_counts() -> None:
    daily, ahead = [10] * 30, [300] * 12

    def total(covered: int) -> int:
        pace = Pace({JUNE: 20 * covered}, JUNE.start + dt.timedelta(days=covered), daily, ahead)
        found = project(pace, period=MAY_ON, today=dt.date(2026, 6, min(covered + 1, 30)))
        assert found is not None
        return found.total

    assert total(0) == 300
    assert total(3) == 60 + 27 * 11
    assert total(15) == 300 + 15 * 15
    assert total(30) == 600


def test_a_quarter_takes_the_forecasts_of_its_later_months() -> None:
    quarter = DateRange(dt.date(2026, 4, 1), dt.date(2026, 7, 1))
    april = Month(2026, 4)
    pace = Pace({april: 0}, None, [10] * 30, [300, 400, 500, *[1] * 9])
    found = project(pace, period=quarter, today=april.start)
    assert found is not None
    assert found.total == 1200
    assert found.crosses_on(spent=0, amount=1200) is None
    assert found.crosses_on(spent=0, amount=1199) == dt.date(2026, 6, 30)
    assert together([found, found]).total == 2400


@pytest.mark.parametrize("missing", [1, 3, 10])
def test_days_that_are_not_imported_yet_are_not_days_without_cost(missing: int) -> None:
    """The same rate and the same days as when all is here, however much is missing."""
    whole = forecast_month(months(100, 100, 100), JUNE)
    left = 31 - missing
    known = {d: n for d, n in months(100, 100, 100).items() if d.month < 5 or d.day <= left}
    # One of two sources has come further: what it brought of those days is a part of them.
    known[dt.date(2026, 5, 31)] = 7
    found = forecast_month(known, JUNE, covered={JUNE - 1: left})
    assert (found.nano, found.daily, found.missing) == (whole.nano, whole.daily, missing)
    assert (found.lower, found.upper, found.ahead) == (whole.lower, whole.upper, whole.ahead)


def test_a_month_that_is_hardly_known_is_left_out_in_its_place() -> None:
    trend = months(10, 20, 30, 40)
    assert forecast_month(trend, JUNE, covered={JUNE - 2: 6}).nano == 50 * 30
    found = forecast_month(months(10, 20, 30), JUNE, covered={JUNE - 1: 6})
    assert (found.nano, found.reason, found.months, found.missing) == (None, NOT_IMPORTED, 2, 25)
