"""The rows of a run by slice, added up column by column as they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from billing.models import ChargeSlice

Columns = Any  # a `ChargeRecord` with a sequence of values in each field
SliceKey = tuple[str, date, date]  # billing account, start of the billing period, charge day
DIGEST_MODULUS = 2**63


@dataclass(slots=True)
class StagedSlice:
    """One slice of this run: its sums as read, beside what is stored under the same key.

    `digest` is a plain sum; what is stored is its remainder. `charged` and `charged_effective` are
    the sums of the amounts above zero alone.
    """

    number: int
    currency: str
    rows: int = 0
    digest: int = 0
    billed: int = 0
    effective: int = 0
    charged: int = 0
    charged_effective: int = 0
    stored: ChargeSlice | None = None
    inserted: int = 0
    updated: int = 0
    superseded: int = 0

    @property
    def both_ways(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Billed, then effective: what is charged and what is given back, neither below zero."""
        return (
            (self.charged, self.charged - self.billed),
            (self.charged_effective, self.charged_effective - self.effective),
        )

    @property
    def is_changed(self) -> bool:
        stored = self.stored
        return stored is None or (stored.rows, stored.digest) != (
            self.rows,
            self.digest % DIGEST_MODULUS,
        )


class Days(dict[datetime, date]):
    """Instant → its UTC day."""

    def __missing__(self, instant: datetime) -> date:
        day = self[instant] = instant.astimezone(UTC).date()
        return day


class Places(dict[tuple[str, datetime, datetime, str], StagedSlice]):
    """Billing account, start of the billing period and of the charge period, currency → the slice.

    The currency of a slice is that of its first row.
    """

    def __init__(self, slices: dict[SliceKey, StagedSlice]) -> None:
        super().__init__()
        self.days = Days()
        self._slices = slices

    def parts_of(self, columns: Columns) -> list[StagedSlice]:
        """The slice of each row."""
        keys = zip(
            [each.billing_account_id for each in columns.dimension],
            columns.billing_period_start,
            columns.charge_period_start,
            columns.currency,
            strict=True,
        )
        return list(map(self.__getitem__, keys))

    def __missing__(self, place: tuple[str, datetime, datetime, str]) -> StagedSlice:
        account, period, start, currency = place
        key = (account, self.days[period], self.days[start])
        part = self._slices.get(key)
        if part is None:
            part = self._slices[key] = StagedSlice(len(self._slices), currency)
        self[place] = part
        return part


def add_up(parts: Sequence[StagedSlice], columns: Columns) -> None:
    """Add rows to the counts, digests and sums of their slices."""
    for part, identity, content, billed, effective in zip(
        parts,
        columns.identity,
        columns.content,
        columns.billed_nano,
        columns.effective_nano,
        strict=True,
    ):
        part.rows += 1
        part.digest += (identity.int * 3 ^ content.int) % DIGEST_MODULUS
        part.billed += billed
        if billed > 0:
            part.charged += billed
        if effective:
            part.effective += effective
            if effective > 0:
                part.charged_effective += effective
