"""Many charge records by column: what a column-wise source yields in place of single records.

It is a sequence of `ChargeRecord` like any other, so whoever wants single records has them; the
charge store takes the columns as they are. What repeats is there once, with a number in each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, overload

from billing.sources.records import ChargeRecord, Dimension

DIGEST_BYTES = 16


# Charge period and billing period in UTC, half-open: start, end, start, end.
Periods = tuple[datetime, datetime, datetime, datetime]


class Amounts(NamedTuple):
    """Nano-units of a column as 64-bit integers, and where there is none (None: nowhere)."""

    nano: Any
    missing: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeColumns(Sequence[ChargeRecord]):
    """Cost lines that follow one another in one file, in one currency.

    Attributes:
        first_line: the line of the first; each has one line.
        dimensions, periods: those that occur; `dimension_of`, `period_of`: the one of each row.
        identities, contents: the digests of all rows behind one another, 16 bytes each.
        amounts: billed, effective, list, contracted.
        quantities: pricing and consumed quantity of each row.
        totals: exact sums of the billed and the effective amounts; None when no row has one.
        last_cells_filled: whether some row has something in the file's last column.
        rows: makes the single records, when they are asked for.
    """

    file_index: int
    first_line: int
    currency: str
    dimensions: Sequence[Dimension]
    dimension_of: Any
    periods: Sequence[Periods]
    period_of: Any
    identities: bytes
    contents: bytes
    amounts: tuple[Amounts, Amounts, Amounts, Amounts]
    quantities: tuple[Sequence[str], Sequence[str]]
    totals: tuple[Decimal | None, Decimal | None]
    last_cells_filled: bool
    rows: Callable[[], Sequence[ChargeRecord]]

    def __len__(self) -> int:
        return len(self.identities) // DIGEST_BYTES

    def __iter__(self) -> Iterator[ChargeRecord]:
        return iter(self.rows())

    @overload
    def __getitem__(self, index: int) -> ChargeRecord: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[ChargeRecord]: ...

    def __getitem__(self, index: int | slice) -> ChargeRecord | Sequence[ChargeRecord]:
        return self.rows()[index]
