"""From raw rows of one file to charge records, or to rejections that name what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NoReturn
from uuid import UUID

from billing.sources.focus.amounts import (
    AmountCache,
    BadNumberError,
    QuantityCache,
)
from billing.sources.focus.bytestream import Meter
from billing.sources.focus.columns import CURRENCY, CUT_WOULD_NOT_SHOW, MONEY, QUANTITIES, Layout
from billing.sources.focus.dimensions import (
    DimensionCache,
    MeasureCache,
    cell_picker,
    clean_text,
)
from billing.sources.focus.periods import PeriodCache
from billing.sources.focus.rows import BadCellError, RowBlock
from billing.sources.records import ChargeRecord
from portal.imports.contracts import (
    MAX_RAW_TEXT,
    ImportRefusedError,
    LandedFile,
    Note,
    Rejection,
    raw_digest,
)

MAX_REJECTIONS = 1_000
_CURRENCY_CODE = re.compile(r"[A-Za-z]{3}", re.ASCII)


@dataclass(slots=True)
class ImportState:
    """What holds over all files of one import.

    Attributes:
        meter: bytes and rows read so far.
        currency: the import's one currency, once the first row has named it.
        currency_place: where that was, for the message about a second one.
        rejected: rows rejected so far.
    """

    meter: Meter
    currency: str = ""
    currency_place: str = ""
    rejected: int = 0
    amounts: AmountCache = field(default_factory=lambda: AmountCache(""))
    quantities: QuantityCache = field(default_factory=QuantityCache)


class Normaliser:
    """Turns the row blocks of one file into records and rejections, which it gathers.

    Attributes:
        records: taken and not yet handed on.
        rejections: likewise.
    """

    def __init__(
        self,
        file: LandedFile,
        layout: Layout,
        state: ImportState,
        repairs: dict[str, str],
        parse_record: Callable[[str], list[str]],
    ) -> None:
        self.records: list[ChargeRecord] = []
        self.rejections: list[Rejection] = []
        self.rows = 0
        self._file = file
        self._layout = layout
        self._state = state
        self._repairs = repairs
        self._parse_record = parse_record
        self._repaired: list[int] = []
        self._dimensions = DimensionCache(layout)
        self._periods = PeriodCache(layout)
        self._measures = MeasureCache(layout)
        self._pick_numbers = cell_picker((*layout.money, *layout.quantities))
        self._needs_empty_cell = layout.width in (*layout.money, *layout.quantities)
        self._currency_cell: str | None = None

    def take(self, block: RowBlock) -> None:
        """Normalise one block.

        Raises:
            ImportRefusedError: a second currency, a row of another width, too many rows or
                rejections, or a last record that may have been cut.
        """
        rows, lines, texts = self._without_blank_rows(block)
        if not rows:
            return
        mended = self._apply_repairs(rows, lines, texts) if self._repairs else {}
        self._check_widths(rows, lines)
        if block.unterminated:
            self._check_last_cell(rows[-1], lines[-1])
        self.rows += len(rows)
        self._state.meter.add_rows(len(rows), file=self._file.name, line=lines[-1])
        if self._needs_empty_cell:
            for cells in rows:
                cells.append("")
        before = len(self.rejections)
        self._normalise(rows, lines, texts, mended)
        if block.unterminated and len(self.rejections) > before:
            self._refuse_cut_record(lines[-1])

    def _without_blank_rows(
        self, block: RowBlock
    ) -> tuple[list[list[str]], Sequence[int], Sequence[str]]:
        """Lines without any value are not records."""
        rows = block.rows
        if all(map(len, rows)) and all(any(map(str.strip, cells[:3])) for cells in rows):
            return rows, block.lines, block.texts
        kept = [index for index, cells in enumerate(rows) if any(map(str.strip, cells))]
        # Blank lines cost time as well: they count against the limit, though not as rows read.
        self._state.meter.add_blank_rows(len(rows) - len(kept), file=self._file.name)
        return (
            [rows[index] for index in kept],
            [block.lines[index] for index in kept],
            [block.texts[index] for index in kept],
        )

    def _apply_repairs(
        self, rows: list[list[str]], lines: Sequence[int], texts: Sequence[str]
    ) -> dict[int, BadCellError | None]:
        """Put mended records in place of the raw ones; index → what is wrong with the mending."""
        mended: dict[int, BadCellError | None] = {}
        for index, text in enumerate(texts):
            # A longer text is cut in quarantine, so its mended form would be cut as well.
            if len(text) > MAX_RAW_TEXT:
                continue
            repair = self._repairs.get(raw_digest(text))
            if repair is None:
                continue
            try:
                rows[index] = self._parse_record(repair)
                mended[index] = None
                self._repaired.append(lines[index])
            except ValueError as error:
                rows[index] = [""] * self._layout.width
                mended[index] = BadCellError("", "bad_repair", str(error), fatal=True)
        return mended

    def _check_widths(self, rows: list[list[str]], lines: Sequence[int]) -> None:
        width = self._layout.width
        if set(map(len, rows)) == {width}:
            return
        for cells, line in zip(rows, lines, strict=True):
            if len(cells) > width:
                self._refuse(
                    "too_many_cells",
                    "a record has more cells than the header",
                    line=line,
                    column=f"number {width + 1}",
                    value=cells[width],
                    expected=f"{width} cells (it has {len(cells)})",
                )
            if len(cells) < width:
                self._refuse(
                    "too_few_cells",
                    "a record has fewer cells than the header: it is cut, or cells are lost",
                    line=line,
                    column=self._layout.names[len(cells)],
                    value=cells[-1],
                    expected=f"{width} cells (it has {len(cells)})",
                )

    def _check_last_cell(self, cells: list[str], line: int) -> None:
        """Refuse a file that ends without a line ending where a cut could not be seen."""
        column = self._layout.names[-1]
        if column in CUT_WOULD_NOT_SHOW:
            self._refuse(
                "truncated_file",
                "the file ends without a line ending, so its last cell may be cut",
                line=line,
                column=column,
                value=cells[-1],
                expected="a line ending after the last record",
            )

    def _refuse_cut_record(self, line: int) -> NoReturn:
        last = self.rejections[-1]
        self._refuse(
            "truncated_file",
            "the file ends without a line ending and its last record is not right: it may be cut",
            line=line,
            column=last.field,
            value=last.value,
            expected=last.expected,
        )

    def _normalise(
        self,
        rows: list[list[str]],
        lines: Sequence[int],
        texts: Sequence[str],
        mended: dict[int, BadCellError | None],
    ) -> None:
        """The hot loop: everything that repeats comes from a cache, errors take the slow way."""
        file_index = self._file.index
        at_currency = self._layout.currency
        pick_numbers, state = self._pick_numbers, self._state
        dimensions, periods, measures = self._dimensions, self._periods, self._measures
        pick_dimension, pick_periods = dimensions.pick, periods.pick
        pick_measures, quantities = measures.pick, state.quantities
        append, known_currency = self.records.append, self._currency_cell
        amounts, currency = state.amounts, state.currency
        for index, cells in enumerate(rows):
            try:
                if cells[at_currency] != known_currency:
                    self._read_currency(cells[at_currency], lines[index])
                    known_currency = self._currency_cell
                    amounts, currency = state.amounts, state.currency
                billed, effective, listed, contracted, priced, consumed = pick_numbers(cells)
                billed_exact, billed_nano, billed = amounts[billed]
                effective_exact, effective_nano, effective = amounts[effective]
                _, list_nano, listed = amounts[listed]
                _, contracted_nano, contracted = amounts[contracted]
                priced, consumed = quantities[priced], quantities[consumed]
                dimension = dimensions[pick_dimension(cells)]
                start, end, billing_start, billing_end, packed = periods[pick_periods(cells)]
                if billed_exact is None or billed_nano is None:
                    raise BadCellError("BilledCost", "missing_amount", "an amount", fatal=True)
                content = (
                    f"{billed}|{effective}|{listed}|{contracted}|{priced}|{consumed}|"
                    f"{measures[pick_measures(cells)]}"
                )
                append(
                    ChargeRecord(
                        file_index,
                        lines[index],
                        UUID(bytes=_digest(dimension.digest.bytes + packed + currency.encode())),
                        UUID(bytes=_digest(content.encode())),
                        dimension,
                        start,
                        end,
                        billing_start,
                        billing_end,
                        currency,
                        billed_nano,
                        effective_nano,
                        list_nano,
                        contracted_nano,
                        billed_exact,
                        effective_exact,
                        priced,
                        consumed,
                        measures[pick_measures(cells)],
                    )
                )
            except (BadCellError, BadNumberError) as error:
                problem = mended.get(index) or self._diagnose(cells, error)
                self._reject(cells, lines[index], texts[index], problem)

    def _read_currency(self, cell: str, line: int) -> None:
        text = clean_text(cell)
        if not text:
            raise BadCellError(CURRENCY, "missing_value", "an ISO 4217 code such as USD")
        if not _CURRENCY_CODE.fullmatch(text):
            raise BadCellError(CURRENCY, "bad_currency", "an ISO 4217 code such as USD")
        currency = text.upper()
        state = self._state
        if not state.currency:
            state.currency = currency
            state.currency_place = f"{self._file.name}, line {line}"
            state.amounts = AmountCache(currency)
        if currency != state.currency:
            self._refuse(
                "two_currencies",
                "the import holds two currencies, which are never added together",
                line=line,
                column=CURRENCY,
                value=text,
                expected=f"{state.currency} throughout, as in {state.currency_place}",
            )
        self._currency_cell = cell

    def _diagnose(self, cells: list[str], error: Exception) -> BadCellError:
        """Which cell it was: the loop knows only that a number could not be read."""
        if isinstance(error, BadCellError):
            return error
        for column, index in zip(MONEY, self._layout.money, strict=True):
            try:
                self._state.amounts[cells[index]]
            except BadNumberError as bad:
                return BadCellError(column, bad.code, bad.expected, fatal=True)
        for column, index in zip(QUANTITIES, self._layout.quantities, strict=True):
            try:
                self._state.quantities[cells[index]]
            except BadNumberError as bad:
                return BadCellError(column, bad.code, bad.expected)
        return BadCellError("", "bad_row", "a row that can be read")

    def _reject(self, cells: list[str], line: int, text: str, problem: BadCellError) -> None:
        self._state.rejected += 1
        if self._state.rejected > MAX_REJECTIONS:
            self._refuse(
                "too_many_rejections",
                f"more than {MAX_REJECTIONS} rows are not right",
                line=line,
                column=problem.column,
                value=self._value(cells, problem.column),
                expected=problem.expected,
            )
        self.rejections.append(
            Rejection(
                file_index=self._file.index,
                line=line,
                field=problem.column,
                value=self._value(cells, problem.column),
                code=problem.code,
                expected=problem.expected,
                raw_text=text.rstrip("\r\n")[:MAX_RAW_TEXT],
                fatal=problem.fatal,
            )
        )

    def _value(self, cells: list[str], column: str) -> str:
        if column not in self._layout.names:
            return ""
        return cells[self._layout.names.index(column)][:200]

    def _refuse(self, code: str, problem: str, *, line: int, **parts: str) -> NoReturn:
        raise ImportRefusedError(code, problem, file=self._file.name, line=line, **parts)

    def notes(self) -> list[Note]:
        """What a person should know about this file once it has been read."""
        name = self._file.name
        notes = []
        if assumed := self._periods.utc_assumed:
            notes.append(
                Note(
                    "utc_assumed",
                    f"{name}: times that name no offset are read as UTC, as FOCUS says "
                    f"(first in {assumed[0]}: {assumed[1]!r})",
                )
            )
        if us_date := self._periods.us_date:
            notes.append(
                Note(
                    "us_dates",
                    f"{name}: dates with slashes are read as month/day/year "
                    f"(first in {us_date[0]}: {us_date[1]!r})",
                )
            )
        if self._dimensions.unnamed_services:
            notes.append(
                Note("unnamed_services", f"{name}: rows without ServiceName, taken without one")
            )
        notes.extend(
            Note("repaired_row", f"{name}, line {line}: read from its repair")
            for line in self._repaired
        )
        return notes


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()
