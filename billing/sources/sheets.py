"""Small CSV files with named columns, as people and admin consoles write them.

Thousands of rows, not millions: `focus` has a path of its own for those. Every row keeps its line
and its exact text, so that the quarantine can show it and a repair can find it again.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from billing.sources.lines import BadValueError
from billing.sources.pages import GZIP_DAMAGE, damaged_gzip
from portal.imports.contracts import (
    MAX_RAW_TEXT,
    ImportRefusedError,
    LandedFile,
    ReadOptions,
    Rejection,
    raw_digest,
)

_GZIP = b"\x1f\x8b"
_BOM = "\ufeff"
MAX_REJECTIONS = 1_000


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One record: its cells by column, without surrounding blanks."""

    file: LandedFile
    line: int
    text: str
    cells: Mapping[str, str]

    def reject(self, error: BadValueError) -> Rejection:
        """This row, put aside for what is wrong with it."""
        return Rejection(
            file_index=self.file.index,
            line=self.line,
            field=error.field,
            value=error.value[:200],
            code=error.code,
            expected=error.expected,
            raw_text=self.text[:MAX_RAW_TEXT],
            fatal=error.fatal,
        )


@dataclass(frozen=True, slots=True)
class Sheet:
    """One file: its columns as the header writes them, and its records."""

    file: LandedFile
    columns: tuple[str, ...]
    rows: tuple[SheetRow, ...]


def read_sheet(file: LandedFile, options: ReadOptions) -> Sheet:
    """The whole file, plain or gzip, UTF-8, with repairs from the quarantine in place.

    Raises:
        ImportRefusedError: empty, too large, not text, a column twice, a row of another width,
            or an end inside quotation marks.
    """
    records = list(_records(file, _text(file, options), options))
    if not records:
        raise ImportRefusedError("no_rows", "the file is empty", file=file.name)
    columns = tuple(name.strip() for name in records[0][2])
    if len(set(columns)) != len(columns):
        twice = next(name for name in columns if columns.count(name) > 1)
        raise ImportRefusedError(
            "duplicate_column", "a column stands twice", file=file.name, line=1, column=twice
        )
    rows = tuple(
        _row(file, line, text, cells, columns, options) for line, text, cells in records[1:]
    )
    if len(rows) > options.limits.max_rows:
        raise ImportRefusedError("too_many_rows", "the file has too many rows", file=file.name)
    return Sheet(file, columns, rows)


def _text(file: LandedFile, options: ReadOptions) -> str:
    most = options.limits.max_bytes
    with file.path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
        raw.seek(0)
        try:
            content = (gzip.GzipFile(fileobj=raw) if packed else raw).read(most + 1)
        except GZIP_DAMAGE as error:
            raise damaged_gzip(file) from error
    if len(content) > most:
        raise ImportRefusedError("too_large", "the file is larger than is taken", file=file.name)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ImportRefusedError(
            "not_utf8", "the file is not UTF-8 text", file=file.name, line=line
        ) from error
    if "\0" in text:
        raise ImportRefusedError("nul_byte", "the file holds a NUL byte", file=file.name)
    return text.removeprefix(_BOM)


class _Lines:
    """The lines of a text, and how much of it has been read since the last record."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self.taken: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken.append(line)
        return line


def _records(
    file: LandedFile, text: str, options: ReadOptions
) -> Iterator[tuple[int, str, list[str]]]:
    """First line, exact text and cells of each record; lines without any value are none."""
    lines = _Lines(text)
    reader = csv.reader(lines, strict=True)
    start = 1
    while True:
        lines.taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ImportRefusedError(
                "bad_quoting", f"this is not CSV: {error}", file=file.name, line=start
            ) from error
        if any(len(cell) > options.limits.max_cell_chars for cell in cells):
            raise ImportRefusedError("cell_too_long", "a cell is too long", file=file.name,
                                     line=start)  # fmt: skip
        if any(map(str.strip, cells)):
            yield start, "".join(lines.taken).rstrip("\r\n"), cells
        start = reader.line_num + 1


def _row(
    file: LandedFile,
    line: int,
    text: str,
    cells: list[str],
    columns: tuple[str, ...],
    options: ReadOptions,
) -> SheetRow:
    if options.repairs and (repair := options.repairs.get(raw_digest(text))) is not None:
        cells = next(csv.reader([repair]), [])
    if len(cells) != len(columns):
        few = len(cells) < len(columns)
        raise ImportRefusedError(
            "too_few_cells" if few else "too_many_cells",
            f"a record has {'fewer' if few else 'more'} cells than the header",
            file=file.name,
            line=line,
            column=columns[len(cells)] if few else f"number {len(columns) + 1}",
            expected=f"{len(columns)} cells (it has {len(cells)})",
        )
    return SheetRow(
        file, line, text, dict(zip(columns, (cell.strip() for cell in cells), strict=True))
    )


def count_rejections(number: int, row: SheetRow) -> None:
    """Refuse an input in which nearly everything is wrong.

    Raises:
        ImportRefusedError: there are more rejections than a person would go through.
    """
    if number > MAX_REJECTIONS:
        raise ImportRefusedError(
            "too_many_rejections",
            f"more than {MAX_REJECTIONS} rows are not right",
            file=row.file.name,
            line=row.line,
        )
