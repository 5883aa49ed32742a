"""Sums as they were recorded at an earlier moment, in the shape that the roll-ups give for now.

The roll-ups know only now. Here the charges of the moment are allocated by the rules of the moment,
exactly as `as_of.py` does for one figure, and gathered by the attributes of a daily cost: so every
page and every answer that sums daily or monthly costs can say what it said then. It reads lines
and not sums, so it is bounded: in months, and in charges.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from billing.choices import UnallocatedReason
from billing.selectors.as_of import PastPart, parts_of_charges, past_charges
from billing.selectors.costs import (
    CostSum,
    Group,
    Kind,
    SumDraft,
    Surroundings,
    finish_sums,
)
from billing.selectors.past_status import PastBook, PastDimension
from billing.selectors.references import Scope
from billing.selectors.trials import connection_slugs
from billing.selectors.use_cases import teams_of_use_cases
from portal.shell.periods import Month

MOST_MONTHS_AS_OF = 12
MOST_CHARGES_AS_OF = 100_000


class TooManyMonthsError(ValueError):
    """More months than are worked out as of a moment; the message says how many may be."""


class CostKey(NamedTuple):
    """What one daily cost is of, named as its columns."""

    day: dt.date
    use_case_id: int | None
    connection_id: int
    provider: str
    service_name: str
    model: str
    cost_center: str
    charge_category: str
    currency: str
    cost_basis: str
    unallocated_reason: str


@dataclass(frozen=True, slots=True)
class PastCosts:
    """Daily costs as they were at a moment.

    Attributes:
        costs: by what each is of.
        teams: slug of the team that owns a use case now, as the roll-ups have it.
        connections: slug of each source.
    """

    costs: Mapping[CostKey, SumDraft]
    around: Surroundings
    teams: Mapping[int, str]
    connections: Mapping[int, str]

    def where(self, is_wanted: Callable[[CostKey], bool]) -> PastCosts:
        """Only some of them."""
        return replace(
            self, costs={key: cost for key, cost in self.costs.items() if is_wanted(key)}
        )

    def unallocated(self) -> PastCosts:
        """Only what no use case bore."""
        return self.where(lambda key: key.use_case_id is None)

    def sums(self, by: Sequence[Group] = ()) -> list[CostSum]:
        """As `costs.cost_sums` tells them of now, in the same order."""
        drafts: dict[tuple[tuple[Any, ...], Kind], SumDraft] = {}
        for key, cost in self.costs.items():
            group = tuple(self._value(each, key) for each in by)
            kind = Kind(key.currency, key.cost_basis)
            drafts.setdefault((group, kind), SumDraft()).absorb(cost)
        return finish_sums(drafts, by=by, around=self.around)

    def _value(self, group: Group, key: CostKey) -> Any:
        if group == Group.MONTH:
            return str(Month.of(key.day))
        if group == Group.TEAM:
            return self.teams.get(key.use_case_id) if key.use_case_id else None
        if group == Group.CONNECTION:
            return self.connections[key.connection_id]
        columns = {Group.SERVICE: "service_name", Group.USE_CASE: "use_case_id",
                   Group.REASON: "unallocated_reason"}  # fmt: skip
        return getattr(key, columns.get(group, str(group)))


def check_months(first: Month | None, last: Month | None) -> None:
    """Refuse a window that is open or longer than is worked out as of a moment.

    Raises:
        TooManyMonthsError: it is.
    """
    if first is None or last is None or first.months_until(last) >= MOST_MONTHS_AS_OF:
        raise TooManyMonthsError(
            f"As of a moment, at most {MOST_MONTHS_AS_OF} months are worked out at a time, because "
            "every line of them is read: give the first and the last month."
        )


def past_costs(
    scope: Scope,
    at: dt.datetime,
    *,
    start: dt.date | None = None,
    end: dt.date | None = None,
) -> PastCosts:
    """The daily costs of `scope` as they were recorded at `at`. About a dozen queries.

    Args:
        start, end: only days from `start` up to, not including, `end`.

    Raises:
        TooManyChargesError: there are more than `MOST_CHARGES_AS_OF` to go through.
    """
    charges = past_charges(scope, at, most=MOST_CHARGES_AS_OF, start=start, end=end)
    book = PastBook.of(charges, at)
    costs: dict[CostKey, SumDraft] = {}
    parts, _ = parts_of_charges(scope, charges, at)
    for found in _counted(parts):
        key = _key(found, book.dimensions[found.charge.line.dimension_id])
        book.enter(found.charge, found.part, into=costs.setdefault(key, SumDraft()))
    return PastCosts(
        costs=costs,
        around=book.around,
        teams=teams_of_use_cases({key.use_case_id for key in costs}),
        connections=connection_slugs(),
    )


def _counted(parts: Iterator[PastPart]) -> Iterator[PastPart]:
    """What another source counts is in no sum, asked for or not: as in the roll-ups."""
    return (each for each in parts if each.part.reason != UnallocatedReason.NOT_COUNTED)


def _key(found: PastPart, dimension: PastDimension) -> CostKey:
    line = found.charge.line
    return CostKey(
        line.day,
        found.part.use_case_id,
        line.connection_id,
        *dimension[:5],
        found.charge.currency,
        found.charge.basis,
        found.part.reason,
    )
