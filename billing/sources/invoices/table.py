"""Small CSV tables of our own, row by row: line, exact text, and cells by column name.

Written by people in spreadsheets, so a byte-order mark, a semicolon between cells and blank lines
are taken as they come; a cell too many is not.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from portal.imports.contracts import (
    MAX_RAW_TEXT,
    ImportRefusedError,
    LandedFile,
    Limits,
    Note,
    ReadOptions,
    Rejection,
    raw_digest,
)
from portal.shell.money import MAX_NANO, to_nano

_MOST_ROWS = 50_000
_AMOUNT = re.compile(r"-?[0-9]{1,10}(\.[0-9]{1,9})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_WORDS = {"yes": True, "true": True, "no": False, "false": False}


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns a table has. Names are compared without regard to case."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


class BadCellError(ValueError):
    """A cell cannot be taken; `fatal` when it is an amount of money."""

    def __init__(
        self, field: str, value: str, code: str, expected: str, *, fatal: bool = False
    ) -> None:
        super().__init__(f"{field}: {value!r}; expected {expected}")
        self.field, self.value, self.code = field, value, code
        self.expected, self.fatal = expected, fatal


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row: `cells` by column name, stripped; what is empty is not in it."""

    file: LandedFile
    line: int
    raw: str
    cells: Mapping[str, str]

    def text(self, name: str, *, most: int, default: str | None = None) -> str:
        """A text of at most `most` characters.

        Raises:
            BadCellError: it is missing or too long.
        """
        value = self.cells.get(name, default)
        if value is None:
            raise BadCellError(name, "", "missing_value", "a text")
        if len(value) > most or not value.isprintable():
            raise BadCellError(
                name, value[:200], "bad_text", f"at most {most} printable characters"
            )
        return value

    def month(self, name: str) -> dt.date:
        """First day of a month written as `2026-05`.

        Raises:
            BadCellError: it is missing or no month.
        """
        value = self.cells.get(name, "")
        try:
            return dt.datetime.strptime(value, "%Y-%m").replace(tzinfo=dt.UTC).date()
        except ValueError:
            raise BadCellError(name, value, "bad_month", "a month such as 2026-05") from None

    def day(self, name: str, *, required: bool = False) -> dt.date | None:
        """A day written as `2026-05-31`; None when the cell is empty and may be.

        Raises:
            BadCellError: it is missing or no day.
        """
        value = self.cells.get(name, "")
        if not value and not required:
            return None
        try:
            return dt.datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=dt.UTC).date()
        except ValueError:
            raise BadCellError(name, value, "bad_day", "a day such as 2026-05-31") from None

    def currency(self, name: str) -> str:
        """Three capital letters.

        Raises:
            BadCellError: it is anything else.
        """
        value = self.cells.get(name, "")
        if not _CURRENCY.fullmatch(value):
            raise BadCellError(name, value, "bad_currency", "an ISO 4217 code such as EUR")
        return value

    def nano(self, name: str, *, required: bool = False) -> int | None:
        """Exact nano-units of an amount; None when the cell is empty and may be.

        Raises:
            BadCellError: it cannot be read, which is fatal.
        """
        value = self.cells.get(name, "")
        if not value and not required:
            return None
        expected = "an amount such as 1234.56: no group signs, at most nine decimals"
        if not _AMOUNT.fullmatch(value) or abs(Decimal(value)) * 10**9 > MAX_NANO:
            raise BadCellError(name, value, "bad_amount", expected, fatal=True)
        return to_nano(Decimal(value))

    def whole(self, name: str) -> int | None:
        """A count; None when the cell is empty.

        Raises:
            BadCellError: it is no whole number.
        """
        value = self.cells.get(name, "")
        if not value:
            return None
        if not value.isascii() or not value.isdigit() or len(value) > 9:
            raise BadCellError(name, value, "bad_count", "a whole number such as 1200")
        return int(value)

    def yes(self, name: str, *, default: bool) -> bool:
        """`yes` or `no`.

        Raises:
            BadCellError: it is anything else.
        """
        value = self.cells.get(name, "")
        if not value:
            return default
        if value.lower() not in _WORDS:
            raise BadCellError(name, value, "bad_choice", "yes or no")
        return _WORDS[value.lower()]

    def rejection(self, error: BadCellError) -> Rejection:
        """What the quarantine is given about this row."""
        return Rejection(
            file_index=self.file.index,
            line=self.line,
            field=error.field,
            value=error.value,
            code=error.code,
            expected=error.expected,
            raw_text=self.raw[:MAX_RAW_TEXT],
            fatal=error.fatal,
        )


class Table:
    """One file. `rows()` gives its rows once; `notes` what a person should know of it.

    Raises:
        ImportRefusedError: it is too large, not UTF-8, or a required column is missing.
    """

    def __init__(self, file: LandedFile, columns: Columns, options: ReadOptions) -> None:
        self.file = file
        self.notes: list[Note] = []
        self._repairs = options.repairs
        self._lines = _lines(file, options.limits)
        line, first = next(self._lines, (1, ""))
        self._comma = ";" if first.count(";") > first.count(",") else ","
        try:
            self._names = [name.strip().lower() for name in self._cells(first.rstrip("\r\n"))]
        except csv.Error as error:
            raise ImportRefusedError(
                "bad_header", "the header cannot be read", file=file.name, line=line,
                expected="column names between commas",
            ) from error  # fmt: skip
        self._check_names(line, columns)

    def _check_names(self, line: int, columns: Columns) -> None:
        known = {*columns.required, *columns.optional}
        for name in columns.required:
            if name not in self._names:
                raise ImportRefusedError(
                    "missing_column", "a column is missing", file=self.file.name, line=line,
                    column=name, expected=f"the columns {', '.join(columns.required)}",
                )  # fmt: skip
        for name in self._names:
            if self._names.count(name) > 1:
                raise ImportRefusedError(
                    "column_twice", "a column stands twice", file=self.file.name, line=line,
                    column=name,
                )  # fmt: skip
            if name not in known:
                self.notes.append(Note("unknown_column", f"{self.file.name}: column {name!r}"))

    def _cells(self, text: str) -> list[str]:
        for cells in csv.reader([text], delimiter=self._comma, strict=True):
            return cells
        return []

    def rows(self) -> Iterator[TableRow | Rejection]:
        """Every row that is not blank, mended where somebody has mended it."""
        for line, raw in self._lines:
            text = self._repairs.get(raw_digest(raw), raw)
            try:
                cells = self._cells(text.rstrip("\r\n"))
            except csv.Error:
                yield self._malformed(line, raw, "cells between commas, quotes in pairs")
                continue
            if len(cells) != len(self._names):
                yield self._malformed(line, raw, f"{len(self._names)} cells, as in the header")
                continue
            pairs = zip(self._names, (cell.strip() for cell in cells), strict=True)
            yield TableRow(self.file, line, raw, {name: cell for name, cell in pairs if cell})

    def _malformed(self, line: int, raw: str, expected: str) -> Rejection:
        # Which cell is the amount is not known any more.
        return Rejection(
            self.file.index, line, "", raw[:200], "malformed_row", expected, raw[:MAX_RAW_TEXT],
            fatal=True,
        )  # fmt: skip


def _lines(file: LandedFile, limits: Limits) -> Iterator[tuple[int, str]]:
    """Numbered lines that are not blank; a record of these tables is one line.

    Raises:
        ImportRefusedError: too many bytes or rows, or bytes that are no text.
    """
    if file.size > min(limits.max_bytes, 64 * 1024**2):
        raise ImportRefusedError("file_too_large", "a table of ours is smaller", file=file.name)
    with file.path.open(encoding="utf-8-sig", newline="") as stream:
        for number in range(1, _MOST_ROWS + 2):
            try:
                text = stream.readline(limits.max_line_chars)
            except UnicodeDecodeError:
                raise ImportRefusedError(
                    "not_utf8", "the file is no UTF-8 text", file=file.name, line=number
                ) from None
            if not text:
                return
            if text.strip("\r\n ;,"):
                yield number, text
    raise ImportRefusedError("too_many_rows", f"more than {_MOST_ROWS} rows", file=file.name)
