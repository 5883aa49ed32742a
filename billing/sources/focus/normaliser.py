"""From raw rows of one file to charge records, or to rejections that name what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from billing.sources.charge_columns import ChargeColumns
from billing.sources.focus.amounts import BadNumberError
from billing.sources.focus.charges import ChargeBuilder, ImportState
from billing.sources.focus.columns import CUT_WOULD_NOT_SHOW, Layout
from billing.sources.focus.dimensions import clean_text
from billing.sources.records import ChargeRecord
from billing.sources.tables.rows import BadCellError, RowBlock
from portal.imports.collector import collector_paused
from portal.imports.contracts import (
    MAX_RAW_TEXT,
    ImportRefusedError,
    LandedFile,
    Note,
    Rejection,
    raw_digest,
)

MAX_REJECTIONS = 1_000


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
        self._charges = ChargeBuilder(file, layout, state)
        self._last_cells_filled: bool | None = None  # None before the first row
        self._unterminated_line: int | None = None

    @property
    def is_estimate(self) -> bool:
        """Whether some row is of a gateway, which estimates."""
        return self._charges.dimensions.is_estimate

    @property
    def parts(self) -> tuple[LandedFile, Layout, ImportState, ChargeBuilder]:
        """What reading the same file by column shares with this."""
        return self._file, self._layout, self._state, self._charges

    def take_columns(self, columns: ChargeColumns) -> None:
        """Count charges that were read by column."""
        rows = len(columns)
        self.rows += rows
        last = columns.first_line + rows - 1
        self._state.meter.add_rows(rows, file=self._file.name, line=last)
        self._last_cells_filled = self._last_cells_filled or columns.last_cells_filled

    def take(self, block: RowBlock) -> None:
        """Normalise one block.

        Raises:
            ImportRefusedError: a second currency, a row of another width, too many rows or
                rejections, or a last record that may have been cut.
        """
        with collector_paused():
            if not self._take_all(block):
                self._take_one_by_one(block)

    def _take_all(self, block: RowBlock) -> bool:
        """Take a block in which nothing is wrong; False when something is."""
        rows, lines = block.rows, block.lines
        if block.unterminated or set(map(len, rows)) != {self._layout.width}:
            return False
        if self._repairs and any(raw_digest(text) in self._repairs for text in block.texts):
            return False
        try:
            self.records.extend(self._charges.records(rows, lines))
        except (BadCellError, BadNumberError):
            return False
        self._count(rows, lines)
        return True

    def _take_one_by_one(self, block: RowBlock) -> None:
        """Take a block row by row, so that what is wrong is named and the rest is taken."""
        rows, lines, texts = self._without_blank_rows(block)
        if not rows:
            return
        mended = self._apply_repairs(rows, lines, texts) if self._repairs else {}
        self._check_widths(rows, lines)
        if block.unterminated:
            self._note_last_cells(rows[:-1])
            self._check_last_cell(rows[-1], lines[-1])
        self._count(rows, lines)
        rejected = False
        for index, (cells, line) in enumerate(zip(rows, lines, strict=True)):
            rejected = False
            try:
                self.records.extend(self._charges.records([cells], [line]))
            except (BadCellError, BadNumberError) as error:
                problem = mended.get(index) or self._charges.diagnose(cells, error)
                self._reject(cells, line, texts[index], problem)
                rejected = True
        if block.unterminated and rejected:
            self._refuse_cut_record(lines[-1])

    def _count(self, rows: list[list[str]], lines: Sequence[int]) -> None:
        self.rows += len(rows)
        self._state.meter.add_rows(len(rows), file=self._file.name, line=lines[-1])
        self._note_last_cells(rows)

    def _note_last_cells(self, rows: list[list[str]]) -> None:
        if rows and not self._last_cells_filled:
            self._last_cells_filled = any(clean_text(cells[-1]) for cells in rows)

    def _without_blank_rows(
        self, block: RowBlock
    ) -> tuple[list[list[str]], Sequence[int], Sequence[str]]:
        """Lines without any value are not records."""
        kept = [index for index, cells in enumerate(block.rows) if any(map(str.strip, cells))]
        # Blank lines cost time as well: they count against the limit, though not as rows read.
        self._state.meter.add_blank_rows(len(block.rows) - len(kept), file=self._file.name)
        return (
            [block.rows[index] for index in kept],
            [block.lines[index] for index in kept],
            [block.texts[index] for index in kept],
        )

    def _apply_repairs(
        self, rows: list[list[str]], lines: Sequence[int], texts: Sequence[str]
    ) -> dict[int, BadCellError]:
        """Put mended records in place of the raw ones; index → what is wrong with the mending."""
        mended: dict[int, BadCellError] = {}
        for index, text in enumerate(texts):
            # A longer text is cut in quarantine, so its mended form would be cut as well.
            if len(text) > MAX_RAW_TEXT:
                continue
            repair = self._repairs.get(raw_digest(text))
            if repair is None:
                continue
            try:
                rows[index] = self._parse_record(repair)
                self._repaired.append(lines[index])
            except ValueError as error:
                rows[index] = [""] * self._layout.width
                mended[index] = BadCellError(
                    "", "bad_repair", f"a mended text that is {error}", fatal=True
                )
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
        """Refuse a file that ends without a line ending where a cut could not be seen.

        A cut amount is still an amount, and a cell that is cut away leaves an empty one; but
        when no row has anything in the last column, there was nothing to cut.
        """
        column = self._layout.names[-1]
        empty = not clean_text(cells[-1])
        if column in CUT_WOULD_NOT_SHOW or (empty and self._last_cells_filled is not False):
            self._refuse(
                "truncated_file",
                "the file ends without a line ending, so its last cell may be cut",
                line=line,
                column=column,
                value=cells[-1],
                expected="a line ending after the last record",
            )
        self._unterminated_line = line

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
        if assumed := self._charges.periods.utc_assumed:
            notes.append(
                Note(
                    "utc_assumed",
                    f"{name}: times that name no offset are read as UTC, as FOCUS says "
                    f"(first in {assumed[0]}: {assumed[1]!r})",
                )
            )
        if us_date := self._charges.periods.us_date:
            notes.append(
                Note(
                    "us_dates",
                    f"{name}: dates with slashes are read as month/day/year "
                    f"(first in {us_date[0]}: {us_date[1]!r})",
                )
            )
        if self._unterminated_line is not None:
            notes.append(
                Note(
                    "no_line_ending",
                    f"{name}, line {self._unterminated_line}: the last record has no line ending, "
                    "and is taken as complete",
                )
            )
        if self._charges.dimensions.unnamed_services:
            notes.append(
                Note("unnamed_services", f"{name}: rows without ServiceName, taken without one")
            )
        notes.extend(
            Note("repaired_row", f"{name}, line {line}: read from its repair")
            for line in self._repaired
        )
        return notes
