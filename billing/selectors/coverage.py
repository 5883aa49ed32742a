"""Allocation coverage: how much of the effective cost has found its use case (metric 20)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet

from billing.choices import UnallocatedReason
from billing.models import DailyCost, MonthlyCost
from billing.selectors.costs import CostSum, Group, Kind, cost_sums
from portal.shell.figures import share_of

NO_SHARE = "credits outweigh charges: a share says nothing"
NOT_STATED = "no line states an effective cost"


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of one currency and basis; effective cost in nano-units, of the lines that state one.

    Attributes:
        total_nano: everything; `allocated_nano`, `unused_nano` and the rest sum to it.
        allocated_nano: with a use case.
        unused_nano: commitments that nobody used, which stay with their owner.
        unknown: lines that state no effective cost, in none of these sums.
        lines: all of them.
    """

    kind: Kind
    total_nano: int
    allocated_nano: int
    unused_nano: int
    unknown: int
    lines: int

    @property
    def share(self) -> Decimal | None:
        """Allocated of total; None with the reason `why_not`."""
        return None if self.why_not else share_of(self.allocated_nano, self.total_nano)

    @property
    def unused_share(self) -> Decimal | None:
        """Unused commitment of total."""
        return None if self.why_not else share_of(self.unused_nano, self.total_nano)

    @property
    def why_not(self) -> str:
        """Why there is no share; empty when there is one."""
        if self.unknown == self.lines:
            return NOT_STATED
        parts = (self.allocated_nano, self.unused_nano)
        if self.total_nano <= 0 or any(not 0 <= part <= self.total_nano for part in parts):
            return NO_SHARE
        return ""


def allocation_coverage(
    rows: QuerySet[DailyCost] | QuerySet[MonthlyCost], *, now: dt.datetime
) -> list[Coverage]:
    """One for each currency and basis of these roll-ups, whatever their window."""
    rest = cost_sums(rows.filter(use_case__isnull=True), by=(Group.REASON,), now=now)
    return coverage_of(cost_sums(rows, now=now), rest)


def coverage_of(whole: Iterable[CostSum], rest: Iterable[CostSum]) -> list[Coverage]:
    """The same from sums: of everything, and of what is unallocated, by reason first."""
    unallocated: dict[Kind, int] = {}
    unused: dict[Kind, int] = {}
    for each in rest:
        known = each.effective_known_nano
        unallocated[each.kind] = unallocated.get(each.kind, 0) + known
        if each.key[0] == UnallocatedReason.UNUSED_COMMITMENT:
            unused[each.kind] = unused.get(each.kind, 0) + known
    return [
        Coverage(
            kind=each.kind,
            total_nano=each.effective_known_nano,
            allocated_nano=each.effective_known_nano - unallocated.get(each.kind, 0),
            unused_nano=unused.get(each.kind, 0),
            unknown=each.effective_unknown,
            lines=each.lines,
        )
        for each in whole
    ]
