"""The same money through two sources: what has been said about it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import QuerySet

from billing.choices import UnallocatedReason
from billing.models import Allocation, Charge, DailyCost, MonthlyCost, SpendOverlap
from billing.policies import may_see_costs
from billing.selectors.costs import Kind
from billing.selectors.sums import nano_sums, read_nano, roll_up_sums
from billing.selectors.suspicions import same_provider_name
from portal.policies import AnyUser
from portal.shell.periods import Month


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
    """What both sources bring in the months of an overlap, of one kind, in nano-units; None when a
    source has nothing of the kind."""

    kind: Kind
    counted_nano: int | None = None
    other_nano: int | None = None


def sums_of_overlaps(overlaps: Sequence[SpendOverlap]) -> dict[int, list[Both]]:
    """What both sources bring, by overlap and kind. Two queries.

    Whether it counts or not: this is the one place where what is not counted is shown.
    """
    counted = _counted()
    found: dict[int, list[Both]] = {}
    excluded = _not_counted()
    for each in overlaps:
        first = _sums(counted, each, each.counted_id)
        second = _sums(excluded if each.is_excluded else counted, each, each.other_id)
        kinds = sorted({*first, *second}, key=lambda kind: (kind.currency, kind.basis))
        found[each.pk] = [Both(kind, first.get(kind), second.get(kind)) for kind in kinds]
    return found


def _sums(
    places: Mapping[_Place, int], overlap: SpendOverlap, connection_id: int
) -> dict[Kind, int]:
    wanted = same_provider_name(overlap.provider)
    found: dict[Kind, int] = {}
    for place, nano in places.items():
        if place.connection_id != connection_id or place.month < overlap.starts_on:
            continue
        if overlap.ends_on is not None and place.month >= overlap.ends_on:
            continue
        if wanted and same_provider_name(place.provider) != wanted:
            continue
        found[place.kind] = found.get(place.kind, 0) + nano
    return found


def _counted() -> dict[_Place, int]:
    rows = (
        MonthlyCost.objects.order_by()
        .values("connection_id", "provider", "currency", "cost_basis", "day")
        .annotate(**roll_up_sums(MonthlyCost))
    )
    return {
        _Place(
            row["connection_id"],
            row["provider"],
            Kind(row["currency"], row["cost_basis"]),
            row["day"],
        ): read_nano(row, "billed")
        for row in rows
    }


def _not_counted() -> dict[_Place, int]:
    rows = (
        Allocation.objects.filter(
            use_case__isnull=True,
            unallocated_reason=UnallocatedReason.NOT_COUNTED,
            charge__superseded_at__isnull=True,
        )
        .order_by()
        .values(
            "charge__slice__connection_id",
            "charge__dimension__provider",
            "charge__currency",
            "charge__cost_basis",
            "day",
        )
        .annotate(**nano_sums(billed="billed_nano"))
    )
    found: dict[_Place, int] = {}
    for row in rows:
        place = _Place(
            row["charge__slice__connection_id"],
            row["charge__dimension__provider"],
            Kind(row["charge__currency"], row["charge__cost_basis"]),
            row["day"].replace(day=1),
        )
        found[place] = found.get(place, 0) + read_nano(row, "billed")
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
