"""From raw rows that are right to charge records: the hot path of an import."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import repeat
from typing import Any
from uuid import UUID, SafeUUID

from billing.sources.focus.amounts import AmountCache, BadNumberError, QuantityCache
from billing.sources.focus.columns import (
    CURRENCY,
    FILLED_BETWEEN,
    FILLED_COLUMNS,
    MONEY,
    QUANTITIES,
    REQUIRED,
    Layout,
)
from billing.sources.focus.dimensions import (
    DimensionCache,
    MeasureCache,
    cell_picker,
    clean_text,
)
from billing.sources.focus.periods import PeriodCache
from billing.sources.records import ChargeRecord
from billing.sources.tables.bytestream import Meter
from billing.sources.tables.rows import BadCellError
from portal.imports.contracts import ImportRefusedError, LandedFile

_CURRENCY_CODE = re.compile(r"[A-Za-z]{3}", re.ASCII)
_UNKNOWN = SafeUUID.unknown
_NEVER_FILLED = {name for name in REQUIRED if name not in ("EffectiveCost", "ServiceName")}


@dataclass(slots=True)
class ImportState:
    """What holds over all files of one import.

    Attributes:
        meter: bytes and rows read so far.
        config: what the connection says.
        currency: the import's one currency, once the first row has named it.
        currency_place: where that was, for the message about a second one.
        rejected: rows rejected so far.
    """

    meter: Meter
    config: Mapping[str, Any] = field(default_factory=dict)
    currency: str = ""
    currency_place: str = ""
    rejected: int = 0
    amounts: AmountCache = field(default_factory=lambda: AmountCache(""))
    quantities: QuantityCache = field(default_factory=QuantityCache)


class ChargeBuilder:
    """Builds the records of one file's rows.

    Attributes:
        dimensions: what repeats; knows whether a row had no service name.
        periods: likewise; knows what had to be assumed about times.
        measures: further amounts of a line.
    """

    def __init__(self, file: LandedFile, layout: Layout, state: ImportState) -> None:
        self.dimensions = DimensionCache(layout, state.config)
        self.periods = PeriodCache(layout)
        self.measures = MeasureCache(layout, state.quantities)
        self._file = file
        self._layout = layout
        self._state = state
        numbers = [
            (place, index)
            for place, index in enumerate((*layout.money, *layout.quantities))
            if index < layout.width
        ]
        self._number_places = [place for place, _ in numbers]
        self._pick_numbers = cell_picker([index for _, index in numbers])
        self._currency_cell: str | None = None
        self._place_of = {name: place for place, name in enumerate(layout.names)}

    @property
    def has_filled_columns(self) -> bool:
        """Whether the file names, row by row, columns whose values nobody stated."""
        return FILLED_COLUMNS in self._place_of

    def records(self, rows: list[list[str]], lines: Sequence[int]) -> Iterator[ChargeRecord]:
        """The records of rows, column by column.

        Whatever repeats comes from a cache; `map` over a cache keeps the loops out of Python.

        Raises:
            BadCellError, BadNumberError: some row is not right.
            ImportRefusedError: a second currency.
        """
        if self.has_filled_columns:
            rows = [self._as_stated(cells) for cells in rows]
        currency = self.read_currency({cells[self._layout.currency] for cells in rows}, lines[0])
        amounts, quantities = self._state.amounts, self._state.quantities
        numbers = self._number_cells(rows)
        billed, effective, listed, contracted = (
            tuple(zip(*map(amounts.__getitem__, cells), strict=True)) for cells in numbers[:4]
        )
        priced, consumed = (tuple(map(quantities.__getitem__, cells)) for cells in numbers[4:])
        if None in billed[0]:
            raise BadCellError("BilledCost", "missing_amount", "an amount", fatal=True)
        dimensions, keys = zip(
            *map(self.dimensions.__getitem__, map(self.dimensions.pick, rows)), strict=True
        )
        *periods, packed = zip(
            *map(self.periods.__getitem__, map(self.periods.pick, rows)), strict=True
        )
        measures = tuple(map(self.measures.__getitem__, map(self.measures.pick, rows)))
        texts = (billed[2], effective[2], listed[2], contracted[2], priced, consumed, measures)
        columns = (
            repeat(self._file.index),
            lines,
            _identities(keys, packed, currency),
            _contents(texts),
            dimensions,
            *periods,
            repeat(currency),
            *(money[1] for money in (billed, effective, listed, contracted)),
            billed[0],
            effective[0],
            priced,
            consumed,
            measures,
        )
        # The constructor of a named tuple this wide costs twice as much as `tuple.__new__`.
        return map(tuple.__new__, repeat(ChargeRecord), zip(*columns, strict=False))

    def _as_stated(self, cells: list[str]) -> list[str]:
        """A row without what was only filled in: unknown stays unknown."""
        mark = self._place_of[FILLED_COLUMNS]
        if not cells[mark]:
            return cells
        found = list(cells)
        for name in (*cells[mark].split(FILLED_BETWEEN), FILLED_COLUMNS):
            # Billed cost and what a line is known by are never filled in.
            if name not in _NEVER_FILLED and name in self._place_of:
                found[self._place_of[name]] = ""
        return found

    def _number_cells(self, rows: list[list[str]]) -> list[tuple[str, ...]]:
        """The cells of the four money and two quantity columns; empty ones for an absent column."""
        columns: list[tuple[str, ...]] = [("",) * len(rows)] * 6
        picked = zip(*map(self._pick_numbers, rows), strict=True)
        for place, cells in zip(self._number_places, picked, strict=True):
            columns[place] = cells
        return columns

    def read_currency(self, cells: set[str], line: int) -> str:
        """The currency that all rows name, which is the import's."""
        cell = min(cells)
        if cell == self._currency_cell and len(cells) == 1:
            return self._state.currency
        text = clean_text(cell)
        if len(cells) > 1 or not _CURRENCY_CODE.fullmatch(text):
            code = "bad_currency" if text else "missing_value"
            raise BadCellError(CURRENCY, code, "an ISO 4217 code such as USD")
        currency, state = text.upper(), self._state
        if not state.currency:
            state.currency = currency
            state.currency_place = f"{self._file.name}, line {line}"
            state.amounts.currency = currency
        if currency != state.currency:
            raise ImportRefusedError(
                "two_currencies",
                "the import holds two currencies, which are never added together",
                file=self._file.name,
                line=line,
                column=CURRENCY,
                value=text,
                expected=f"{state.currency} throughout, as in {state.currency_place}",
            )
        self._currency_cell = cell
        return currency

    def diagnose(self, cells: list[str], error: BadCellError | BadNumberError) -> BadCellError:
        """Which cell it was: a number that cannot be read does not know its column."""
        if isinstance(error, BadCellError):
            return error
        numbers = self._number_cells([cells])
        for column, (cell,), known in zip(
            (*MONEY, *QUANTITIES),
            numbers,
            [self._state.amounts] * len(MONEY) + [self._state.quantities] * len(QUANTITIES),
            strict=True,
        ):
            try:
                known[cell]
            except BadNumberError as bad:
                return BadCellError(column, bad.code, bad.expected, fatal=column in MONEY)
        raise error


def _identities(keys: Sequence[bytes], packed: Sequence[bytes], currency: str) -> list[UUID]:
    code = currency.encode()
    return [
        uuid_of(blake2b(key + periods + code, digest_size=16).digest())
        for key, periods in zip(keys, packed, strict=True)
    ]


def _contents(columns: Sequence[Sequence[str]]) -> list[UUID]:
    """Canonical numbers hold no bar, and the JSON behind them is last: no two rows are confused."""
    return [
        uuid_of(blake2b("|".join(texts).encode(), digest_size=16).digest())
        for texts in zip(*columns, strict=True)
    ]


def uuid_of(digest: bytes) -> UUID:
    """`UUID(bytes=digest)` without the checks of its constructor, which cost more than the hash."""
    made = object.__new__(UUID)
    object.__setattr__(made, "int", int.from_bytes(digest, "big"))
    object.__setattr__(made, "is_safe", _UNKNOWN)
    return made
