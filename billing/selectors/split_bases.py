"""What proportional rules split by: direct cost of a month by use case."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from django.db.models import Q
from django.db.models.functions import Coalesce

from billing.choices import SplitKind
from billing.models import Allocation
from billing.selectors.costs import Kind
from billing.selectors.sums import nano_sums, read_nano
from portal.shell.periods import Month

Direct = Mapping[Kind, Mapping[int, int]]  # currency and basis → use case → nano-units


def direct_costs(month: date) -> Direct:
    """Direct cost of each use case in a month (UTC), in nano-units. One query.

    What rules gave that do not split in proportion themselves: effective cost, or billed where a
    line states none; of every category of charge, credits included.
    """
    bounds = Month.of(month)
    rows = (
        Allocation.objects.filter(
            ~Q(rule__split=SplitKind.PROPORTIONAL),
            use_case__isnull=False,
            charge__day__gte=bounds.start,
            charge__day__lt=bounds.end,
            charge__superseded_at__isnull=True,
        )
        .order_by()
        .values("charge__currency", "charge__cost_basis", "use_case_id")
        .annotate(**nano_sums(direct=Coalesce("effective_nano", "billed_nano")))
    )
    found: dict[Kind, dict[int, int]] = {}
    for row in rows:
        kind = Kind(row["charge__currency"], row["charge__cost_basis"])
        found.setdefault(kind, {})[row["use_case_id"]] = read_nano(row, "direct")
    return found
