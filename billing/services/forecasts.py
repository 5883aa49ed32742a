"""Freezing the forecasts of a month when it begins."""

from __future__ import annotations

import datetime as dt
from itertools import islice

from billing.choices import Measure
from billing.forecast.forecast import (
    METHOD,
    MOST_MONTHS,
    TOO_SHORT,
    MonthForecast,
    forecast_month,
)
from billing.models import Forecast
from billing.selectors.costs import Kind
from billing.selectors.covered_days import covered_days
from billing.selectors.spending import daily_spend, spending_use_cases
from portal.shell.periods import DateRange, Month

# A forecast that is made when part of the month is known is none: later than this it is not made.
FREEZES_FOR = dt.timedelta(days=3)
# So long it waits for the last days of the month before; then it is frozen without them.
WAITS_FOR = dt.timedelta(days=2)
_AT_ONCE = 50  # use cases in one query: half a year of days each


def freeze_forecasts(*, at: dt.datetime) -> int:
    """Freeze the forecast of the month of `at` (UTC) for every use case that has cost anything.

    Only in the first three days of the month; what is frozen stays as it is, so doing it again
    adds only what is missing. Only costs of days before the month are looked at. While the month
    before has not been imported to its end, it waits until the third day; then what is known is
    frozen, and the method says how many days are missing.

    Returns:
        how many forecasts are new.
    """
    moment = at.astimezone(dt.UTC)
    month = Month.of(moment.date())
    begun = dt.datetime.combine(month.start, dt.time.min, tzinfo=dt.UTC)
    if moment - begun >= FREEZES_FOR:
        return 0
    waits = moment - begun < WAITS_FOR
    ids = iter(spending_use_cases())
    made = 0
    while some := list(islice(ids, _AT_ONCE)):
        for measure in Measure.values:
            made += _freeze(some, month, measure, at, waits=waits)
    return made


def _freeze(ids: list[int], month: Month, measure: str, at: dt.datetime, *, waits: bool) -> int:
    window = DateRange((month - MOST_MONTHS).start, month.start)
    cover = covered_days(ids, window)
    spend = daily_spend(use_case_ids=ids, window=window, measure=measure)
    known = _frozen(ids, month, measure)
    rows = []
    for (pk, kind), days in sorted(spend.items(), key=_place):
        if (pk, kind) in known:
            continue
        covered = {each: cover.days((pk, kind), each) for each in window.months()}
        found = forecast_month(days.costs, month, covered=covered)
        if waits and found.reason != TOO_SHORT and not cover.is_whole((pk, kind), month - 1):
            continue  # with too short a history no day that still comes would change anything
        reason, method = found.reason, _method(found)
        if measure == Measure.EFFECTIVE and days.unknown:
            reason, found = "effective_cost_not_stated", forecast_month({}, month)
        rows.append(
            Forecast(
                use_case_id=pk, month=month.start, currency=kind.currency, cost_basis=kind.basis,
                measure=measure, forecast_nano=found.nano, lower_nano=found.lower,
                upper_nano=found.upper, reason=reason, daily=list(found.daily),
                ahead=list(found.ahead), history_months=found.months, method=method,
                frozen_at=at,
            )
        )  # fmt: skip
    # Two workers may freeze at once: the first row stands, and no other is written over it.
    Forecast.objects.bulk_create(rows, ignore_conflicts=True)
    return len(_frozen(ids, month, measure)) - len(known)


def _method(found: MonthForecast) -> str:
    """How it was made, and what was not known then; frozen with it."""
    if not found.missing:
        return METHOD
    return f"{METHOD}, {found.missing} {'day' if found.missing == 1 else 'days'} missing"


def _place(item: tuple[tuple[int, Kind], object]) -> tuple[int, str, str]:
    pk, kind = item[0]
    return pk, kind.currency, kind.basis


def _frozen(ids: list[int], month: Month, measure: str) -> set[tuple[int, Kind]]:
    rows = Forecast.objects.filter(use_case_id__in=ids, month=month.start, measure=measure)
    return {
        (pk, Kind(currency, basis))
        for pk, currency, basis in rows.values_list("use_case_id", "currency", "cost_basis")
    }
