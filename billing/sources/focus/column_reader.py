"""From a chunk of CSV to charges by column, with every rule of the row path, or not at all.

Texts that repeat are checked and named once for each different combination, by the caches of the
row path themselves; numbers are read by DuckDB where they are plain, and by those caches where they
are not. A chunk in which anything at all is wrong is left to the row path, which says what.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from hashlib import blake2b
from itertools import repeat
from queue import SimpleQueue
from typing import Any

import duckdb
import numpy as np

from billing.sources.charge_columns import DIGEST_BYTES, Amounts, ChargeColumns
from billing.sources.focus.amounts import NANO_DIGITS, BadNumberError
from billing.sources.focus.charges import ChargeBuilder, ImportState
from billing.sources.focus.chunk_engine import ChunkEngine, Group, Numbers, OddChunkError, Parts
from billing.sources.focus.columns import Layout
from billing.sources.focus.dimensions import clean_text
from billing.sources.records import ChargeRecord
from billing.sources.tables.csv_rows import BOM, CHUNKS_AHEAD
from billing.sources.tables.rows import BadCellError
from portal.imports.contracts import ImportRefusedError, LandedFile
from portal.shell.money import EXACT

_MONEY = 4
_SUMMED = 2  # billed and effective
_FAILURES = 3
_HALF = 32  # bits
_TENS = 10 ** np.arange(NANO_DIGITS + 1, dtype=np.int64)


class _NotColumnWiseError(Exception):
    """The row path must read this chunk."""


class ColumnReader:
    """Reads chunks of one CSV file. Gives up on a file of which chunk after chunk does not suit."""

    def __init__(
        self, file: LandedFile, layout: Layout, state: ImportState, charges: ChargeBuilder
    ) -> None:
        self._file = file
        self._layout = layout
        self._state = state
        self._charges = charges
        self._failures = 0
        # DuckDB takes the next chunks apart while this one is named, hashed and staged.
        self._threads = ThreadPoolExecutor(max_workers=CHUNKS_AHEAD)
        numbers = Numbers(
            tuple(self._there(index) for index in layout.money),
            tuple(self._there(index) for index in layout.quantities),
        )
        groups = {
            "dimension": layout.dimension,
            "period": layout.periods,
            "measure": charges.measures.indexes,
        }
        self._engines = [
            ChunkEngine(
                layout.width,
                keys=groups,
                numbers=numbers,
                others=(layout.currency, layout.width - 1),
            )
            for _ in range(CHUNKS_AHEAD)
        ]
        self._idle: SimpleQueue[ChunkEngine] = SimpleQueue()
        for engine in self._engines:
            self._idle.put(engine)

    def _there(self, index: int) -> int | None:
        return index if index < self._layout.width else None

    def close(self) -> None:
        """Forget everything."""
        self._threads.shutdown(cancel_futures=True)
        for engine in self._engines:
            engine.close()

    def begin(self, data: bytes, first_line: int) -> Callable[[], ChargeColumns | None]:
        """Start reading whole lines, `first_line` and following, beside whatever else goes on.

        `data` is what the stream has let through, so it holds no NUL. Call what is returned for the
        charges, or for None when the row path must read these lines; in the order of the file.
        """
        if self._failures >= _FAILURES or self._charges.has_filled_columns:
            return _nothing
        parts = self._threads.submit(self._take_apart, data)
        return partial(self._take, data, first_line, parts)

    def _take_apart(self, data: bytes) -> Parts:
        """Parse, where both parsers are known to agree: each line a record, of one line ending."""
        codes = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(codes == ord("\n"))
        lines = len(ends)
        endings = data.count(b"\r\n") if b"\r" in data else 0
        limits = self._state.meter.limits
        longest = int(np.diff(ends, prepend=-1).max(initial=0))  # lines may end otherwise
        if (
            data.startswith(BOM)
            or (b"\r" in data and data.count(b"\r") != endings)
            or endings not in (0, lines)
            or longest > min(limits.max_cell_chars, limits.max_line_chars)
        ):
            raise _NotColumnWiseError
        engine = self._idle.get()
        try:
            parts = engine.take_apart(data)
            is_odd = parts.records != lines or self._has_more_cells(
                engine, data, codes, ends, is_crlf=bool(endings)
            )
        finally:
            self._idle.put(engine)
        if is_odd:
            raise _NotColumnWiseError
        return parts

    def _has_more_cells(
        self, engine: ChunkEngine, data: bytes, codes: Any, ends: Any, *, is_crlf: bool
    ) -> bool:
        """Whether some line has more cells than the header, which DuckDB lets pass when they are
        empty. What a line holds beside quotes are its cells and what separates them."""
        last = ends - (2 if is_crlf else 1)
        is_quoted = (codes[last] == ord('"')) & (codes[last - 1] == ord('"'))
        if not (is_quoted | (codes[last] == ord(","))).any():
            return False  # no line ends with an empty cell
        line_ends = len(ends) * (2 if is_crlf else 1)
        separators = len(data) - data.count(b'"') - line_ends - engine.cell_bytes()
        return separators != len(ends) * (self._layout.width - 1)

    def _take(self, data: bytes, first_line: int, parts: Future[Parts]) -> ChargeColumns | None:
        try:
            columns = self._columns(data, first_line, parts.result())
        except (
            *(_NotColumnWiseError, BadCellError, BadNumberError, ImportRefusedError),
            *(duckdb.Error, OddChunkError, UnicodeDecodeError),
        ):
            self._failures += 1
            return None
        self._failures = 0
        return columns

    def _columns(self, data: bytes, first_line: int, parts: Parts) -> ChargeColumns:
        charges = self._charges
        currencies, last_cells = parts.texts
        too_many = self._state.meter.rows_read + parts.records > self._state.meter.limits.max_rows
        if too_many:
            raise _NotColumnWiseError
        # In the row path's order, because what had to be assumed is noted where it came first.
        currency = charges.read_currency(set(currencies), first_line)
        numbers = _Numbers(parts, self._state)
        if numbers.amounts[0].missing is not None:
            raise _NotColumnWiseError
        dimension, period = parts.groups["dimension"], parts.groups["period"]
        dimensions, keys = zip(*map(charges.dimensions.__getitem__, dimension.cells), strict=True)
        periods = [charges.periods[each] for each in period.cells]
        measure = parts.groups.get("measure") or Group([()], np.zeros(parts.records, np.int64))
        measures = [charges.measures[each] for each in measure.cells]
        code = currency.encode()
        return ChargeColumns(
            file_index=self._file.index,
            first_line=first_line,
            currency=currency,
            dimensions=dimensions,
            dimension_of=dimension.codes,
            periods=[each[:4] for each in periods],
            period_of=period.codes,
            identities=_digests_of_pairs(
                keys, dimension.codes, [each.packed + code for each in periods], period.codes
            ),
            contents=_digests(
                map(str.encode, numbers.prefixes),
                _each([each.encode() for each in measures], measure.codes),
            ),
            amounts=numbers.amounts,
            quantities=numbers.quantities,
            totals=numbers.totals,
            last_cells_filled=any(map(clean_text, last_cells)),
            rows=partial(self._single_records, data, first_line),
        )

    def _single_records(self, data: bytes, first_line: int) -> list[ChargeRecord]:
        lines = io.StringIO(data.decode(), newline="")
        rows = list(csv.reader(lines, strict=True))
        return list(self._charges.records(rows, range(first_line, first_line + len(rows))))


def _nothing() -> None:
    return None


class _Numbers:
    """The numbers of a chunk by column, those that are not plain read one by one.

    Raises:
        BadNumberError: one cannot be read.
    """

    def __init__(self, parts: Parts, state: ImportState) -> None:
        found = parts.rows
        prefixes = found["prefix"]
        self.prefixes: list[str] = np.ma.getdata(prefixes).tolist()
        rows = len(self.prefixes)
        self._nano, self._missing = zip(
            *(_nano_column(found, place, rows) for place in range(_MONEY)),
            strict=True,
        )
        self.quantities: tuple[list[str], list[str]] = (
            _text_column(found.get("quantity_0"), rows),
            _text_column(found.get("quantity_1"), rows),
        )
        sums = [_exact_sum(found, place) for place in range(_SUMMED)]
        for row, *cells in parts.odd_rows:
            amounts = [state.amounts[cell] for cell in cells[:_MONEY]]
            quantities = [state.quantities[cell] for cell in cells[_MONEY:]]
            for place, (exact, nano, _text) in enumerate(amounts):
                self._nano[place][row] = nano or 0
                self._missing[place][row] = nano is None
                if place < _SUMMED and exact is not None:
                    before = sums[place]
                    sums[place] = EXACT.add(Decimal(0) if before is None else before, exact)
            for column, quantity in zip(self.quantities, quantities, strict=True):
                column[row] = quantity
            texts = [text for _exact, _nano, text in amounts]
            self.prefixes[row] = "|".join([*texts, *quantities, ""])
        billed, effective, listed, contracted = (
            Amounts(nano, missing if missing.any() else None)
            for nano, missing in zip(self._nano, self._missing, strict=True)
        )
        self.amounts = (billed, effective, listed, contracted)
        self.totals = (sums[0], sums[1])


def _nano_column(found: dict[str, Any], place: int, rows: int) -> tuple[Any, Any]:
    """Nano-units of an amount, and where there is none."""
    amounts = found.get(f"amount_{place}")
    if amounts is None:
        return np.zeros(rows, np.int64), np.ones(rows, np.bool_)
    missing = np.ma.getmaskarray(amounts).copy()
    digits = np.where(missing, 0, np.ma.getdata(amounts)).astype(np.int64)
    places = np.where(missing, 0, np.ma.getdata(found[f"places_{place}"])).astype(np.int64)
    if places.max(initial=0) <= NANO_DIGITS:
        return digits * _TENS[NANO_DIGITS - places], missing
    # `to_nano` in whole numbers: what nano-units cannot hold is rounded half-even.
    nano = digits * _TENS[np.maximum(NANO_DIGITS - places, 0)]
    cut = _TENS[np.maximum(places - NANO_DIGITS, 0)]
    whole, rest = np.divmod(np.abs(nano), cut)
    whole += (2 * rest > cut) | ((2 * rest == cut) & (whole % 2 == 1))
    return np.sign(nano) * whole, missing


def _text_column(found: Any, rows: int) -> list[str]:
    return [""] * rows if found is None else np.ma.getdata(found).tolist()


def _exact_sum(found: dict[str, Any], place: int) -> Decimal | None:
    """The sum of the plain amounts, with the decimal places that adding them one by one gives."""
    amounts = found.get(f"amount_{place}")
    if amounts is None:
        return None
    known = ~np.ma.getmaskarray(amounts)
    digits = np.ma.getdata(amounts)[known]
    places = np.ma.getdata(found[f"places_{place}"])[known]
    total = Decimal(0)
    for each in np.unique(places).tolist():
        alike = digits[places == each]
        # Each fits 64 bits and their sum need not: the halves are added apart.
        whole = (int((alike >> _HALF).sum()) << _HALF) + int((alike & (2**_HALF - 1)).sum())
        total = EXACT.add(total, Decimal(whole).scaleb(-each, EXACT))
    return total if len(digits) else None


def _each(values: Sequence[bytes], codes: Any) -> Iterable[bytes]:
    """The value of each row."""
    if len(values) == 1:
        return repeat(values[0], len(codes))
    return map(values.__getitem__, codes.tolist())


def _digests(first: Iterable[bytes], second: Iterable[bytes]) -> bytes:
    """The digest of each row's two parts together, behind one another."""
    return b"".join(
        [
            blake2b(one + two, digest_size=DIGEST_BYTES).digest()
            for one, two in zip(first, second, strict=True)
        ]
    )


def _digests_of_pairs(
    first: Sequence[bytes], first_codes: Any, second: Sequence[bytes], second_codes: Any
) -> bytes:
    """The same where both parts repeat: each different pair is digested once."""
    pairs, of_rows = np.unique(first_codes * len(second) + second_codes, return_inverse=True)
    ones, others = np.divmod(pairs, len(second))
    digests = _digests(_each(first, ones), _each(second, others))
    taken: bytes = np.frombuffer(digests, f"V{DIGEST_BYTES}")[of_rows].tobytes()
    return taken
