"""Frozen forecasts beside what came, and how far they were off (metric 18)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from django.db.models import QuerySet

from billing.forecast.forecast import CEILINGS, FEWEST_MONTHS, MOST_MONTHS, REASONS, error_share
from billing.models import Forecast, MonthlyCost
from billing.policies import may_see_costs
from billing.selectors.costs import CostSum, Group, Kind, cost_sums
from billing.selectors.covered_days import CoveredDays, covered_days
from billing.selectors.figures import status_of
from portal.policies import AnyUser
from portal.shell.periods import DateRange, Month
from portal.shell.statuses import FigureStatus

REASON_TEXTS: Mapping[str, str] = {
    **REASONS,
    "effective_cost_not_stated": "some lines state no effective cost",
}

# The order in which the words of sums win (billing/README.md, "Status of a figure").
_FROM_WORST = (
    FigureStatus.STALE, FigureStatus.ESTIMATED, FigureStatus.RESTATED, FigureStatus.PROVISIONAL,
    FigureStatus.FINAL, FigureStatus.CLOSED,
)  # fmt: skip
NOT_OVER = "the month is not over"
NOT_WHOLE = "the month has not been imported to its end"
NO_EFFECTIVE = "no line of the month states an effective cost"


def forecasts_visible_to(user: AnyUser) -> QuerySet[Forecast]:
    """Forecasts are sums, and open like sums to everybody inside."""
    return Forecast.objects.all() if may_see_costs(user) else Forecast.objects.none()


@dataclass(frozen=True, slots=True)
class ForecastMonth:
    """One frozen forecast and what the month cost, in nano-units.

    `actual` is None until the month is over and imported to its end, and `why_not` says so;
    `status` is that of the same sum anywhere else.
    """

    forecast: Forecast
    month: Month
    actual: int | None
    why_not: str = ""
    status: FigureStatus = FigureStatus.PROVISIONAL

    @property
    def missing(self) -> str:
        """What had not been imported when it was frozen: `3 days missing`; empty when nothing."""
        return self.forecast.method.partition(", ")[2]

    @property
    def reason(self) -> str:
        """Why there is no forecast, in words."""
        return REASON_TEXTS.get(self.forecast.reason, self.forecast.reason)


@dataclass(frozen=True, slots=True)
class ForecastError:
    """Metric 18 of one currency, basis and measure: WAPE over complete months.

    Attributes:
        share: the error as a share of what was spent; None with fewer than three months.
        months: complete months with a forecast and a cost.
        status: that of the least settled of these months.
    """

    kind: Kind
    measure: str
    share: Fraction | None
    months: int
    status: FigureStatus = FigureStatus.PROVISIONAL

    @property
    def level(self) -> str:
        """The strictest ceiling that it keeps: run, walk, crawl; empty when it keeps none."""
        if self.share is None:
            return ""
        kept = [name for ceiling, name in CEILINGS if self.share * 100 <= ceiling]
        return kept[-1] if kept else ""


def in_order(rows: QuerySet[Forecast], measure: str) -> list[Forecast]:
    """Those of a measure by use case, currency, basis, month. One query."""
    own = rows.filter(measure=measure)
    return list(own.order_by("use_case_id", "currency", "cost_basis", "month"))


def forecast_months(
    rows: QuerySet[Forecast], *, today: dt.date, measure: str, now: dt.datetime
) -> list[ForecastMonth]:
    """Forecasts of `measure` with what came; seven queries.

    In the order of use case, currency, basis, month.

    Args:
        today: months before that of this day (UTC) are over.
        now: the moment at which the status of what came is known.
    """
    found = in_order(rows, measure)
    if not found:
        return []
    current, ids = Month.of(today), {each.use_case_id for each in found}
    first = Month.of(min(each.month for each in found))
    costs = MonthlyCost.objects.filter(
        use_case_id__in=ids, day__gte=first.start, day__lt=current.end
    )
    sums = {
        (each.key[0], each.kind, Month.parse(each.key[1])): each
        for each in cost_sums(costs, by=(Group.USE_CASE, Group.MONTH), now=now)
    }
    cover = covered_days(ids, DateRange((first - MOST_MONTHS).start, current.end))
    return told_months(found, sums, cover, current=current, now=now)


MonthSums = Mapping[tuple[int, Kind, Month], CostSum]


def told_months(
    found: Sequence[Forecast],
    sums: MonthSums,
    cover: CoveredDays,
    *,
    current: Month,
    now: dt.datetime,
) -> list[ForecastMonth]:
    """Forecasts beside what came, as far as it is known at `now`, in `current`. No query."""
    result = []
    for each in found:
        month, key = Month.of(each.month), (each.use_case_id, Kind(each.currency, each.cost_basis))
        if month >= current:
            result.append(ForecastMonth(each, month, None, NOT_OVER))
        elif not cover.is_whole(key, month):
            result.append(ForecastMonth(each, month, None, NOT_WHOLE))
        else:
            result.append(_came(each, month, sums.get((*key, month)), now))
    return result


def _came(row: Forecast, month: Month, cost: CostSum | None, now: dt.datetime) -> ForecastMonth:
    """What a month that is known to its end cost; without a line it is nothing."""
    if cost is None:
        return ForecastMonth(row, month, 0)
    nano = cost.nano(row.measure)
    return ForecastMonth(
        row, month, nano, NO_EFFECTIVE if nano is None else "", status_of(cost, now=now)
    )


def forecast_errors(months: Sequence[ForecastMonth]) -> list[ForecastError]:
    """WAPE for each kind and measure over all these use cases and months.

    At least three months are needed: of the same use case for one, of any for several.
    """
    pairs: dict[tuple[Kind, str], list[ForecastMonth]] = {}
    for each in months:
        row = each.forecast
        compared = pairs.setdefault((Kind(row.currency, row.cost_basis), row.measure), [])
        if row.forecast_nano is not None and each.actual is not None:
            compared.append(each)
    return [
        _error(kind, measure, found)
        for (kind, measure), found in sorted(
            pairs.items(), key=lambda pair: (pair[0][0].currency, pair[0][0].basis, pair[0][1])
        )
    ]


def _error(kind: Kind, measure: str, found: Sequence[ForecastMonth]) -> ForecastError:
    seen = len({each.month for each in found})
    if seen < FEWEST_MONTHS:
        return ForecastError(kind, measure, None, seen)
    share = error_share([(each.actual or 0, each.forecast.forecast_nano or 0) for each in found])
    worst = min((each.status for each in found), key=_FROM_WORST.index)
    return ForecastError(kind, measure, share, seen, worst)
