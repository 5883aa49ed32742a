"""The charge and billing period of a row, read once for each combination of texts."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from billing.sources.focus.columns import PERIODS, Layout
from billing.sources.focus.dimensions import cell_picker, clean_text
from billing.sources.tables.instants import EXPECTED_INSTANT, parse_instant
from billing.sources.tables.rows import BadCellError

CACHED_PERIODS = 20_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Periods(NamedTuple):
    """Charge and billing period in UTC, half-open, and the same as bytes for a digest."""

    charge_start: datetime
    charge_end: datetime
    billing_start: datetime
    billing_end: datetime
    packed: bytes


class PeriodCache(dict[tuple[str, ...], Periods]):
    """The four raw period cells of one file → `Periods`. Bounded: it starts anew when full.

    Attributes:
        utc_assumed: the first cell that named no offset, with its column.
        us_date: the first US date, with its column.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.pick = cell_picker(layout.periods)
        self.utc_assumed: tuple[str, str] | None = None
        self.us_date: tuple[str, str] | None = None

    def __missing__(self, cells: tuple[str, ...]) -> Periods:
        charge_start, charge_end, billing_start, billing_end = (
            self._read(cell, column) for cell, column in zip(cells, PERIODS, strict=True)
        )
        for index, start, end in ((0, charge_start, charge_end), (2, billing_start, billing_end)):
            if end <= start:
                raise BadCellError(
                    PERIODS[index + 1],
                    "period_end_not_after_start",
                    f"an end after {PERIODS[index]} {cells[index].strip()}",
                )
        instants = (charge_start, charge_end, billing_start, billing_end)
        ticks = [(instant - _EPOCH) // _MICROSECOND for instant in instants]
        periods = Periods(*instants, packed=struct.pack(">4q", *ticks))
        if len(self) >= CACHED_PERIODS:
            self.clear()
        self[cells] = periods
        return periods

    def _read(self, cell: str, column: str) -> datetime:
        text = clean_text(cell)
        if not text:
            raise BadCellError(column, "missing_value", EXPECTED_INSTANT)
        try:
            instant = parse_instant(text)
        except ValueError as error:
            raise BadCellError(column, "bad_datetime", EXPECTED_INSTANT) from error
        if instant.utc_assumed and self.utc_assumed is None:
            self.utc_assumed = (column, text)
        if instant.us_date and self.us_date is None:
            self.us_date = (column, text)
        return instant.at
