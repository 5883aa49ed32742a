"""Use cases that cost money day after day while nothing is delivered for them.

A telltale and no verdict: a pilot may need weeks before its first delivery. But money that is
allocated to a use case where nothing happens makes the others look cheaper (attack A17), and
nobody sees it in any one figure.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from adoption.selectors.delivery_activity import deliveries_claimed_between
from billing.selectors.anomalies import first_days
from billing.selectors.costs import Kind
from billing.selectors.spenders import spenders
from billing.selectors.spending import DaySpend, spending_use_cases, usual_spend
from portal.shell.money import NANO_PER_UNIT
from portal.shell.periods import DateRange

FEWEST_DAYS = 10  # of the window; a single bill is no habit
LEAST_NANO = 100 * NANO_PER_UNIT  # in any currency: below, it is not worth a question


@dataclass(frozen=True, slots=True)
class SilentSpend:
    """What one use case spent in a window without a delivery, of one currency and basis.

    Attributes:
        days: on which it cost anything.
        effective_nano: what it cost in the window, in nano-units of `kind.currency`; purchases,
            credits, tax and adjustments are left out, because they say nothing about what goes on.
            Of lines that state no effective cost it is the billed one.
    """

    use_case_id: int
    title: str
    kind: Kind
    days: int
    effective_nano: int


def spend_without_deliveries(
    *, start: dt.date, end: dt.date, as_of: dt.datetime
) -> list[SilentSpend]:
    """Use cases that cost something on ten days or more, 100 units or more in all, in the days
    (UTC) from `start` up to, not including, `end`, for which nothing was claimed in the same time.

    Left out are use cases whose first cost lies in the window: they have just begun. Rejected
    deliveries do not count; neither do those claimed after `as_of`. Of several currencies or bases
    the one with the most days is told, and the largest of those. Ordered by use case. A fixed
    number of queries.
    """
    ids = spending_use_cases()
    if not ids:
        return []
    midnight = dt.time.min
    delivered = deliveries_claimed_between(
        ids,
        start=dt.datetime.combine(start, midnight, dt.UTC),
        end=min(dt.datetime.combine(end, midnight, dt.UTC), as_of),
    )
    silent = [pk for pk in ids if not delivered.get(pk)]
    spend = usual_spend(use_case_ids=silent, window=DateRange(start, end))
    begun = {key for key, day in first_days(silent).items() if day < start}
    titles = {pk: each.title for pk, each in spenders(silent).items()}
    found = list(_long_enough(spend, begun, titles))
    largest = sorted(found, key=lambda each: (each.days, each.effective_nano))
    return sorted({each.use_case_id: each for each in largest}.values(), key=_place)


def _long_enough(
    spend: dict[tuple[int, Kind], DaySpend],
    begun: set[tuple[int, Kind]],
    titles: dict[int, str],
) -> Iterator[SilentSpend]:
    for (pk, kind), each in spend.items():
        if (pk, kind) not in begun:
            continue
        days = sum(cost > 0 for cost in each.costs.values())
        total = sum(each.costs.values())
        if days >= FEWEST_DAYS and total >= LEAST_NANO:
            yield SilentSpend(pk, titles[pk], kind, days, total)


def _place(each: SilentSpend) -> int:
    return each.use_case_id
