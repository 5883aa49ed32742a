"""Where a period will end, by what was spent and the frozen forecast. Arithmetic only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from billing.allocation.split import split_by_weight
from billing.forecast.robust import whole
from portal.shell.periods import DateRange, Month

SHORTEST_RUN = 7  # days after which the pace of a month alone says something


@dataclass(frozen=True, slots=True)
class Pace:
    """One spender at a moment within a period. Nano-units.

    Attributes:
        spent: by month of the period, as far as it has gone.
        covered_until: the day after the newest with a cost; None when the current month has none.
        daily: the frozen forecast of the current month by day; empty when there is none.
        ahead: the frozen forecast of the current month and those after it; empty as well.
        booked: what of `spent` lies on days of the current month that are not covered yet, as a
            seat that is paid for: it says nothing about the pace, and is not expected again.
    """

    spent: Mapping[Month, int]
    covered_until: dt.date | None
    daily: Sequence[int] = ()
    ahead: Sequence[int] = ()
    booked: Mapping[dt.date, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Projection:
    """Where a period ends: `total` in nano-units, and by day what is still expected."""

    total: int
    expected: Mapping[dt.date, int]

    def crosses_on(self, *, spent: int, amount: int) -> dt.date | None:
        """The first day on which `amount` is exceeded; None when it is not, or was before."""
        if spent > amount:
            return None
        so_far = spent
        for day in sorted(self.expected):
            so_far += self.expected[day]
            if so_far > amount:
                return day
        return None


def project(pace: Pace, *, period: DateRange, today: dt.date) -> Projection | None:
    """Add to what was spent what is still to be expected; None when nothing can be said.

    The rest of the current month is its forecast, stretched or shrunk by how the month has gone so
    far: the further the month, the more that counts. Without a forecast it is the pace of the month
    once seven days are covered. Later months are those of the forecast, or the same pace. Of what
    is booked for days to come only the rest is expected.
    """
    month = Month.of(today)
    spent_in_month = pace.spent.get(month, 0) - sum(pace.booked.values())
    if today not in period:
        return Projection(sum(pace.spent.values()), {})
    until = pace.covered_until or month.start
    covered = max(0, min((until - month.start).days, len(month.range)))
    if pace.daily:
        factor = _stretch(pace.daily, covered, spent_in_month)
        rest = [whole(each * factor) for each in pace.daily[covered:]]
        later = list(pace.ahead[1:])
    elif covered >= SHORTEST_RUN:
        rate = max(Fraction(0), Fraction(spent_in_month, covered))
        rest = [whole(rate)] * (len(month.range) - covered)
        later = []
    else:
        return None
    expected = {
        day: max(0, nano - pace.booked.get(day, 0)) for day, nano in _days(month, covered, rest)
    }
    for step, each in enumerate(_months_after(month, period), start=1):
        days = len(each.range)
        if pace.daily:
            nano = later[min(step, len(later)) - 1]
        else:
            nano = whole(Fraction(spent_in_month, covered) * days)
        nano = max(0, nano - pace.spent.get(each, 0))
        expected |= dict(_days(each, 0, split_by_weight(nano, [1] * days)))
    inside = {day: nano for day, nano in expected.items() if day in period}
    return Projection(sum(pace.spent.values()) + sum(inside.values()), inside)


def _stretch(daily: Sequence[int], covered: int, spent: int) -> Fraction:
    """How much more or less than forecast the month costs, weighed by how much of it is known."""
    planned = sum(daily[:covered])
    if not covered or planned <= 0:
        return Fraction(1)
    weight = Fraction(covered, len(daily))
    return max(Fraction(0), weight * Fraction(spent, planned) + (1 - weight))


def _days(month: Month, skipped: int, amounts: Sequence[int]) -> Iterator[tuple[dt.date, int]]:
    for number, nano in enumerate(amounts, start=skipped):
        yield month.start + dt.timedelta(days=number), nano


def _months_after(month: Month, period: DateRange) -> list[Month]:
    return [each for each in period.months() if each.start >= month.end]


def together(projections: Sequence[Projection]) -> Projection:
    """Several spenders of one currency and basis as one."""
    expected: dict[dt.date, int] = {}
    for each in projections:
        for day, nano in each.expected.items():
            expected[day] = expected.get(day, 0) + nano
    return Projection(sum(each.total for each in projections), expected)
