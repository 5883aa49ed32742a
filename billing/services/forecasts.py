"""Freezing the forecasts of a month when it begins."""

from __future__ import annotations

import datetime as dt
from itertools import islice

from billing.choices import Measure
from billing.forecast.forecast import METHOD, MOST_MONTHS, forecast_month
from billing.models import Forecast
from billing.selectors.costs import Kind
from billing.selectors.spending import daily_spend, spending_use_cases
from portal.shell.periods import DateRange, Month

# A forecast that is made when part of the month is known is none: later than this it is not made.
FREEZES_FOR = dt.timedelta(days=3)
_AT_ONCE = 50  # use cases in one query: half a year of days each


def freeze_forecasts(*, at: dt.datetime) -> int:
    """Freeze the forecast of the month of `at` (UTC) for every use case that has cost anything.

    Only in the first three days of the month; what is frozen stays as it is, so doing it again
    adds only what is missing. Only costs of days before the month are looked at.

    Returns:
        how many forecasts are new.
    """
    moment = at.astimezone(dt.UTC)
    month = Month.of(moment.date())
    begun = dt.datetime.combine(month.start, dt.time.min, tzinfo=dt.UTC)
    if moment - begun >= FREEZES_FOR:
        return 0
    ids = iter(spending_use_cases())
    made = 0
    while some := list(islice(ids, _AT_ONCE)):
        for measure in Measure.values:
            made += _freeze(some, month, measure, at)
    return made


def _freeze(ids: list[int], month: Month, measure: str, at: dt.datetime) -> int:
    window = DateRange((month - MOST_MONTHS).start, month.start)
    spend = daily_spend(use_case_ids=ids, window=window, measure=measure)
    known = _frozen(ids, month, measure)
    rows = []
    for (pk, kind), days in sorted(spend.items(), key=_place):
        if (pk, kind) in known:
            continue
        found = forecast_month(days.costs, month)
        reason = found.reason
        if measure == Measure.EFFECTIVE and days.unknown:
            reason, found = "effective_cost_not_stated", forecast_month({}, month)
        rows.append(
            Forecast(
                use_case_id=pk, month=month.start, currency=kind.currency, cost_basis=kind.basis,
                measure=measure, forecast_nano=found.nano, lower_nano=found.lower,
                upper_nano=found.upper, reason=reason, daily=list(found.daily),
                ahead=list(found.ahead), history_months=found.months, method=METHOD,
                frozen_at=at,
            )
        )  # fmt: skip
    # Two workers may freeze at once: the first row stands, and no other is written over it.
    Forecast.objects.bulk_create(rows, ignore_conflicts=True)
    return len(_frozen(ids, month, measure)) - len(known)


def _place(item: tuple[tuple[int, Kind], object]) -> tuple[int, str, str]:
    pk, kind = item[0]
    return pk, kind.currency, kind.basis


def _frozen(ids: list[int], month: Month, measure: str) -> set[tuple[int, Kind]]:
    rows = Forecast.objects.filter(use_case_id__in=ids, month=month.start, measure=measure)
    return {
        (pk, Kind(currency, basis))
        for pk, currency, basis in rows.values_list("use_case_id", "currency", "cost_basis")
    }
