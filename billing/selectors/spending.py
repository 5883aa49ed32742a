"""What use cases spent, by day, as plain numbers: for forecasts, budgets and anomalies.

Read from the roll-ups. Sums of one currency, basis and measure; nothing here adds two of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import BigIntegerField, Case, F, Max, QuerySet, Sum, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Greatest

from billing.choices import ChargeCategory
from billing.models import DailyCost, MonthlyCost
from billing.selectors.costs import Kind
from billing.selectors.sums import nano_sums, read_nano
from portal.shell.periods import DateRange

# One-time and tax lines say nothing about what a day usually costs, and what is put right later
# would hide what was used.
NOT_DAILY = (
    ChargeCategory.PURCHASE,
    ChargeCategory.CREDIT,
    ChargeCategory.TAX,
    ChargeCategory.ADJUSTMENT,
)
# Of a sum some lines of which state no effective cost, what is known of it at the least.
_USED = Case(
    When(effective_unknown=0, then=F("effective_nano")),
    When(effective_unknown=F("charges"), then=F("billed_nano")),
    default=Greatest(F("effective_nano"), F("billed_nano")),
    output_field=BigIntegerField(),
)


@dataclass(slots=True)
class DaySpend:
    """One use case in one kind: nano-units by day, and lines without an effective cost by day."""

    costs: dict[dt.date, int] = field(default_factory=dict)
    unknown: dict[dt.date, int] = field(default_factory=dict)


def daily_spend(
    *, use_case_ids: Collection[int], window: DateRange, measure: str
) -> dict[tuple[int, Kind], DaySpend]:
    """By use case and kind, the days (UTC) of `window` with a cost. One query."""
    return _by_day(_of_window(use_case_ids, window), F(f"{measure}_nano"))


def usual_spend(
    *, use_case_ids: Collection[int], window: DateRange
) -> dict[tuple[int, Kind], DaySpend]:
    """What days are judged by: effective cost without purchases, credits, tax and adjustments, and
    billed cost where lines state no effective one. One query.

    What is unknown is never nothing here: it would be the cheapest way past every bound.
    """
    costs = _of_window(use_case_ids, window).exclude(charge_category__in=NOT_DAILY)
    return _by_day(costs, _USED)


def _of_window(use_case_ids: Collection[int], window: DateRange) -> QuerySet[DailyCost]:
    return DailyCost.objects.filter(
        use_case_id__in=use_case_ids, day__gte=window.start, day__lt=window.end
    )


def _by_day(costs: QuerySet[DailyCost], amount: Combinable) -> dict[tuple[int, Kind], DaySpend]:
    rows = (
        costs.order_by()
        .values("use_case_id", "currency", "cost_basis", "day")
        .annotate(**nano_sums(cost=amount), unknown_lines=Sum("effective_unknown"))
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
