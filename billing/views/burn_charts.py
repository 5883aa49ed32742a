"""The drawing of a budget: what was used so far, and what is expected, or was at a moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import accumulate

from billing.choices import BudgetPeriod
from billing.selectors.budgets import Standing, window_text
from billing.views.budget_figures import money_writer
from portal.shell.charts import Chart, Series, line_chart
from portal.shell.money import from_nano
from portal.shell.periods import DateRange, Month

_NOT_YET = "lies ahead"
_PAST = "is past; see what was used"
Steps = Sequence[tuple[dt.date, dt.date]]


def burn_chart(standing: Standing) -> Chart:
    """What was used so far and what is expected, day by day or month by month, with its band.

    Nothing is drawn as used beyond the moment that is looked from. What is booked for later days
    (a seat that is paid for, spread over its months) is expected until then.
    """
    budget, period = standing.budget, standing.period
    booked = _booked(standing)
    today = standing.spending.now.astimezone(dt.UTC).date()
    seen = min(max(booked, default=today), today) if booked else None
    by_month = budget.period != BudgetPeriod.MONTH and len(period.months()) > 1
    steps = _steps(period, by_month=by_month)
    used = _up_to({day: nano for day, nano in booked.items() if day <= today}, steps)
    lines = [
        Series(
            "Used",
            [
                from_nano(nano) if seen is not None and start <= seen else None
                for nano, (start, _) in zip(used, steps, strict=True)
            ],
            reason=_NOT_YET,
        ),
        *_expected(standing, booked, seen, steps),
    ]
    return line_chart(
        title=f"Used and expected, {window_text(period)}",
        description="Cost summed up over the period, what is still expected, and the budget.",
        labels=[Month.of(start).label if by_month else str(start.day) for start, _ in steps],
        unit=f"{budget.currency}, {budget.get_measure_display().lower()}",
        series=lines,
        target=from_nano(budget.amount_nano),
        text=money_writer(budget.currency),
    )


def _booked(standing: Standing) -> dict[dt.date, int]:
    """What is recorded for each day of the period, days ahead included."""
    found: dict[dt.date, int] = {}
    spend = standing.spending.days(
        standing.spenders, standing.period, measure=standing.budget.measure
    )
    for (_, kind), days in spend.items():
        if kind == standing.kind:
            for day, nano in days.items():
                found[day] = found.get(day, 0) + nano
    return found


def _expected(
    standing: Standing, booked: Mapping[dt.date, int], seen: dt.date | None, steps: Steps
) -> list[Series]:
    """From the newest used day on: what is booked or expected, and how far it may be off."""
    if standing.projection is None:
        return []
    still = _up_to(standing.projection.expected, steps)
    known = _up_to(booked, steps)
    is_ahead = [seen is None or end - dt.timedelta(days=1) >= seen for _, end in steps]
    bands = (("Low", -1), ("High", 1)) if standing.band else ()
    return [
        Series(
            name,
            [
                from_nano(sure + nano + round(nano * (standing.band or 0) * factor))
                if ahead
                else None
                for sure, nano, ahead in zip(known, still, is_ahead, strict=True)
            ],
            reason=_PAST,
        )
        for name, factor in (("Expected", 0), *bands)
    ]


def _steps(period: DateRange, *, by_month: bool) -> Steps:
    """The steps of the drawing, half-open."""
    if by_month:
        return [(month.start, month.end) for month in period.months()]
    return [(day, day + dt.timedelta(days=1)) for day in period.days()]


def _up_to(nano: Mapping[dt.date, int], steps: Steps) -> list[int]:
    """Running sums at the end of each step."""
    sums = [sum(v for day, v in nano.items() if start <= day < end) for start, end in steps]
    return list(accumulate(sums))
