"""The money of one billing month in the groups that reconciling looks at: three queries.

A line belongs to the month in which its billing period starts, whatever day it is of: a correction
that is invoiced in October for a day in September stands on October's invoice.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Count, Max, Q

from billing.choices import ChargeCategory
from billing.models import Allocation, Charge, ChargeSlice, Restatement
from billing.selectors.sums import nano_sums, read_nano
from portal.shell.periods import Month


class LineKey(NamedTuple):
    """What cost lines agree in that are reconciled together."""

    connection_id: int
    source: str
    invoice_issuer: str
    provider: str
    invoice_id: str
    account: str
    currency: str
    basis: str
    category: str

    @property
    def issuer(self) -> str:
        """Who sends the invoice; the provider where the line does not say."""
        return self.invoice_issuer or self.provider

    @property
    def is_tax(self) -> bool:
        return self.category == ChargeCategory.TAX

    @property
    def is_credit(self) -> bool:
        return self.category == ChargeCategory.CREDIT


class Destination(NamedTuple):
    """Where money of some lines went; `use_case_id` None is unallocated, for that reason."""

    use_case_id: int | None
    cost_center: str
    reason: str
    rule_key: str
    rule_version: int | None


@dataclass(slots=True)
class LineGroup:
    """The live lines of one key: counts, nano-units, and where their money went."""

    key: LineKey
    lines: int
    billed_nano: int
    effective_nano: int
    effective_lines: int
    went_to: dict[Destination, int] = field(default_factory=dict)

    @property
    def allocated_nano(self) -> int:
        return sum(nano for place, nano in self.went_to.items() if place.use_case_id is not None)

    @property
    def placed_nano(self) -> int:
        """Everything that lies somewhere, allocated or not: it must be the billed sum."""
        return sum(self.went_to.values())


class Place(NamedTuple):
    """A connection's billing account and currency: as fine as revisions are looked at."""

    connection_id: int
    account: str
    currency: str


@dataclass(frozen=True, slots=True)
class MonthLines:
    """Everything live in a billing month.

    Attributes:
        groups: by key, in one order.
        revised: when lines of a place that had been imported before were revised last.
        content: a digest of exactly which lines a place holds, attributes included.
    """

    month: Month
    groups: list[LineGroup]
    revised: dict[Place, dt.datetime]
    content: dict[Place, str]

    def revised_at(self, keys: Iterable[LineKey]) -> dt.datetime | None:
        """The newest revision among the places of these keys."""
        places = {Place(key.connection_id, key.account, key.currency) for key in keys}
        return max((self.revised[place] for place in places if place in self.revised), default=None)

    def content_of(self, keys: Iterable[LineKey]) -> str:
        """One digest for the places of these keys."""
        places = sorted({Place(key.connection_id, key.account, key.currency) for key in keys})
        return _digest(f"{place} {self.content.get(place, '')}" for place in places)


_KEYS = {
    "connection": "slice__connection_id",
    "source": "slice__connection__source",
    "issuer": "dimension__invoice_issuer",
    "provider": "dimension__provider",
    "invoice": "dimension__invoice_id",
    "account": "slice__billing_account_id",
    "currency": "currency",
    "basis": "cost_basis",
    "category": "dimension__charge_category",
}


def month_lines(month: Month) -> MonthLines:
    """Read the month. Locks nothing: whoever decides on it holds the connections' locks."""
    groups = _charges(month)
    _add_allocations(month, groups)
    revised, content = _slices(month)
    return MonthLines(month, [groups[key] for key in sorted(groups)], revised, content)


def of_month(month: Month, prefix: str = "") -> Q:
    """What belongs to a billing month: slices, or what leads to them by `prefix`."""
    return Q(
        **{
            f"{prefix}billing_period_start__gte": month.start,
            f"{prefix}billing_period_start__lt": month.end,
        }
    )


def _charges(month: Month) -> dict[LineKey, LineGroup]:
    rows = (
        Charge.objects.filter(of_month(month, "slice__"), superseded_at__isnull=True)
        .order_by()
        .values(*_KEYS.values())
        .annotate(
            lines=Count("pk"),
            stated=Count("effective_nano"),
            **nano_sums(billed="billed_nano", effective="effective_nano"),
        )
    )
    found: dict[LineKey, LineGroup] = {}
    for row in rows:
        key = LineKey(*(row[column] for column in _KEYS.values()))
        found[key] = LineGroup(
            key,
            lines=row["lines"],
            billed_nano=read_nano(row, "billed"),
            effective_nano=read_nano(row, "effective"),
            effective_lines=row["stated"],
        )
    return found


def _add_allocations(month: Month, groups: dict[LineKey, LineGroup]) -> None:
    columns = [f"charge__{column}" for column in _KEYS.values()]
    places = (
        "use_case_id",
        "charge__dimension__cost_center",
        "unallocated_reason",
        "rule__key",
        "rule__version",
    )
    rows: Iterable[dict[str, Any]] = (
        Allocation.objects.filter(
            of_month(month, "charge__slice__"), charge__superseded_at__isnull=True
        )
        .order_by()
        .values(*columns, *places)
        .annotate(**nano_sums(billed="billed_nano"))
    )
    for row in rows:
        group = groups[LineKey(*(row[column] for column in columns))]
        place = Destination(
            row["use_case_id"],
            row["charge__dimension__cost_center"],
            row["unallocated_reason"],
            row["rule__key"] or "",
            row["rule__version"],
        )
        group.went_to[place] = group.went_to.get(place, 0) + read_nano(row, "billed")


def _slices(month: Month) -> tuple[dict[Place, dt.datetime], dict[Place, str]]:
    """Newest revision and content digest by place."""
    texts: dict[Place, list[str]] = {}
    for pk, account, currency, day, rows, digest in ChargeSlice.objects.filter(
        of_month(month)
    ).values_list("connection_id", "billing_account_id", "currency", "day", "rows", "digest"):
        if rows:
            texts.setdefault(Place(pk, account, currency), []).append(f"{day} {rows} {digest}")
    revised = {
        Place(*row[:3]): row[3]
        for row in Restatement.objects.filter(of_month(month, "slice__"))
        .order_by()
        .values_list("slice__connection_id", "slice__billing_account_id", "slice__currency")
        .annotate(newest=Max("restated_at"))
    }
    return revised, {place: _digest(sorted(lines)) for place, lines in texts.items()}


def _digest(texts: Iterable[str]) -> str:
    found = hashlib.sha256()
    for text in texts:
        found.update(text.encode() + b"\n")
    return found.hexdigest()
