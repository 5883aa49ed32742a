"""Frozen forecasts beside what had come by an earlier moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from django.db.models import QuerySet

from billing.forecast.forecast import MOST_MONTHS
from billing.models import Forecast
from billing.selectors.costs import Group, Kind
from billing.selectors.covered_days import CoveredDays, connections_of, stood_for
from billing.selectors.forecasts import ForecastMonth, in_order, told_months
from billing.selectors.past_costs import CostKey, PastCosts, past_costs
from billing.selectors.references import FigureReference, scope_of
from portal.models import Connection
from portal.selectors.past_rows import column_at
from portal.shell.periods import Month


def past_forecast_months(
    rows: QuerySet[Forecast], *, measure: str, at: dt.datetime
) -> list[ForecastMonth]:
    """What `forecast_months` said at `at`. About twenty queries.

    Every line is read from half a year before the first of these months on: what a source usually
    brought says whether a month is whole.

    Raises:
        TooManyChargesError: more charges than are worked out as of a moment.
    """
    found = in_order(rows.filter(frozen_at__lte=at), measure)
    current = Month.of(at.astimezone(dt.UTC).date())
    if not found:
        return []
    first = Month.of(min(each.month for each in found))
    costs = _costs(first - MOST_MONTHS, at)
    own = costs.where(lambda key: first.start <= key.day < current.end)
    sums = {
        (each.key[0], each.kind, Month.parse(each.key[1])): each
        for each in own.sums((Group.USE_CASE, Group.MONTH))
    }
    cover = past_covered_days(costs, {each.use_case_id for each in found}, current, at)
    return told_months(found, sums, cover, current=current, now=at)


def _costs(first: Month, at: dt.datetime) -> PastCosts:
    """Everything that had been recorded from a month on, also of days to come: what a source has
    billed ahead says that it has come as far."""
    return past_costs(scope_of(FigureReference(first=first), None), at)


def past_covered_days(
    costs: PastCosts, use_case_ids: Collection[int], current: Month, at: dt.datetime
) -> CoveredDays:
    """What `covered_days` said at `at` of the months up to `current` (UTC). Three queries."""
    used: dict[tuple[int, Kind], dict[Month, set[int]]] = {}
    newest: dict[int, dict[Month, dt.date]] = {}
    for key in costs.costs:
        month = Month.of(key.day)
        days = newest.setdefault(key.connection_id, {})
        days[month] = max(key.day, days.get(month, key.day))
        if _is_of(key, use_case_ids) and month <= current and key.use_case_id is not None:
            months = used.setdefault((key.use_case_id, Kind(key.currency, key.cost_basis)), {})
            months.setdefault(month, set()).add(key.connection_id)
    named = connections_of(used)
    own = {pk: days for pk, days in newest.items() if pk in named}
    return CoveredDays(used, own, stood_for(named, until=at), _ended(named, at))


def _is_of(key: CostKey, use_case_ids: Collection[int]) -> bool:
    return key.use_case_id in use_case_ids


def _ended(connections: Collection[int], at: dt.datetime) -> set[int]:
    """Those of the connections that were switched off."""
    was_active = column_at(Connection, "is_active", at)
    rows = Connection.objects.filter(pk__in=connections).values_list("pk", "is_active")
    return {pk for pk, is_active in rows if not was_active.get(pk, is_active)}
