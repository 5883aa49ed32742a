"""How far the costs of use cases are known: up to which day their sources have been imported.

A day without a cost and a day that has not come yet look the same in the roll-ups. What tells them
apart is how far each connection has come: its newest day, and the days that an import stood for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db.models import Max

from billing.forecast.robust import median
from billing.models import MonthlyCost
from billing.selectors.costs import Kind
from portal.choices import ImportKind, RunStatus
from portal.models import ImportRun
from portal.shell.periods import DateRange, Month

_DAY = dt.timedelta(days=1)
# A source that is silent for that long at the end of its months bills by the month.
_LONG_SILENCE = 7

Used = Mapping[tuple[int, Kind], Mapping[Month, Collection[int]]]


@dataclass(frozen=True, slots=True)
class CoveredDays:
    """Of some use cases and kinds, how far each month (UTC) is known.

    Attributes:
        used: by use case and kind, the connections that brought costs, by month.
        newest: by connection, the newest day with a cost of anybody, by month.
        stood_for: by connection, the end (exclusive) of the days that an import covers as a whole.
        ended: connections that are switched off: nothing more will come from them.
    """

    used: Used
    newest: Mapping[int, Mapping[Month, dt.date]]
    stood_for: Mapping[int, dt.date]
    ended: Collection[int]

    def until(self, key: tuple[int, Kind], month: Month) -> dt.date:
        """The day (exclusive) up to which the month is known; its first day when none of it is."""
        ends = [self._end(each, month) for each in self._sources(key, month)]
        return min(ends, default=month.start)

    def days(self, key: tuple[int, Kind], month: Month) -> int:
        """How many days of the month are known, from its first on."""
        return (self.until(key, month) - month.start).days

    def is_whole(self, key: tuple[int, Kind], month: Month) -> bool:
        """Whether every day of the month is known."""
        return self.until(key, month) == month.end

    def _sources(self, key: tuple[int, Kind], month: Month) -> Collection[int]:
        """The connections of the month, and those that brought costs in both months before it.

        Where there is none, those of the newest month before that had any.
        """
        used = self.used.get(key, {})
        steady = set(used.get(month - 1, ())) & set(used.get(month - 2, ()))
        found = set(used.get(month, ())) | steady
        earlier = [each for each in used if each < month]
        return found or (used[max(earlier)] if earlier else ())

    def _end(self, connection: int, month: Month) -> dt.date:
        newest = self.newest.get(connection, {})
        if connection in self.ended or any(each > month for each in newest):
            return month.end
        stood_for = min(self.stood_for.get(connection, month.start), month.end)
        last = newest.get(month)
        if last is None:
            return max(month.start, stood_for)
        if last + _DAY >= month.end or _is_as_usual(newest, month):
            return month.end
        return max(last + _DAY, stood_for)


def _is_as_usual(newest: Mapping[Month, dt.date], month: Month) -> bool:
    """Whether a source has come as far as its months before usually came.

    One that brings a line a month is done on the day of that line; one that brings nothing on a
    last weekend, with the day before it.
    """
    before = {each: day for each, day in newest.items() if each < month}
    if not before:
        return False
    usual = median([(each.end - day).days - 1 for each, day in before.items()])
    if (month.end - newest[month]).days - 1 <= usual:
        return True
    usual_day = median([day.day for day in before.values()])
    return usual >= _LONG_SILENCE and newest[month].day >= usual_day


def covered_days(use_case_ids: Collection[int], window: DateRange) -> CoveredDays:
    """How far the costs of these use cases are known in the months of `window` (UTC).

    Three queries. Sources that the window does not name brought nothing in it.
    """
    used: dict[tuple[int, Kind], dict[Month, set[int]]] = {}
    costs = MonthlyCost.objects.filter(
        use_case_id__in=use_case_ids, day__gte=window.start, day__lt=window.end
    )
    rows = costs.order_by().values_list(
        "use_case_id", "currency", "cost_basis", "day", "connection_id"
    )
    for use_case_id, currency, basis, day, connection in rows.distinct():
        months = used.setdefault((use_case_id, Kind(currency, basis)), {})
        months.setdefault(Month.of(day), set()).add(connection)
    named = connections_of(used)
    newest: dict[int, dict[Month, dt.date]] = {}
    ended = set()
    come = (
        MonthlyCost.objects.filter(connection_id__in=named, day__gte=window.start)
        .order_by()
        .values_list("connection_id", "connection__is_active", "day")
        .annotate(newest=Max("newest_day"))
    )
    for connection, is_active, day, last in come:
        newest.setdefault(connection, {})[Month.of(day)] = last
        if not is_active:
            ended.add(connection)
    return CoveredDays(used, newest, stood_for(named), ended)


def connections_of(used: Used) -> set[int]:
    """Those that brought any of these costs."""
    return {pk for months in used.values() for found in months.values() for pk in found}


def stood_for(
    connections: Collection[int], *, until: dt.datetime | None = None
) -> dict[int, dt.date]:
    """By connection, the end of the days that its applied imports covered as a whole. One query.

    A day that had only just ended when it was fetched does not count: providers bill it later.

    Args:
        until: only imports finished by then.
    """
    runs = ImportRun.objects.filter(
        connection_id__in=connections,
        connection__kind=ImportKind.COSTS,
        status=RunStatus.APPLIED,
        is_dry_run=False,
        window_end__isnull=False,
        finished_at__isnull=False,
    )
    if until is not None:
        runs = runs.filter(finished_at__lte=until)
    found: dict[int, dt.date] = {}
    rows = (
        runs.order_by()
        .values_list("connection_id", "window_end")
        .annotate(finished=Max("finished_at"))
    )
    for connection, end, finished in rows:
        known = min(end, finished.astimezone(dt.UTC).date() - _DAY)
        found[connection] = max(known, found.get(connection, known))
    return found
