"""What use cases spent, by day, as plain numbers: for forecasts, budgets and anomalies.

Read from the roll-ups. Sums of one currency, basis and measure; nothing here adds two of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import Max, Sum

from billing.choices import ChargeCategory
from billing.models import DailyCost, MonthlyCost
from billing.selectors.costs import Kind
from billing.selectors.sums import nano_sums, read_nano
from portal.shell.periods import DateRange

# One-time and tax lines say nothing about what a day usually costs.
NOT_DAILY = (ChargeCategory.PURCHASE, ChargeCategory.CREDIT, ChargeCategory.TAX)


@dataclass(slots=True)
class DaySpend:
    """One use case in one kind: nano-units by day, and lines without an effective cost by day."""

    costs: dict[dt.date, int] = field(default_factory=dict)
    unknown: dict[dt.date, int] = field(default_factory=dict)


def daily_spend(
    *, use_case_ids: Collection[int], window: DateRange, measure: str, usual_only: bool = False
) -> dict[tuple[int, Kind], DaySpend]:
    """By use case and kind, the days (UTC) of `window` with a cost. One query.

    Args:
        usual_only: without purchases, credits and tax.
    """
    costs = DailyCost.objects.filter(
        use_case_id__in=use_case_ids, day__gte=window.start, day__lt=window.end
    )
    if usual_only:
        costs = costs.exclude(charge_category__in=NOT_DAILY)
    rows = (
        costs.order_by()
        .values("use_case_id", "currency", "cost_basis", "day")
        .annotate(**nano_sums(cost=f"{measure}_nano"), unknown_lines=Sum("effective_unknown"))
    )
    found: dict[tuple[int, Kind], DaySpend] = {}
    for row in rows:
        key = (row["use_case_id"], Kind(row["currency"], row["cost_basis"]))
        spend = found.setdefault(key, DaySpend())
        spend.costs[row["day"]] = read_nano(row, "cost")
        if row["unknown_lines"]:
            spend.unknown[row["day"]] = row["unknown_lines"]
    return found


def newest_days() -> dict[Kind, dt.date]:
    """By kind, the newest day (UTC) on which anything cost something. One query."""
    rows = MonthlyCost.objects.order_by().values_list("currency", "cost_basis")
    return {
        Kind(currency, basis): newest
        for currency, basis, newest in rows.annotate(newest=Max("newest_day"))
    }


def spending_use_cases() -> list[int]:
    """Ids of the use cases to which anything was ever allocated. One query."""
    rows = MonthlyCost.objects.filter(use_case__isnull=False).order_by("use_case_id")
    return list(rows.values_list("use_case_id", flat=True).distinct())
