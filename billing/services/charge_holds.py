"""The brakes: what an import may not do without a person looking at it first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Q

from billing.models import ChargeSlice
from billing.services import charge_sql as sql
from billing.sources.config import CostConfig
from portal.imports.staging import StagingTable
from portal.shell.formats import number_text
from portal.shell.money import NANO_PER_UNIT, from_nano
from portal.wording import counted

if TYPE_CHECKING:
    from billing.services.staged_slices import SliceKey, StagedSlice


def hold_reasons(
    *,
    connection_id: int,
    config: Mapping[str, Any],
    slices: Mapping[SliceKey, StagedSlice],
    emptied: Sequence[ChargeSlice],
    bring: Callable[[Collection[int]], None],
) -> list[str]:
    """Every reason to hold, one sentence each; the same facts always give the same sentences.

    `bring` has the rows of slices by number in `stage_charge`.
    """
    # A source's own configuration has more than these.
    shared = {key: config[key] for key in CostConfig.model_fields if key in config}
    bounds = CostConfig.model_validate(shared)
    reasons: list[str] = []
    if emptied:
        days = ", ".join(sorted({str(part.day) for part in emptied})[:5])
        reasons.append(
            f"{counted(len(emptied), 'slice')} that had rows came back empty (days {days}"
            f"{', …' if len(emptied) > 5 else ''})."
        )
    reasons.extend(_currency_changes(slices))
    reasons.extend(_jumps(slices, bounds))
    reasons.extend(_overlaps(connection_id, slices, bring))
    return reasons


def _currency_changes(slices: Mapping[SliceKey, StagedSlice]) -> list[str]:
    changed = sorted(
        {
            (part.stored.currency, part.currency)
            for part in slices.values()
            if part.stored is not None and part.stored.currency != part.currency
        }
    )
    return [f"The currency changes from {old} to {new}." for old, new in changed]


def _jumps(slices: Mapping[SliceKey, StagedSlice], bounds: CostConfig) -> list[str]:
    """Billed sums of the changed days, old against new, by currency."""
    old: dict[str, int] = defaultdict(int)
    new: dict[str, int] = defaultdict(int)
    for part in slices.values():
        if part.stored is not None and part.is_changed:
            old[part.stored.currency] += part.stored.billed_nano
            new[part.currency] += part.billed
    reasons: list[str] = []
    for currency in sorted(old):
        moved = abs(new[currency] - old[currency])
        allowed = max(
            bounds.hold_jump_floor * NANO_PER_UNIT,
            abs(old[currency]) * bounds.hold_jump_percent // 100,
        )
        if moved > allowed:
            reasons.append(
                f"The billed sum of days imported before jumps from "
                f"{number_text(from_nano(old[currency]), None)} to "
                f"{number_text(from_nano(new[currency]), None)} {currency}."
            )
    return reasons


def _overlaps(
    connection_id: int,
    slices: Mapping[SliceKey, StagedSlice],
    bring: Callable[[Collection[int]], None],
) -> list[str]:
    """The same cost lines, live in another connection: one dollar through two channels."""
    changed = {key: part for key, part in slices.items() if part.is_changed}
    if not changed:
        return []
    days = [key[2] for key in changed]
    near = ChargeSlice.objects.filter(day__gte=min(days), day__lte=max(days)).exclude(
        Q(connection_id=connection_id) | Q(rows=0)
    )
    pairs = [
        (changed[key].number, pk)
        for pk, *rest in near.values_list("pk", "billing_account_id", "billing_period_start", "day")
        if (key := (rest[0], rest[1], rest[2])) in changed
    ]
    if not pairs:
        return []
    bring({number for number, _ in pairs})
    elsewhere = StagingTable("elsewhere", {"number": "integer", "slice_id": "bigint"})
    elsewhere.create()
    elsewhere.load(pairs)
    with connection.cursor() as cursor:
        cursor.execute(sql.COUNT_ELSEWHERE)
        found = cursor.fetchall()
    elsewhere.drop()
    return [
        f"{counted(count, 'row is', 'rows are')} already imported through the connection {slug!r}: "
        "the same money would be counted twice."
        for slug, count in found
    ]
