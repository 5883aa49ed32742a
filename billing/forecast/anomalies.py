"""Is a day of one use case dearer than it should be? Arithmetic only; whole nano-units.

Expected is the median of the same weekday in the last twelve weeks (of all days while there are
fewer than four of that weekday). The upper bound lies 3.5 robust sigmas above it, and at least a
tenth: a flat history has no spread, and a cent more is no finding. Only the upper bound finds
anything; a cheap day is no anomaly. Until there are 14 days of history it is learning, and only an
absolute cap finds anything.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from billing.forecast.robust import median, spread, whole
from portal.shell.money import NANO_PER_UNIT

METHOD = "weekday-median-1"
HISTORY_DAYS = 84
SHORTEST_HISTORY = 14
SAME_WEEKDAYS = 4  # fewer of them are no pattern
SIGMAS = Fraction(35, 10)  # after Iglewicz and Hoaglin
LEAST_ALLOWANCE = Fraction(1, 10)  # of what is expected


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when somebody is told, in nano-units; `share` in millionths of the month's budget.

    Detection does not depend on `absolute` and `share`; `learning_cap` bounds days without history.
    """

    learning_cap: int = 500 * NANO_PER_UNIT
    absolute: int = 50 * NANO_PER_UNIT
    share: int = 50_000


DEFAULT_THRESHOLDS = Thresholds()


@dataclass(frozen=True, slots=True)
class Judged:
    """A day as judged. `expected` and `lower` are None while it is learning."""

    actual: int
    expected: int | None
    lower: int | None
    upper: int
    is_anomaly: bool
    history: int

    @property
    def is_learning(self) -> bool:
        return self.expected is None


@dataclass(frozen=True, slots=True)
class Impact:
    """What an anomaly cost beyond what was expected: nano-units, and as a share of it.

    `share` is None when nothing was expected: there is nothing to be a share of.
    """

    nano: int
    share: Fraction | None


def impact_of(*, actual: int, expected: int) -> Impact:
    """Actual minus expected."""
    over = actual - expected
    return Impact(over, Fraction(over, expected) if expected else None)


def judge(
    costs: Mapping[dt.date, int], day: dt.date, *, first: dt.date, learning_cap: int
) -> Judged:
    """Judge one day against the days before it.

    Args:
        costs: effective cost by day (UTC), in nano-units; a day without an entry cost nothing.
        first: the first day on which the use case cost anything: history begins there.
        learning_cap: the upper bound while there is too little history.
    """
    actual = costs.get(day, 0)
    start = max(first, day - dt.timedelta(days=HISTORY_DAYS))
    days = [start + dt.timedelta(days=offset) for offset in range((day - start).days)]
    if len(days) < SHORTEST_HISTORY:
        return Judged(actual, None, None, learning_cap, actual > learning_cap, len(days))
    expected_on = _expectations({each: costs.get(each, 0) for each in days})
    deviations = [costs.get(each, 0) - expected_on[each.weekday()] for each in days]
    expected = expected_on[day.weekday()]
    allowance = max(SIGMAS * spread(deviations), LEAST_ALLOWANCE * abs(expected))
    upper = whole(expected + allowance)
    return Judged(
        actual=actual,
        expected=whole(expected),
        lower=max(0, whole(expected - allowance)),
        upper=upper,
        is_anomaly=actual > upper,
        history=len(days),
    )


def _expectations(history: Mapping[dt.date, int]) -> dict[int, Fraction]:
    """By weekday, what such a day usually costs."""
    by_weekday: dict[int, list[int]] = {weekday: [] for weekday in range(7)}
    for day, nano in history.items():
        by_weekday[day.weekday()].append(nano)
    overall = median(list(history.values()))
    return {
        weekday: median(values) if len(values) >= SAME_WEEKDAYS else overall
        for weekday, values in by_weekday.items()
    }


def is_told(impact_nano: int, *, thresholds: Thresholds, month_budget: int | None) -> bool:
    """The second stage: whether an anomaly is large enough to be told to people.

    At least the larger of the absolute threshold and the share of the month's budget, where there
    is one.
    """
    of_budget = 0 if month_budget is None else month_budget * thresholds.share // 1_000_000
    return impact_nano >= max(thresholds.absolute, of_budget)
