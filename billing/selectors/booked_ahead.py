"""Costs that are booked for days to come, and how far the others have come.

A seat that is paid for costs something on every day to the end of its month. Taken for a sign that
the month is known to its end, it would hide what is still to come of everything else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from billing.forecast.projection import Pace
from billing.models import Budget
from billing.selectors.budget_spending import Spending, SpentMonths
from billing.selectors.costs import Kind
from portal.shell.periods import Month


@dataclass(frozen=True, slots=True)
class BookedAhead:
    """What of the current month lies on days to come.

    They are no sign of how far the other costs have come.

    Attributes:
        until: by use case and kind that has such, the day up to which its costs are covered.
        booked: by measure, what lies on that day and after it.
    """

    until: Mapping[tuple[int, Kind], dt.date] = field(default_factory=dict)
    booked: Mapping[str, Mapping[tuple[int, Kind], Mapping[dt.date, int]]] = field(
        default_factory=dict
    )

    def last_day(self, pk: int, kind: Kind, newest: dt.date, today: dt.date) -> dt.date:
        """The newest day that costs have come for, not beyond today."""
        until = self.until.get((pk, kind))
        if until is None or newest < until:
            return min(newest, today)
        return until - dt.timedelta(days=1)

    def seen(self, pace: Pace, pk: int, budget: Budget) -> Pace:
        """The pace without what is booked ahead."""
        key = pk, Kind(budget.currency, budget.cost_basis)
        if key not in self.until:
            return pace
        booked = self.booked[budget.measure].get(key, {})
        return replace(pace, covered_until=self.until[key], booked=booked)


def booked_ahead(spend: SpentMonths, spending: Spending, measures: Iterable[str]) -> BookedAhead:
    """What of the current month (UTC) lies on days to come. No query where nothing does, else one
    and one a measure.

    Raises:
        TooManyChargesError: as of a moment, there are more than are worked out.
    """
    today = spending.now.astimezone(dt.UTC).date()
    month, tomorrow = Month.of(today), today + dt.timedelta(days=1)
    keys = {
        key
        for key, months in spend.items()
        if month in months and months[month].newest_day >= tomorrow
    }
    if not keys:
        return BookedAhead()
    ids = {pk for pk, _ in keys}
    until = {}
    for key, newest in spending.reach(ids, month).items():
        behind = [day + dt.timedelta(days=1) for day in newest.values() if day < tomorrow]
        if key in keys:
            until[key] = max(behind, default=tomorrow)
    booked = {}
    for measure in measures:
        days = spending.days(ids, month.range, measure=measure)
        booked[measure] = {
            key: {day: nano for day, nano in days.get(key, {}).items() if day >= start}
            for key, start in until.items()
        }
    return BookedAhead(until, booked)
