"""What a month will cost, from the months before it. Arithmetic only; whole nano-units.

The method, so that anybody can repeat it: cost a day of each of the last complete months (six at
most, three at least; the first one from its first day with a cost); the median of the slopes
between all pairs of them; the median of what is left as level. The trend is carried on for three
months and then held. Within the month the days get their usual shares: for each day of the month
the median of its weight in those months. The band is 1.645 robust sigmas of a month either side.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from billing.allocation.split import split_by_weight
from billing.forecast.robust import median, spread, whole
from portal.shell.periods import Month, month_range

METHOD = "median-trend-1"
MOST_MONTHS = 6
FEWEST_MONTHS = 3
AHEAD_MONTHS = 12
TREND_MONTHS = 3
SIGMAS = Fraction(1645, 1000)  # nine months in ten, if errors were normal
_WEIGHT = 1_000_000
TOO_SHORT = "too_short_history"
REASONS = {TOO_SHORT: f"fewer than {FEWEST_MONTHS} complete months of history"}
CEILINGS = ((20, "crawl"), (15, "walk"), (12, "run"))  # per cent, FinOps Foundation


@dataclass(frozen=True, slots=True)
class MonthForecast:
    """A forecast in nano-units, or None with the code of a reason.

    Attributes:
        months: complete months that it rests on.
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


def forecast_month(costs: Mapping[dt.date, int], month: Month) -> MonthForecast:
    """Forecast `month` from the days (UTC) before it; later ones are not looked at.

    Args:
        costs: cost by day in nano-units; a day without an entry cost nothing.
    """
    known = {day: nano for day, nano in costs.items() if day < month.start}
    if not known:
        return MonthForecast(0, reason=TOO_SHORT)
    first = min(known)
    months = month_range(max(Month.of(first), month - MOST_MONTHS), month)
    if len(months) < FEWEST_MONTHS:
        return MonthForecast(len(months), reason=TOO_SHORT)
    rates = [_rate(known, each, first) for each in months]
    slope = median([(b - a) / (j - i) for (i, a), (j, b) in combinations(enumerate(rates), 2)])
    level = median([rate - slope * place for place, rate in enumerate(rates)])
    ahead = []
    for step in range(AHEAD_MONTHS):
        place = len(rates) + min(step, TREND_MONTHS - 1)
        ahead.append(whole(max(Fraction(0), level + slope * place) * len((month + step).range)))
    residuals = [rate - level - slope * place for place, rate in enumerate(rates)]
    half = whole(SIGMAS * spread(residuals) * len(month.range))
    nano = ahead[0]
    return MonthForecast(
        months=len(months),
        nano=nano,
        lower=max(0, nano - half),
        upper=nano + half,
        daily=tuple(split_by_weight(nano, _weights(known, months, month))),
        ahead=tuple(ahead),
    )


def _rate(costs: Mapping[dt.date, int], month: Month, first: dt.date) -> Fraction:
    """Cost a day of a month; in the first month, of the days since the first cost."""
    start = max(month.start, first)
    total = sum(nano for day, nano in costs.items() if start <= day < month.end)
    return Fraction(total, (month.end - start).days)


def _weights(costs: Mapping[dt.date, int], months: Sequence[Month], month: Month) -> list[int]:
    """For each day of `month` its usual weight, from months that cost something."""
    totals = {each: sum(costs.get(day, 0) for day in each.range.days()) for each in months}
    found = []
    for number in range(len(month.range)):
        shares = [
            Fraction(costs.get(each.start + dt.timedelta(days=number), 0) * len(each.range), total)
            for each, total in totals.items()
            if total > 0 and number < len(each.range)
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
