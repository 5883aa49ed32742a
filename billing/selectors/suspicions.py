"""What looks like the same money through two sources, and nobody has said yet whether it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from statistics import median
from typing import NamedTuple

from django.db.models import QuerySet

from billing.choices import CostBasis
from billing.models import ChargeSlice, DailyCost, MonthlyCost, SpendOverlap
from billing.selectors.sums import nano_sums, read_nano
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


@dataclass(frozen=True, slots=True)
class Suspect:
    """Two sources that seem to bring the same money of a provider.

    Attributes:
        first, second: connection ids, the smaller one first.
        provider: as the second source writes it.
        currency: of both.
        bases: of the first and of the second.
        days: on which both have money; `alike` of them agree.
        starts_on, newest_day: the first and the last of those days.
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
    starts_on: dt.date
    newest_day: dt.date
    first_nano: int
    second_nano: int
    why: str

    @property
    def is_in_one_basis(self) -> bool:
        """Whether a sum would hold both, so that somebody must choose."""
        return self.bases[0] == self.bases[1]

    @property
    def doubled_nano(self) -> int:
        """What sums hold too much if it is the same money: the smaller of the two."""
        return min(self.first_nano, self.second_nano)

    @property
    def window(self) -> str:
        """Its months (UTC) in words."""
        first, last = Month.of(self.starts_on), Month.of(self.newest_day)
        return first.label if first == last else f"{first.label} to {last.label}"


def same_provider_name(name: str) -> str:
    """One spelling for the names that a provider goes by."""
    text = name.casefold().strip()
    return _ALIASES.get(text, text)


def basis_label(basis: str) -> str:
    """The basis in words."""
    return str(CostBasis(basis).label)


class Channel(NamedTuple):
    """Money of one provider, by the name that all its spellings share, through one source."""

    connection_id: int
    provider: str
    currency: str
    basis: str


Days = Mapping[dt.date, int]


def suspected_overlaps(
    *, first: Month, last: Month, connection_id: int | None = None
) -> list[Suspect]:
    """Pairs of sources whose days look alike in some months (UTC), without those answered.

    With `connection_id` only pairs of that source. Two queries where no two sources have money of
    one provider, else four.
    """
    return unanswered(look_alikes(first=first, last=last, connection_id=connection_id))


def unanswered(
    found: Iterable[Suspect], answers: QuerySet[SpendOverlap] | None = None
) -> list[Suspect]:
    """Those about whose days nobody has said anything. One query, or none.

    Args:
        answers: what has been said; None for what is in force now.
    """
    found = list(found)
    if not found:
        return []
    said: dict[tuple[int, int], list[SpendOverlap]] = {}
    if answers is None:
        answers = SpendOverlap.objects.filter(retired_at__isnull=True)
    for each in answers:
        pair = sorted((each.counted_id, each.other_id))
        said.setdefault((pair[0], pair[1]), []).append(each)
    return [
        suspect
        for suspect in found
        if not any(
            _answers(each, suspect) for each in said.get((suspect.first, suspect.second), ())
        )
    ]


def _answers(overlap: SpendOverlap, suspect: Suspect) -> bool:
    if overlap.starts_on > suspect.starts_on:
        return False
    if overlap.ends_on is not None and overlap.ends_on <= suspect.newest_day:
        return False
    wanted = same_provider_name(overlap.provider)
    return not wanted or wanted == same_provider_name(suspect.provider)


def look_alikes(*, first: Month, last: Month, connection_id: int | None = None) -> list[Suspect]:
    """Pairs that look alike, answered or not, the largest first.

    Alike are two sources that bill the same account of a provider, or whose daily sums of a
    provider agree, or keep to one ratio (a list price beside a discounted bill), on most of the
    days that both have: of the whole window, or of one of its months. Days are read only of
    sources that have a provider in common.
    """
    pairs = _pairs_of_channels(first, last, connection_id)
    if not pairs:
        return []
    ids = {channel.connection_id for pair in pairs for channel in pair}
    days, names = _daily_sums(first, last, ids)
    return alike_pairs(pairs, days, names, _accounts(first, last, ids))


def alike_pairs(
    pairs: Iterable[tuple[Channel, Channel]],
    days: Mapping[Channel, Days],
    names: Mapping[Channel, str],
    accounts: Mapping[int, set[str]],
) -> list[Suspect]:
    """Those of some pairs that look alike, the largest first. No query.

    Args:
        days: billed by day (UTC), in nano-units.
        names: how each channel's provider is written.
        accounts: billing accounts by source.
    """
    found: list[Suspect] = []
    for one, other in pairs:
        shared = accounts.get(one.connection_id, set()) & accounts.get(other.connection_id, set())
        found += _compare_each(one, other, days, shared, names.get(other, other.provider))
    return sorted(found, key=lambda each: -abs(each.second_nano))


def _pairs_of_channels(
    first: Month, last: Month, connection_id: int | None
) -> list[tuple[Channel, Channel]]:
    """Channels of one provider and currency through two connections. One query."""
    rows = MonthlyCost.objects.filter(day__gte=first.start, day__lt=last.end).order_by()
    channels = {
        Channel(pk, same_provider_name(provider), currency, basis)
        for pk, provider, currency, basis in rows.values_list(
            "connection_id", "provider", "currency", "cost_basis"
        ).distinct()
    }
    return [
        (one, other)
        for one, other in pairs_of(channels)
        if connection_id in (None, one.connection_id, other.connection_id)
    ]


def pairs_of(channels: Iterable[Channel]) -> list[tuple[Channel, Channel]]:
    """Those that have money of one provider and currency through two sources."""
    return [
        (one, other)
        for one, other in combinations(sorted(channels), 2)
        if one.connection_id != other.connection_id
        and (one.provider, one.currency) == (other.provider, other.currency)
    ]


def _daily_sums(
    first: Month, last: Month, connections: Collection[int]
) -> tuple[dict[Channel, dict[dt.date, int]], dict[Channel, str]]:
    """Billed by channel and day, and how each channel's provider is written."""
    rows = (
        DailyCost.objects.filter(
            day__gte=first.start, day__lt=last.end, connection_id__in=connections
        )
        .order_by()
        .values("connection_id", "provider", "currency", "cost_basis", "day")
        .annotate(**nano_sums(billed="billed_nano"))
    )
    found: dict[Channel, dict[dt.date, int]] = {}
    names: dict[Channel, str] = {}
    for row in rows:
        channel = Channel(
            row["connection_id"],
            same_provider_name(row["provider"]),
            row["currency"],
            row["cost_basis"],
        )
        names[channel] = row["provider"]
        days = found.setdefault(channel, {})
        days[row["day"]] = days.get(row["day"], 0) + read_nano(row, "billed")
    return found, names


def _accounts(first: Month, last: Month, connections: Collection[int]) -> dict[int, set[str]]:
    """Billing accounts by source."""
    rows = ChargeSlice.objects.filter(
        day__gte=first.start, day__lt=last.end, rows__gt=0, connection_id__in=connections
    )
    found: dict[int, set[str]] = {}
    for pk, account in (
        rows.order_by().values_list("connection_id", "billing_account_id").distinct()
    ):
        if account:
            found.setdefault(pk, set()).add(account)
    return found


def _compare_each(
    one: Channel,
    other: Channel,
    days: Mapping[Channel, Days],
    accounts: set[str],
    provider: str,
) -> list[Suspect]:
    """The whole window; where it says nothing, each month by itself: one doubled month among
    others that differ is still money twice."""
    both = list(_pairs(days.get(one, {}), days.get(other, {})))
    whole = _compare(one, other, both, accounts, provider)
    if whole is not None:
        return [whole]
    by_month: dict[Month, list[_Day]] = {}
    for each in both:
        by_month.setdefault(Month.of(each.day), []).append(each)
    single = (_compare(one, other, own, accounts, provider) for own in by_month.values())
    return [each for each in single if each is not None]


class _Day(NamedTuple):
    day: dt.date
    first: int
    second: int


def _compare(
    one: Channel, other: Channel, pairs: list[_Day], accounts: set[str], provider: str
) -> Suspect | None:
    if not pairs or (len(pairs) < FEWEST_DAYS and not accounts):
        return None
    ratio = median(Fraction(each.first, each.second) for each in pairs)
    alike = sum(abs(Fraction(each.first, each.second) - ratio) <= _CLOSE * ratio for each in pairs)
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
        starts_on=pairs[0].day,
        newest_day=pairs[-1].day,
        first_nano=sum(each.first for each in pairs),
        second_nano=sum(each.second for each in pairs),
        why=_why(accounts, alike if is_alike else 0, len(pairs), ratio),
    )


def _pairs(one: Days, other: Days) -> Iterator[_Day]:
    """Sums of days on which both have spent, in order."""
    for day in sorted(set(one) & set(other)):
        if one[day] > 0 and other[day] > 0:
            yield _Day(day, one[day], other[day])


def _is_telling(ratio: Fraction, pairs: Iterable[_Day]) -> bool:
    """Whether keeping to this ratio says anything. Two flat series keep to any."""
    if abs(ratio - 1) <= _CLOSE:
        return True
    varies = len({each.first for each in pairs}) > 1
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
