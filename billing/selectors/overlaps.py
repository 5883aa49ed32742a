"""The same money through two sources: what has been said about it, and what looks like it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from statistics import median
from typing import NamedTuple

from django.db.models import QuerySet

from billing.choices import CostBasis, UnallocatedReason
from billing.models import Allocation, Charge, ChargeSlice, DailyCost, MonthlyCost, SpendOverlap
from billing.policies import may_see_costs
from billing.selectors.costs import Kind
from billing.selectors.sums import nano_sums, read_nano, roll_up_sums
from portal.policies import AnyUser
from portal.shell.periods import Month

FEWEST_DAYS = 5
_CLOSE = Fraction(2, 100)  # two days' sums agree, or keep to the usual ratio, within this
_MOST_DAYS = Fraction(6, 10)  # of the days that both have
_LARGEST_RATIO = 2  # beyond it, two bills of one provider are likelier than a discount
_OTHER_NAMES = {
    "aws": ("amazon web services", "amazon web services, inc.", "amazon"),
    "google": ("google cloud", "google cloud platform", "gcp"),
    "azure": ("microsoft", "microsoft azure"),
    "openai": ("openai, llc",),
    "anthropic": ("anthropic, pbc", "claude"),
}
_ALIASES = {name: short for short, names in _OTHER_NAMES.items() for name in names}


def overlaps_visible_to(user: AnyUser) -> QuerySet[SpendOverlap]:
    """What has been said: open to whoever may see costs, as rules are."""
    return SpendOverlap.objects.all() if may_see_costs(user) else SpendOverlap.objects.none()


def overlap_for_page(user: AnyUser, pk: int) -> SpendOverlap | None:
    """One of them, or None."""
    return overlaps_visible_to(user).select_related("counted", "other").filter(pk=pk).first()


# --- what has been said ---------------------------------------------------------------------------


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


# --- what looks like it ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Suspect:
    """Two sources that seem to bring the same money of a provider.

    Attributes:
        first, second: connection ids, the smaller one first.
        provider: as the second source writes it.
        currency: of both.
        bases: of the first and of the second.
        days: on which both have money; `alike` of them agree.
        first_nano, second_nano: billed on those days.
        why: in words.
    """

    first: int
    second: int
    provider: str
    currency: str
    bases: tuple[str, str]
    days: int
    alike: int
    first_nano: int
    second_nano: int
    why: str

    @property
    def is_in_one_basis(self) -> bool:
        """Whether a sum would hold both, so that somebody must choose."""
        return self.bases[0] == self.bases[1]


def same_provider_name(name: str) -> str:
    """One spelling for the names that a provider goes by."""
    text = name.casefold().strip()
    return _ALIASES.get(text, text)


class _Channel(NamedTuple):
    connection_id: int
    provider: str
    currency: str
    basis: str


def suspected_overlaps(*, first: Month, last: Month) -> list[Suspect]:
    """Pairs of sources whose days look alike in some months (UTC), without those declared.

    Alike are two sources that bill the same account of a provider, or whose daily sums of a
    provider agree, or keep to one ratio (a list price beside a discounted bill), on most of the
    days that both have. Three queries.
    """
    days, names = _daily_sums(first, last)
    accounts = _accounts(first, last)
    declared = {
        (min(a, b), max(a, b), same_provider_name(provider))
        for a, b, provider in SpendOverlap.objects.filter(retired_at__isnull=True).values_list(
            "counted_id", "other_id", "provider"
        )
    }
    found = []
    for one, other in combinations(sorted(days), 2):
        if one.connection_id == other.connection_id:
            continue
        if (one.provider, one.currency) != (other.provider, other.currency):
            continue
        pair = (one.connection_id, other.connection_id)
        if {(*pair, one.provider), (*pair, "")} & declared:
            continue
        shared = accounts.get(pair[0], set()) & accounts.get(pair[1], set())
        suspect = _compare(one, other, days, shared, names[other])
        if suspect is not None:
            found.append(suspect)
    return sorted(found, key=lambda each: -abs(each.second_nano))


def _daily_sums(
    first: Month, last: Month
) -> tuple[dict[_Channel, dict[dt.date, int]], dict[_Channel, str]]:
    """Billed by channel and day, and how each channel's provider is written."""
    rows = (
        DailyCost.objects.filter(day__gte=first.start, day__lt=last.end)
        .order_by()
        .values("connection_id", "provider", "currency", "cost_basis", "day")
        .annotate(**nano_sums(billed="billed_nano"))
    )
    found: dict[_Channel, dict[dt.date, int]] = {}
    names: dict[_Channel, str] = {}
    for row in rows:
        channel = _Channel(
            row["connection_id"],
            same_provider_name(row["provider"]),
            row["currency"],
            row["cost_basis"],
        )
        names[channel] = row["provider"]
        days = found.setdefault(channel, {})
        days[row["day"]] = days.get(row["day"], 0) + read_nano(row, "billed")
    return found, names


def _accounts(first: Month, last: Month) -> dict[int, set[str]]:
    """Billing accounts by source."""
    rows = ChargeSlice.objects.filter(day__gte=first.start, day__lt=last.end, rows__gt=0)
    found: dict[int, set[str]] = {}
    for pk, account in (
        rows.order_by().values_list("connection_id", "billing_account_id").distinct()
    ):
        if account:
            found.setdefault(pk, set()).add(account)
    return found


def _compare(
    one: _Channel,
    other: _Channel,
    days: Mapping[_Channel, Mapping[dt.date, int]],
    accounts: set[str],
    provider: str,
) -> Suspect | None:
    pairs = list(_pairs(days[one], days[other]))
    if not pairs or (len(pairs) < FEWEST_DAYS and not accounts):
        return None
    ratio = median(Fraction(first, second) for first, second in pairs)
    alike = sum(abs(Fraction(first, second) - ratio) <= _CLOSE * ratio for first, second in pairs)
    is_alike = alike >= _MOST_DAYS * len(pairs) and _is_telling(ratio, pairs)
    if not is_alike and not accounts:
        return None
    return Suspect(
        first=one.connection_id,
        second=other.connection_id,
        provider=provider,
        currency=one.currency,
        bases=(one.basis, other.basis),
        days=len(pairs),
        alike=alike if is_alike else 0,
        first_nano=sum(first for first, _ in pairs),
        second_nano=sum(second for _, second in pairs),
        why=_why(accounts, alike if is_alike else 0, len(pairs), ratio),
    )


def _pairs(one: Mapping[dt.date, int], other: Mapping[dt.date, int]) -> Iterator[tuple[int, int]]:
    """Sums of days on which both have spent."""
    for day in sorted(set(one) & set(other)):
        if one[day] > 0 and other[day] > 0:
            yield one[day], other[day]


def _is_telling(ratio: Fraction, pairs: Iterable[tuple[int, int]]) -> bool:
    """Whether keeping to this ratio says anything. Two flat series keep to any."""
    if abs(ratio - 1) <= _CLOSE:
        return True
    varies = len({first for first, _ in pairs}) > 1
    return varies and Fraction(1, _LARGEST_RATIO) <= ratio <= _LARGEST_RATIO


def _why(accounts: set[str], alike: int, days: int, ratio: Fraction) -> str:
    said = []
    if accounts:
        said.append(f"the same billing account {min(accounts)}")
    if alike and abs(ratio - 1) <= _CLOSE:
        said.append(f"the same sum on {alike} of {days} days")
    elif alike:
        said.append(f"one to {float(1 / ratio):.2f} on {alike} of {days} days")
    return " and ".join(said)


def basis_label(basis: str) -> str:
    """The basis in words."""
    return str(CostBasis(basis).label)
