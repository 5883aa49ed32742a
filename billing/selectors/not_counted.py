"""What another source counts: in no sum, so it is summed from its lines where somebody asks."""

from __future__ import annotations

import datetime as dt

from billing.choices import UnallocatedReason
from billing.selectors.costs import CostSum, Kind, Surroundings, finish_sums
from billing.selectors.freshness import last_applied_runs
from billing.selectors.line_status import drafts_of_parts
from billing.selectors.lineage import allocations_of, figure_sums
from billing.selectors.references import FigureReference, Scope

NOT_COUNTED_NOTE = "in no total: another source has it and counts"


def is_not_counted(reference: FigureReference) -> bool:
    """Whether the reference asks for what no sum holds."""
    return reference.reason == UnallocatedReason.NOT_COUNTED


def sums_of(scope: Scope, *, now: dt.datetime) -> list[CostSum]:
    """The sums of a figure; of what is not counted from its lines, as no roll-up has it."""
    if not is_not_counted(scope.reference):
        return figure_sums(scope, now=now)
    drafts = {
        ((), Kind(currency, basis)): draft
        for (currency, basis), draft in drafts_of_parts(
            allocations_of(scope), ("charge__currency", "charge__cost_basis")
        ).items()
    }
    return finish_sums(drafts, by=(), around=Surroundings((), last_applied_runs(), now))
