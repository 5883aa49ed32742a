"""Forecasts are frozen when a month begins, and stay as they are."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import DatabaseError, transaction

from billing.models import Forecast
from billing.selectors.forecasts import ForecastError, forecast_errors, forecast_months
from billing.services.forecasts import freeze_forecasts
from portal.shell.money import NANO_PER_UNIT
from tests.adoption.factories import make_use_case
from tests.billing.sweeps import sweep_both_engines, swept
from tests.billing.watching import every_day, paid_for, spend
from tests.imports import make_connection

pytestmark = pytest.mark.django_db
FIRST = dt.date(2026, 2, 1)


def on(month: int, day: int = 1, hour: int = 3) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, tzinfo=dt.UTC)


@pytest.fixture
def bill() -> None:
    case = make_use_case()
    paid_for(case, "triage", FIRST)
    spend(every_day(FIRST, dt.date(2026, 7, 31)), "triage")


@pytest.mark.both_engines
def test_a_month_is_frozen_once_and_what_comes_later_changes_nothing(bill: None) -> None:
    assert freeze_forecasts(at=on(5)) == 2  # billed and effective
    row = Forecast.objects.get(measure="billed")
    assert (row.forecast_nano, row.history_months) == (310 * NANO_PER_UNIT, 3)
    assert sum(row.daily) == row.forecast_nano
    before = list(Forecast.objects.order_by("pk").values())
    spend({dt.date(2026, 4, 2): "5000"}, "late")
    paid_for(make_use_case(), "late", FIRST)
    assert freeze_forecasts(at=on(5, 2)) == 2  # those of the use case that came later
    assert list(Forecast.objects.filter(pk__in=[each["id"] for each in before])
                .order_by("pk").values()) == before  # fmt: skip


@sweep_both_engines
def test_without_three_months_there_is_none_and_a_reason(bill: None) -> None:
    freeze_forecasts(at=on(4))
    row = Forecast.objects.get(measure="billed")
    assert (row.forecast_nano, row.reason, row.history_months) == (None, "too_short_history", 2)


@pytest.mark.parametrize(
    ("moment", "made"), [(on(5, 3, 23), 2), (on(5, 4, 0), 0), *swept((on(5, 20), 0))]
)
def test_after_three_days_it_is_too_late(bill: None, moment: dt.datetime, made: int) -> None:
    assert freeze_forecasts(at=moment) == made


@pytest.mark.both_engines
@pytest.mark.parametrize("deed", ["update", "delete"])
def test_the_database_refuses_to_change_what_is_frozen(bill: None, deed: str) -> None:
    freeze_forecasts(at=on(5))
    rows = Forecast.objects.all()
    with pytest.raises(DatabaseError, match="frozen|never"), transaction.atomic():
        rows.update(forecast_nano=0, lower_nano=0) if deed == "update" else rows.delete()


@sweep_both_engines
def test_the_error_needs_three_complete_months(bill: None) -> None:
    for month in (5, 6, 7):
        freeze_forecasts(at=on(month))
    rows = Forecast.objects.all()

    def error(today: dt.date) -> ForecastError:
        (found,) = forecast_errors(forecast_months(rows, today=today, measure="billed", now=on(9)))
        return found

    assert (error(dt.date(2026, 7, 31)).share, error(dt.date(2026, 7, 31)).months) == (None, 2)
    assert (error(dt.date(2026, 8, 1)).share, error(dt.date(2026, 8, 1)).level) == (0, "run")


def freezes(moment: dt.datetime) -> tuple[int, list[tuple[object, str]]]:
    """How many are made at this moment, and what is frozen of billed cost."""
    made = freeze_forecasts(at=moment)
    rows = Forecast.objects.filter(measure="billed", month=moment.date().replace(day=1))
    return made, [
        (each.forecast_nano and each.forecast_nano // NANO_PER_UNIT, each.reason or each.method)
        for each in rows
    ]


@pytest.mark.both_engines
def test_it_waits_for_the_month_before_and_then_says_what_is_missing() -> None:
    paid_for(make_use_case(), "triage", FIRST)
    bill = spend(every_day(FIRST, dt.date(2026, 4, 20), "100"), "triage")
    assert freezes(on(5)) == (0, [])
    assert freezes(on(5, 2, 23)) == (0, [])
    assert freezes(on(5, 3, 0)) == (2, [(3100, "median-trend-2, 10 days missing")])
    spend(every_day(FIRST, dt.date(2026, 5, 31), "100"), "triage", connection=bill)
    assert freezes(on(6)) == (2, [(3000, "median-trend-2")])
    # Nothing of June has come, and without June there are four months: said, and not 0.
    assert freezes(on(7, 3, 0)) == (2, [(3100, "median-trend-2, 30 days missing")])


def test_without_any_day_of_a_needed_month_there_is_none() -> None:
    paid_for(make_use_case(), "triage", FIRST)
    spend(every_day(FIRST, dt.date(2026, 3, 31), "100"), "triage")
    assert freezes(on(5, 3, 0)) == (2, [(None, "days_not_imported")])


def test_a_source_that_bills_by_the_month_is_not_waited_for() -> None:
    paid_for(make_use_case(), "seats", FIRST)
    spend({dt.date(2026, month, 1): "300" for month in (2, 3, 4)}, "seats")
    assert freezes(on(5)) == (2, [(298, "median-trend-2")])


@sweep_both_engines
def test_a_month_that_is_not_wholly_imported_is_in_no_error(bill: None) -> None:
    for month in (5, 6, 7, 8):
        freeze_forecasts(at=on(month))
    made = [forecast_months(Forecast.objects.all(), today=dt.date(2026, month, 1),
                            measure="billed", now=on(month)) for month in (8, 9)]  # fmt: skip
    assert [each.actual and each.actual // NANO_PER_UNIT for each in made[1]] == [
        310, 300, 310, None,
    ]  # fmt: skip
    assert made[1][-1].why_not == "the month has not been imported to its end"
    assert forecast_errors(made[0]) == forecast_errors(made[1])
    spend({dt.date(2026, 8, 31): "310"}, "triage", make_connection("august"))
    (*_, august) = forecast_months(Forecast.objects.all(), today=dt.date(2026, 9, 1),
                                   measure="billed", now=on(9))  # fmt: skip
    assert august.actual is None  # one of two sources
