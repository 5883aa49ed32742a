"""The cost of one use case as its page shows it: by month, by service, and what is missing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.core.cache import cache
from django.db.models import Q

from billing.models import MonthlyCost
from billing.selectors.costs import CostSum, Group, Kind, cost_sums, merge_sums
from billing.selectors.sums import newest_write, read_nano, roll_up_sums
from portal.shell.periods import Month, month_range

SHOWN_MONTHS = 12
_CACHE_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class ServiceTotal:
    """All money of one service in a window, in nano-units of one kind."""

    billed_nano: int = 0
    unallocated_nano: int = 0


@dataclass(frozen=True, slots=True)
class KindOfCost:
    """The cost of a use case in one currency and basis.

    Attributes:
        total: everything to date.
        months: the last months that have any, oldest first; None where a month has no line.
        services: provider and service over those months, largest first.
        services_total: all money of those services in those months, whoever bears it.
    """

    kind: Kind
    total: CostSum
    months: list[tuple[Month, CostSum | None]]
    services: list[CostSum]
    services_total: ServiceTotal

    @property
    def window(self) -> tuple[Month, Month]:
        return self.months[0][0], self.months[-1][0]


def use_case_costs(*, use_case_id: int, now: dt.datetime) -> list[KindOfCost]:
    """One entry for each currency and basis; empty when nothing has been allocated.

    A constant number of queries.
    """
    rows = MonthlyCost.objects.filter(use_case_id=use_case_id)
    sums = cost_sums(rows, by=(Group.MONTH, Group.PROVIDER, Group.SERVICE), now=now)
    found: list[KindOfCost] = []
    for total in merge_sums(sums, keep=()):
        of_kind = [each for each in sums if each.kind == total.kind]
        months = _months(merge_sums(of_kind, keep=(0,)))
        first, last = months[0][0], months[-1][0]
        shown = [each for each in of_kind if each.key[0] >= str(first)]
        services = sorted(merge_sums(shown, keep=(1, 2)), key=lambda each: -abs(each.billed_nano))
        found.append(
            KindOfCost(
                kind=total.kind,
                total=total,
                months=months,
                services=services,
                services_total=_sum_of_services(services, total.kind, first, last),
            )
        )
    return found


def _months(sums: Sequence[CostSum]) -> list[tuple[Month, CostSum | None]]:
    by_month = {Month.parse(each.key[0]): each for each in sums}
    last = max(by_month)
    first = max(min(by_month), last - (SHOWN_MONTHS - 1))
    return [(month, by_month.get(month)) for month in month_range(first, last + 1)]


def _sum_of_services(
    services: Sequence[CostSum], kind: Kind, first: Month, last: Month
) -> ServiceTotal:
    totals = service_totals(first, last)
    wanted = [
        totals.get((each.key[0], each.key[1], kind.currency, kind.basis), ServiceTotal())
        for each in services
    ]
    return ServiceTotal(
        sum(each.billed_nano for each in wanted), sum(each.unallocated_nano for each in wanted)
    )


def service_totals(first: Month, last: Month) -> dict[tuple[str, str, str, str], ServiceTotal]:
    """All money by provider, service, currency and basis in these months (both included).

    Reads every monthly cost of the window, so it is kept until one of them is written again: their
    numbers only ever grow.
    """
    newest = newest_write()
    key = f"billing:service-totals:{newest}:{first}:{last}"
    found: dict[tuple[str, str, str, str], ServiceTotal] | None = cache.get(key)
    if found is None:
        found = _service_totals(first, last)
        cache.set(key, found, _CACHE_SECONDS)
    return found


def _service_totals(first: Month, last: Month) -> dict[tuple[str, str, str, str], ServiceTotal]:
    names = ("provider", "service_name", "currency", "cost_basis")
    window = MonthlyCost.objects.filter(day__gte=first.start, day__lt=last.end).order_by()
    everything = window.values(*names).annotate(**roll_up_sums(MonthlyCost))
    without = window.filter(Q(use_case__isnull=True)).values(*names)
    unallocated = {
        tuple(row[name] for name in names): read_nano(row, "billed")
        for row in without.annotate(**roll_up_sums(MonthlyCost))
    }
    found: dict[tuple[str, str, str, str], ServiceTotal] = {}
    for row in everything:
        place = (row["provider"], row["service_name"], row["currency"], row["cost_basis"])
        found[place] = ServiceTotal(read_nano(row, "billed"), unallocated.get(place, 0))
    return found
