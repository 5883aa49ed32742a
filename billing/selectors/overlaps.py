"""The same money through two sources: what has been said about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from django.db.models import F, QuerySet

from billing.choices import UnallocatedReason
from billing.models import Allocation, Charge, DailyCost, MonthlyCost, SpendOverlap
from billing.policies import may_see_costs
from billing.selectors.costs import (
    CostSum,
    Kind,
    SumDraft,
    Surroundings,
    drafts_of,
    finish_sums,
    withdrawn_months,
)
from billing.selectors.figures import status_of
from billing.selectors.freshness import last_applied_runs
from billing.selectors.line_status import drafts_of_parts
from billing.selectors.sums import nano_sums, read_nano
from billing.selectors.suspicions import same_provider_name
from portal.policies import AnyUser
from portal.shell.periods import Month
from portal.shell.statuses import FigureStatus


def overlaps_visible_to(user: AnyUser) -> QuerySet[SpendOverlap]:
    """What has been said: open to whoever may see costs, as rules are."""
    return SpendOverlap.objects.all() if may_see_costs(user) else SpendOverlap.objects.none()


def overlap_for_page(user: AnyUser, pk: int) -> SpendOverlap | None:
    """One of them, or None."""
    return overlaps_visible_to(user).select_related("counted", "other").filter(pk=pk).first()


class _Place(NamedTuple):
    """Where money stands."""

    connection_id: int
    provider: str
    kind: Kind
    month: dt.date


@dataclass(slots=True)
class Both:
    """What both sources bring in the months of an overlap, of one kind, in nano-units with their
    statuses; None when a source has nothing of the kind."""

    kind: Kind
    counted_nano: int | None = None
    other_nano: int | None = None
    counted_status: FigureStatus | None = None
    other_status: FigureStatus | None = None


def sums_of_overlaps(
    overlaps: Sequence[SpendOverlap], *, now: dt.datetime
) -> dict[int, list[Both]]:
    """What both sources bring, by overlap and kind. Seven queries.

    Whether it counts or not: this is the one place where what is not counted is shown.
    """
    counted = _counted()
    excluded = _not_counted()
    around = Surroundings(withdrawn_months(), last_applied_runs(), now)
    found: dict[int, list[Both]] = {}
    for each in overlaps:
        first = _sums(counted, each, each.counted_id, around)
        second = _sums(excluded if each.is_excluded else counted, each, each.other_id, around)
        kinds = sorted({*first, *second}, key=lambda kind: (kind.currency, kind.basis))
        found[each.pk] = [_both(kind, first.get(kind), second.get(kind), now) for kind in kinds]
    return found


def _both(kind: Kind, first: CostSum | None, second: CostSum | None, now: dt.datetime) -> Both:
    return Both(
        kind,
        first.billed_nano if first else None,
        second.billed_nano if second else None,
        status_of(first, now=now) if first else None,
        status_of(second, now=now) if second else None,
    )


def _sums(
    places: Mapping[_Place, SumDraft],
    overlap: SpendOverlap,
    connection_id: int,
    around: Surroundings,
) -> dict[Kind, CostSum]:
    wanted = same_provider_name(overlap.provider)
    drafts: dict[tuple[tuple[Any, ...], Kind], SumDraft] = {}
    for place, draft in places.items():
        if place.connection_id != connection_id or not _is_in(place.month, overlap):
            continue
        if wanted and same_provider_name(place.provider) != wanted:
            continue
        drafts.setdefault(((), place.kind), SumDraft()).absorb(draft)
    withdrawn = {each for each in around.withdrawn if _is_in(Month.parse(each[1]).start, overlap)}
    sums = finish_sums(drafts, by=(), around=replace(around, withdrawn=withdrawn))
    return {each.kind: each for each in sums}


def _is_in(month: dt.date, overlap: SpendOverlap) -> bool:
    return overlap.starts_on <= month and (overlap.ends_on is None or month < overlap.ends_on)


def _counted() -> dict[_Place, SumDraft]:
    columns = {
        "by_connection": F("connection_id"), "by_provider": F("provider"), "by_month": F("day"),
    }  # fmt: skip
    return {
        _Place(connection_id, provider, kind, month): draft
        for ((connection_id, provider, month), kind), draft in drafts_of(
            MonthlyCost.objects.all(), columns
        ).items()
    }


def _not_counted() -> dict[_Place, SumDraft]:
    parts = Allocation.objects.filter(
        use_case__isnull=True,
        unallocated_reason=UnallocatedReason.NOT_COUNTED,
        charge__superseded_at__isnull=True,
    )
    columns = (
        "charge__slice__connection_id",
        "charge__dimension__provider",
        "charge__currency",
        "charge__cost_basis",
        "day",
    )
    found: dict[_Place, SumDraft] = {}
    for key, draft in drafts_of_parts(parts, columns).items():
        connection_id, provider, currency, basis, day = key
        place = _Place(connection_id, provider, Kind(currency, basis), day.replace(day=1))
        found.setdefault(place, SumDraft()).absorb(draft)
    return found


def bases_of(connection_id: int, *, provider: str, start: dt.date, end: dt.date | None) -> set[str]:
    """The bases of what a source brings on some days (UTC) and counts. One query."""
    rows = DailyCost.objects.filter(connection_id=connection_id, day__gte=start)
    if end is not None:
        rows = rows.filter(day__lt=end)
    if provider:
        rows = rows.filter(provider=provider)
    return set(rows.order_by().values_list("cost_basis", flat=True).distinct())


def sums_in_months(
    connection_id: int, *, provider: str, months: Collection[Month]
) -> dict[Month, dict[Kind, int]]:
    """What a source has billed in some months (UTC), whether it counts or not, in nano-units.

    From its live lines, because roll-ups hold only what counts. One query.
    """
    if not months:
        return {}
    lines = Charge.objects.filter(
        slice__connection_id=connection_id,
        day__gte=min(months).start,
        day__lt=max(months).end,
        superseded_at__isnull=True,
    )
    if provider:
        lines = lines.filter(dimension__provider=provider)
    rows = (
        lines.order_by()
        .values("currency", "cost_basis", "day")
        .annotate(**nano_sums(billed="billed_nano"))
    )
    found: dict[Month, dict[Kind, int]] = {month: {} for month in months}
    for row in rows:
        kinds = found.get(Month.of(row["day"]))
        if kinds is not None:
            kind = Kind(row["currency"], row["cost_basis"])
            kinds[kind] = kinds.get(kind, 0) + read_nano(row, "billed")
    return found
