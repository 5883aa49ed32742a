"""What another source counts: in no sum, so it is summed from its lines where somebody asks."""

from __future__ import annotations

import datetime as dt

from django.db.models import Count, Max, Q

from billing.choices import Finality, UnallocatedReason
from billing.selectors.costs import CostSum, Kind
from billing.selectors.lineage import allocations_of, figure_sums
from billing.selectors.references import FigureReference, Scope
from billing.selectors.sums import nano_sums, read_nano

NOT_COUNTED_NOTE = "in no total: another source has it and counts"


def is_not_counted(reference: FigureReference) -> bool:
    """Whether the reference asks for what no sum holds."""
    return reference.reason == UnallocatedReason.NOT_COUNTED


def sums_of(scope: Scope, *, now: dt.datetime) -> list[CostSum]:
    """The sums of a figure; of what is not counted from its lines, as no roll-up has it."""
    if not is_not_counted(scope.reference):
        return figure_sums(scope, now=now)
    rows = (
        allocations_of(scope)
        .order_by()
        .values("charge__currency", "charge__cost_basis")
        .annotate(
            **nano_sums(billed="billed_nano", effective="effective_nano"),
            lines=Count("pk"),
            unknown=Count("pk", filter=Q(effective_nano__isnull=True)),
            newest=Max("day"),
        )
    )
    return [
        CostSum(
            key=(),
            kind=Kind(row["charge__currency"], row["charge__cost_basis"]),
            billed_nano=read_nano(row, "billed"),
            effective_known_nano=read_nano(row, "effective"),
            effective_unknown=row["unknown"],
            lines=row["lines"],
            finality=Finality.PROVISIONAL,
            as_of=None,
            newest_day=row["newest"],
        )
        for row in sorted(
            rows, key=lambda row: (row["charge__currency"], row["charge__cost_basis"])
        )
    ]
