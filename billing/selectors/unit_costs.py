"""Cost of a month set against what was held in it, use case by use case: for FinOps tools."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import QuerySet

from adoption.selectors.deliveries import held_delivery_counts
from billing.models import MonthlyCost
from billing.selectors.costs import CostSum, Group, Kind, cost_sums
from billing.selectors.sums import divide_half_even
from billing.selectors.use_cases import UseCaseName, use_case_names
from portal.shell.periods import Month, month_range

NO_DELIVERIES = "no_held_deliveries"
NOT_STATED = "effective_cost_not_stated"


@dataclass(frozen=True, slots=True)
class UnitCost:
    """Of one use case, month (UTC), currency and basis; effective cost in nano-units.

    Attributes:
        held: deliveries that came to hold in the month.
        unit_nano: cost a held delivery, half-even to a nano-unit; None with `reason`.
    """

    use_case: UseCaseName
    month: Month
    kind: Kind
    cost_nano: int | None
    held: int
    unit_nano: int | None
    reason: str
    sum: CostSum


def unit_costs(
    costs: QuerySet[MonthlyCost], *, first: Month, last: Month, now: dt.datetime
) -> Iterator[UnitCost]:
    """Every use case with cost in a month of the window: by month, then use case.

    Four queries, and one for each boundary of a month.
    """
    rows = costs.filter(use_case__isnull=False, day__gte=first.start, day__lt=last.end)
    sums = cost_sums(rows, by=(Group.MONTH, Group.USE_CASE), now=now)
    names = use_case_names(each.key[1] for each in sums)
    held = _held(sorted(names), first, last)
    for each in sums:
        month = Month.parse(each.key[0])
        if name := names.get(each.key[1]):
            yield _unit(each, name, month, held[month].get(name.pk, 0))


def _held(ids: list[int], first: Month, last: Month) -> dict[Month, dict[int, int]]:
    """Deliveries that came to hold in each month: by its end, less those by its start."""
    before = _held_by(ids, first.start)
    found = {}
    for month in month_range(first, last + 1):
        after = _held_by(ids, month.end)
        found[month] = {pk: count - before.get(pk, 0) for pk, count in after.items()}
        before = after
    return found


def _held_by(ids: list[int], day: dt.date) -> dict[int, int]:
    """Held before the start of a day (UTC)."""
    moment = dt.datetime.combine(day, dt.time.min, dt.UTC) - dt.timedelta(microseconds=1)
    return held_delivery_counts(ids, moment)


def _unit(each: CostSum, name: UseCaseName, month: Month, held: int) -> UnitCost:
    cost = each.effective_nano if each.is_complete else None
    unit = divide_half_even(cost, held) if cost is not None and held else None
    reason = NOT_STATED if cost is None else "" if held else NO_DELIVERIES
    return UnitCost(name, month, each.kind, cost, held, unit, reason, each)
