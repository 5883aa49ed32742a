"""What a month will cost, from the months before it. Arithmetic only; whole nano-units.

The method, so that anybody can repeat it: cost a day of each of the last complete months (six at
most, three at least; the first one from its first day with a cost); the median of the slopes
between all pairs of them; the median of what is left as level. The trend is carried on for three
months and then held. Within the month the days get their usual shares: for each day of the month
the median of its weight in those months. The band is 1.645 robust sigmas of a month either side.

Only days whose sources have been imported count: a month is divided by those, and a month with
fewer than seven of them is left out, in its place on the trend.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from billing.allocation.split import split_by_weight
from billing.forecast.robust import median, spread, whole
from portal.shell.periods import DateRange, Month, month_range

METHOD = "median-trend-2"
MOST_MONTHS = 6
FEWEST_MONTHS = 3
AHEAD_MONTHS = 12
TREND_MONTHS = 3
SIGMAS = Fraction(1645, 1000)  # nine months in ten, if errors were normal
FEWEST_DAYS = 7  # of a month that is known in part: fewer are no month
_WEIGHT = 1_000_000
TOO_SHORT = "too_short_history"
NOT_IMPORTED = "days_not_imported"
REASONS = {
    TOO_SHORT: f"fewer than {FEWEST_MONTHS} complete months of history",
    NOT_IMPORTED: f"fewer than {FEWEST_MONTHS} months of its history had been imported",
}
CEILINGS = ((20, "crawl"), (15, "walk"), (12, "run"))  # per cent, FinOps Foundation


@dataclass(frozen=True, slots=True)
class MonthForecast:
    """A forecast in nano-units, or None with the code of a reason.

    Attributes:
        months: months that it rests on.
        missing: days of its history that had not been imported.
        daily: the amount spread over the days of the month; sums to it.
        ahead: the month and the eleven after it.
    """

    months: int
    nano: int | None = None
    lower: int | None = None
    upper: int | None = None
    reason: str = ""
    daily: tuple[int, ...] = ()
    ahead: tuple[int, ...] = ()
    missing: int = 0


@dataclass(frozen=True, slots=True)
class _Past:
    """A month of the history, as far as it is known: days `start` to `end` (exclusive).

    The first month starts on the first day with a cost.
    """

    place: int
    month: Month
    start: dt.date
    end: dt.date

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def missing(self) -> int:
        return (self.month.end - max(self.start, self.end)).days

    @property
    def counts(self) -> bool:
        """Whether enough of it is known. A whole one always counts, however late it began."""
        return not self.missing or self.days >= FEWEST_DAYS


def forecast_month(
    costs: Mapping[dt.date, int], month: Month, *, covered: Mapping[Month, int] | None = None
) -> MonthForecast:
    """Forecast `month` from the days (UTC) before it; later ones are not looked at.

    Args:
        costs: cost by day in nano-units; a covered day without an entry cost nothing.
        covered: by month, how many days from its first on have been imported; those that it does
            not name have all been.
    """
    known = {day: nano for day, nano in costs.items() if day < month.start}
    if not known:
        return MonthForecast(0, reason=TOO_SHORT)
    first = min(known)
    months = month_range(max(Month.of(first), month - MOST_MONTHS), month)
    past = [_past(place, each, first, covered or {}) for place, each in enumerate(months)]
    missing = sum(each.missing for each in past)
    if len(months) < FEWEST_MONTHS:
        return MonthForecast(len(months), reason=TOO_SHORT, missing=missing)
    counted = [each for each in past if each.counts]
    if len(counted) < FEWEST_MONTHS:
        return MonthForecast(len(counted), reason=NOT_IMPORTED, missing=missing)
    rates = {each.place: _rate(known, each) for each in counted}
    slope = median([(b - a) / (j - i) for (i, a), (j, b) in combinations(rates.items(), 2)])
    level = median([rate - slope * place for place, rate in rates.items()])
    ahead = []
    for step in range(AHEAD_MONTHS):
        place = len(months) + min(step, TREND_MONTHS - 1)
        ahead.append(whole(max(Fraction(0), level + slope * place) * len((month + step).range)))
    residuals = [rate - level - slope * place for place, rate in rates.items()]
    half = whole(SIGMAS * spread(residuals) * len(month.range))
    nano = ahead[0]
    return MonthForecast(
        months=len(counted),
        nano=nano,
        lower=max(0, nano - half),
        upper=nano + half,
        daily=tuple(split_by_weight(nano, _weights(known, counted, month))),
        ahead=tuple(ahead),
        missing=missing,
    )


def _past(place: int, month: Month, first: dt.date, covered: Mapping[Month, int]) -> _Past:
    days = covered.get(month, len(month.range))
    return _Past(
        place, month, max(month.start, first), month.start + dt.timedelta(days=max(0, days))
    )


def _rate(costs: Mapping[dt.date, int], past: _Past) -> Fraction:
    """Cost a day of a month, of its days that are known."""
    total = sum(nano for day, nano in costs.items() if past.start <= day < past.end)
    return Fraction(total, past.days)


def _weights(costs: Mapping[dt.date, int], past: Sequence[_Past], month: Month) -> list[int]:
    """For each day of `month` its usual weight, from months that cost something."""
    spans = [DateRange(each.month.start, each.end) for each in past]
    totals = [(span, sum(costs.get(day, 0) for day in span.days())) for span in spans]
    found = []
    for number in range(len(month.range)):
        shares = [
            Fraction(costs.get(span.start + dt.timedelta(days=number), 0) * len(span), total)
            for span, total in totals
            if total > 0 and number < len(span)
        ]
        usual = median(shares) if shares else Fraction(1)
        found.append(max(0, whole(usual * _WEIGHT)))
    return found if any(found) else [1] * len(found)


def error_share(pairs: Sequence[tuple[int, int]]) -> Fraction | None:
    """WAPE of (actual, forecast): the sum of the errors, whatever their sign, over all actual cost.

    None when there is nothing to compare, or nothing was spent: then the share says nothing.
    """
    total = sum(actual for actual, _ in pairs)
    if total <= 0:
        return None
    return Fraction(sum(abs(actual - forecast) for actual, forecast in pairs), total)
