"""Closes with lines on some days, and which of them a dry run would move."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from billing.models import ChargeDimension, ClosedPart
from portal.shell.periods import Month

_CHUNK = 500


class ClosedMonth(NamedTuple):
    """A closed month of an issuer and currency.

    The account is left out: sums are shown to more people than accounts are.
    """

    month: Month
    issuer: str
    currency: str

    def __str__(self) -> str:
        return f"{self.month.label}, {self.issuer} ({self.currency})"


class _Part(NamedTuple):
    """Lines that a close froze together."""

    slice_id: int
    issuer: str
    provider: str
    invoice_id: str


class ClosedLines:
    """Closed lines on the days of one month. One query, and another when some of them move.

    A close is about a billing month, a dry run about days, and a bill of June can have a line for
    a day in May. Each close therefore says its own month.
    """

    def __init__(self, month: Month) -> None:
        parts = ClosedPart.objects.filter(slice__day__gte=month.start, slice__day__lt=month.end)
        rows = parts.order_by().values_list(
            "slice_id",
            "invoice_issuer",
            "provider",
            "invoice_id",
            "close__month",
            "close__issuer",
            "close__currency",
        )
        self._parts = {
            _Part(owner, whose, provider, number): ClosedMonth(Month.of(closed), issuer, currency)
            for owner, whose, provider, number, closed, issuer, currency in rows
        }
        self._slices = {part.slice_id for part in self._parts}
        self._moved: set[tuple[int, int]] = set()

    def note(self, slice_id: int, dimension_id: int) -> None:
        """A line of this slice and dimension would move."""
        if slice_id in self._slices:
            self._moved.add((slice_id, dimension_id))

    def moved_and_not(self) -> tuple[list[ClosedMonth], list[ClosedMonth]]:
        """Closes that would move, and the others; newest first."""
        names = _names_of({dimension for _, dimension in self._moved})
        parts = {_Part(slice_id, *names[dimension]) for slice_id, dimension in self._moved}
        moved = {self._parts[part] for part in parts & self._parts.keys()}
        return newest_first(moved), newest_first({*self._parts.values()} - moved)


def newest_first(closes: Iterable[ClosedMonth]) -> list[ClosedMonth]:
    """Each once; those of one month by issuer and currency."""
    found = sorted(set(closes), key=lambda each: (each.issuer, each.currency))
    return sorted(found, key=lambda each: each.month, reverse=True)


def _names_of(dimensions: set[int]) -> dict[int, tuple[str, str, str]]:
    """Issuer, provider and invoice of dimensions."""
    ids = sorted(dimensions)
    found: dict[int, tuple[str, str, str]] = {}
    for start in range(0, len(ids), _CHUNK):
        rows = ChargeDimension.objects.filter(pk__in=ids[start : start + _CHUNK]).values_list(
            "pk", "invoice_issuer", "provider", "invoice_id"
        )
        found |= {pk: (issuer, provider, invoice) for pk, issuer, provider, invoice in rows}
    return found
