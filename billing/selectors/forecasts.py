"""Frozen forecasts beside what came, and how far they were off (metric 18)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from django.db.models import QuerySet

from billing.forecast.forecast import CEILINGS, FEWEST_MONTHS, REASONS, error_share
from billing.models import Forecast
from billing.policies import may_see_costs
from billing.selectors.costs import Kind
from billing.selectors.spending import monthly_spend
from portal.policies import AnyUser
from portal.shell.periods import DateRange, Month

REASON_TEXTS: Mapping[str, str] = {
    **REASONS,
    "effective_cost_not_stated": "some lines state no effective cost",
}


def forecasts_visible_to(user: AnyUser) -> QuerySet[Forecast]:
    """Forecasts are sums, and open like sums to everybody inside."""
    return Forecast.objects.all() if may_see_costs(user) else Forecast.objects.none()


@dataclass(frozen=True, slots=True)
class ForecastMonth:
    """One frozen forecast and what the month cost; `actual` is None until the month is over."""

    forecast: Forecast
    month: Month
    actual: int | None

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
    """

    kind: Kind
    measure: str
    share: Fraction | None
    months: int

    @property
    def level(self) -> str:
        """The strictest ceiling that it keeps: run, walk, crawl; empty when it keeps none."""
        if self.share is None:
            return ""
        kept = [name for ceiling, name in CEILINGS if self.share * 100 <= ceiling]
        return kept[-1] if kept else ""


def forecast_months(
    rows: QuerySet[Forecast], *, today: dt.date, measure: str
) -> list[ForecastMonth]:
    """Forecasts of `measure` with what came; two queries.

    In the order of use case, currency, basis, month.
    """
    found = list(
        rows.filter(measure=measure).order_by("use_case_id", "currency", "cost_basis", "month")
    )
    if not found:
        return []
    current = Month.of(today)
    window = DateRange(min(each.month for each in found), current.end)
    spend = monthly_spend(use_case_ids={each.use_case_id for each in found}, window=window)
    result = []
    for each in found:
        month = Month.of(each.month)
        kind = Kind(each.currency, each.cost_basis)
        got = spend.get((each.use_case_id, kind), {}).get(month)
        nano = 0 if got is None else got.nano(measure)
        result.append(ForecastMonth(each, month, nano if month < current else None))
    return result


def forecast_errors(months: Sequence[ForecastMonth]) -> list[ForecastError]:
    """WAPE for each kind and measure over all these use cases and months.

    At least three months are needed: of the same use case for one, of any for several.
    """
    pairs: dict[tuple[Kind, str], list[tuple[int, int]]] = {}
    seen: dict[tuple[Kind, str], set[Month]] = {}
    for each in months:
        row = each.forecast
        key = (Kind(row.currency, row.cost_basis), row.measure)
        pairs.setdefault(key, [])
        seen.setdefault(key, set())
        if row.forecast_nano is not None and each.actual is not None:
            pairs[key].append((each.actual, row.forecast_nano))
            seen[key].add(each.month)
    return [
        ForecastError(
            kind,
            measure,
            error_share(found) if len(seen[kind, measure]) >= FEWEST_MONTHS else None,
            len(seen[kind, measure]),
        )
        for (kind, measure), found in sorted(
            pairs.items(), key=lambda pair: (pair[0][0].currency, pair[0][0].basis, pair[0][1])
        )
    ]
