"""What budgets are measured by: costs and frozen forecasts, as they are or as they were."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from django.db.models import Max

from billing.models import Forecast, MonthlyCost
from billing.selectors.costs import CostSum, Group, Kind, cost_sums
from billing.selectors.past_costs import MOST_MONTHS_AS_OF, PastCosts, past_costs
from billing.selectors.references import FigureReference, scope_of
from billing.selectors.spending import daily_spend
from portal.shell.periods import DateRange, Month

SpentMonths = Mapping[tuple[int, Kind], Mapping[Month, CostSum]]
SpentDays = Mapping[tuple[int, Kind], Mapping[dt.date, int]]
Frozen = Mapping[tuple[int, Kind, str], Forecast]
Reach = Mapping[tuple[int, Kind], Mapping[int, dt.date]]


class Spending(Protocol):
    """What use cases spent and were expected to spend, as known at one moment."""

    @property
    def now(self) -> dt.datetime:
        """The moment."""

    @property
    def at(self) -> dt.datetime | None:
        """The same, when it is an earlier one; None is now."""

    @property
    def most_months(self) -> int | None:
        """How long a period may be of which anything is told; None for any length."""

    def months(self, use_case_ids: Collection[int], window: DateRange) -> SpentMonths:
        """By use case and kind, the months of `window` (whole months, UTC)."""

    def days(self, use_case_ids: Collection[int], window: DateRange, *, measure: str) -> SpentDays:
        """By use case and kind, nano-units of the days (UTC) of `window` with a cost."""

    def forecasts(self, use_case_ids: Collection[int], month: Month) -> Frozen:
        """The frozen forecasts of a month that say an amount. One query."""

    def reach(self, use_case_ids: Collection[int], month: Month) -> Reach:
        """By use case and kind, the newest day of a month with a cost, by connection."""


@dataclass(frozen=True, slots=True)
class PresentSpending:
    """What the roll-ups say."""

    now: dt.datetime

    @property
    def at(self) -> dt.datetime | None:
        return None

    @property
    def most_months(self) -> int | None:
        return None

    def months(self, use_case_ids: Collection[int], window: DateRange) -> SpentMonths:
        """See `Spending`. Three queries."""
        rows = MonthlyCost.objects.filter(
            use_case_id__in=use_case_ids, day__gte=window.start, day__lt=window.end
        )
        return _by_month(cost_sums(rows, by=(Group.USE_CASE, Group.MONTH), now=self.now))

    def days(self, use_case_ids: Collection[int], window: DateRange, *, measure: str) -> SpentDays:
        """See `Spending`. One query."""
        found = daily_spend(use_case_ids=use_case_ids, window=window, measure=measure)
        return {key: each.costs for key, each in found.items()}

    def forecasts(self, use_case_ids: Collection[int], month: Month) -> Frozen:
        """See `Spending`."""
        return _frozen(use_case_ids, month, self.now)

    def reach(self, use_case_ids: Collection[int], month: Month) -> Reach:
        """See `Spending`. One query."""
        rows = MonthlyCost.objects.filter(use_case_id__in=use_case_ids, day=month.start).order_by()
        found: dict[tuple[int, Kind], dict[int, dt.date]] = {}
        columns = ("use_case_id", "currency", "cost_basis", "connection_id")
        for pk, currency, basis, connection, newest in rows.values_list(*columns).annotate(
            newest=Max("newest_day")
        ):
            found.setdefault((pk, Kind(currency, basis)), {})[connection] = newest
        return found


@dataclass(slots=True)
class PastSpending:
    """What was recorded at a moment: lines and rules of then, forecasts frozen by then.

    Lines are read once, when they are first asked for: of that window, and of no other currency
    or basis than `kinds` where there is only one.
    """

    now: dt.datetime
    kinds: Collection[Kind] = ()
    most_months: int | None = MOST_MONTHS_AS_OF
    _read: tuple[DateRange, PastCosts] | None = field(default=None, repr=False)

    @property
    def at(self) -> dt.datetime | None:
        return self.now

    def months(self, use_case_ids: Collection[int], window: DateRange) -> SpentMonths:
        """See `Spending`. About a dozen queries.

        Raises:
            TooManyChargesError: more charges than are worked out as of a moment.
        """
        costs = self._costs(window).where(lambda key: key.use_case_id in use_case_ids)
        return _by_month(costs.sums((Group.USE_CASE, Group.MONTH)))

    def days(self, use_case_ids: Collection[int], window: DateRange, *, measure: str) -> SpentDays:
        """See `months`."""
        found: dict[tuple[int, Kind], dict[dt.date, int]] = {}
        for key, cost in self._costs(window).costs.items():
            if key.use_case_id in use_case_ids and key.use_case_id is not None:
                kind = Kind(key.currency, key.cost_basis)
                days = found.setdefault((key.use_case_id, kind), {})
                nano = cost.billed if measure == "billed" else cost.effective
                days[key.day] = days.get(key.day, 0) + nano
        return found

    def forecasts(self, use_case_ids: Collection[int], month: Month) -> Frozen:
        """See `Spending`."""
        return _frozen(use_case_ids, month, self.now)

    def reach(self, use_case_ids: Collection[int], month: Month) -> Reach:
        """See `months`."""
        found: dict[tuple[int, Kind], dict[int, dt.date]] = {}
        for key in self._costs(month.range).costs:
            if key.use_case_id in use_case_ids and key.use_case_id is not None:
                kind = Kind(key.currency, key.cost_basis)
                newest = found.setdefault((key.use_case_id, kind), {})
                newest[key.connection_id] = max(key.day, newest.get(key.connection_id, key.day))
        return found

    def _costs(self, window: DateRange) -> PastCosts:
        known = self._read
        if known is None or not (known[0].start <= window.start and window.end <= known[0].end):
            months = window.months()
            limits = FigureReference(first=months[0], last=months[-1])
            if len({each.currency for each in self.kinds}) == 1:
                limits = limits.with_(currency=next(iter(self.kinds)).currency)
            if len({each.basis for each in self.kinds}) == 1:
                limits = limits.with_(basis=next(iter(self.kinds)).basis)
            known = self._read = (window, past_costs(scope_of(limits, None), self.now))
        return known[1].where(lambda key: key.day in window)


def _by_month(sums: Collection[CostSum]) -> SpentMonths:
    """Sums by use case and month as budgets look them up."""
    found: dict[tuple[int, Kind], dict[Month, CostSum]] = {}
    for each in sums:
        use_case_id, month = each.key
        found.setdefault((use_case_id, each.kind), {})[Month.parse(month)] = each
    return found


def _frozen(use_case_ids: Collection[int], month: Month, at: dt.datetime) -> Frozen:
    """Forecasts frozen by a moment; none is ever changed."""
    rows = Forecast.objects.filter(
        use_case_id__in=use_case_ids,
        month=month.start,
        forecast_nano__isnull=False,
        frozen_at__lte=at,
    )
    return {(each.use_case_id, Kind(each.currency, each.cost_basis), each.measure): each
            for each in rows}  # fmt: skip
