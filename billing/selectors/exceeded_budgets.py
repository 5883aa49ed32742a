"""Since when budgets are exceeded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from billing.selectors.budgets import Standing
from portal.shell.periods import DateRange


def exceeded_since(found: Iterable[Standing]) -> dict[int, dt.date]:
    """By budget, the day (UTC) since which more than its amount is used. A query a measure, none
    when no budget is exceeded.

    A credit may bring a sum below the amount again: what counts is the day after which it stays
    above.
    """
    days: dict[int, dt.date] = {}
    over: dict[str, list[Standing]] = {}
    for each in found:
        if each.is_exceeded:
            over.setdefault(each.budget.measure, []).append(each)
    for measure, standing in over.items():
        spend = standing[0].spending.days(
            {pk for each in standing for pk in each.spenders},
            DateRange(
                min(each.period.start for each in standing),
                max(each.period.end for each in standing),
            ),
            measure=measure,
        )
        for each in standing:
            costs = [spend[key] for pk in each.spenders if (key := (pk, each.kind)) in spend]
            since = _above_since(costs, each.period, each.budget.amount_nano)
            if since is not None:
                days[each.budget.pk] = since
    return days


def _above_since(
    costs: Iterable[Mapping[dt.date, int]], period: DateRange, amount: int
) -> dt.date | None:
    by_day: dict[dt.date, int] = {}
    for each in costs:
        for day, nano in each.items():
            if day in period:
                by_day[day] = by_day.get(day, 0) + nano
    since, total = None, 0
    for day in sorted(by_day):
        total += by_day[day]
        if total <= amount:
            since = None
        elif since is None:
            since = day
    return since
