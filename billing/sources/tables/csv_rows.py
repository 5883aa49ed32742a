"""CSV as FOCUS files really come: strict about quotes and cells, tolerant about line endings.

The text is cut into physical lines first and parsed block by block, so that memory is bounded
and every record keeps its line number and exact text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import pairwise

from billing.sources.tables.bytestream import EXPECTED_FORMAT, Meter, TextBytes
from billing.sources.tables.rows import RowBlock
from portal.imports.contracts import ImportRefusedError, Note

BLOCK_BYTES = 256 * 1024  # small enough that its rows stay in the processor's cache
MAX_RECORD_LINES = 50_000
_BOM = b"\xef\xbb\xbf"
_CUT_QUOTE = "unexpected end of data"  # what the csv module says of an open quote at the end


class CsvRows:
    """The header and rows of one CSV file."""

    def __init__(self, stream: TextBytes, meter: Meter, *, file: str) -> None:
        """Read as far as the header.

        Raises:
            ImportRefusedError: there is none, or the text before it cannot be read.
        """
        self._stream = stream
        self._meter = meter
        self._limits = meter.limits
        self._file = file
        self._line = 1  # at which the next record starts
        self._text_line = 1  # at which the next text that is not yet decoded starts
        self._byte = 0  # bytes before that text
        # The module's own limit is for the whole process: never lower it for others.
        longest = 2 * self._limits.max_line_chars + BLOCK_BYTES
        csv.field_size_limit(max(csv.field_size_limit(), longest))
        self.header: Sequence[str] = ()
        self.notes: Sequence[Note] = ()
        self._blocks = self._parse_blocks()
        self._rest: RowBlock | None = None
        self.header_line: int | None = None
        self.header, self.header_line = self._read_header()

    def _read_header(self) -> tuple[Sequence[str], int]:
        for block in self._blocks:
            for index, cells in enumerate(block.rows):
                if any(cell.strip() for cell in cells):
                    after = index + 1
                    self._rest = RowBlock(
                        block.rows[after:],
                        block.lines[after:],
                        block.texts[after:],
                        block.unterminated,
                    )
                    return cells, block.lines[index]
            self._meter.add_blank_rows(len(block.rows), file=self._file)
        raise ImportRefusedError(
            "empty_file", "the file holds no text", file=self._file, expected=EXPECTED_FORMAT
        )

    def blocks(self) -> Iterator[RowBlock]:
        """The rows after the header; see `RowReader.blocks`."""
        if self._rest is not None and self._rest.rows:
            yield self._rest
        self._rest = None
        yield from self._blocks

    def parse_record(self, text: str) -> list[str]:
        """The cells of one mended record; see `RowReader.parse_record`."""
        lines = io.StringIO(text.rstrip("\r\n"), newline="").readlines()
        wanted = f"one CSV record of {len(self.header)} cells"
        try:
            records = list(csv.reader(lines, strict=True))
        except csv.Error as error:
            raise ValueError(wanted) from error
        if len(records) != 1 or len(records[0]) != len(self.header):
            raise ValueError(wanted)
        return records[0]

    def _parse_blocks(self) -> Iterator[RowBlock]:
        """Parse whole lines; a record still open at the end of a block waits for the next."""
        open_lines: list[str] = []
        for text, final in self._text_blocks():
            new_lines = io.StringIO(text, newline="").readlines()
            self._check_lines(new_lines)
            self._text_line += len(new_lines)
            lines = open_lines + new_lines
            rows, starts = self._parse_lines(lines, final=final)
            first, self._line = self._line, self._line + starts[-1]
            open_lines = lines[starts[-1] :]
            self._check_open_record(open_lines)
            if rows:
                yield RowBlock(
                    rows,
                    range(first, first + len(rows))
                    if starts[-1] == len(rows)
                    else [first + start for start in starts[:-1]],
                    _texts(lines, starts),
                    unterminated=final and not lines[-1].endswith(("\n", "\r")),
                )
        if open_lines:
            self._parse_carefully(open_lines, final=True)

    def _parse_lines(
        self, lines: list[str], *, final: bool
    ) -> tuple[list[list[str]], Sequence[int]]:
        """Records of these lines, and the line at which each starts and the last one ends."""
        try:
            rows = list(csv.reader(lines, strict=True))
        except csv.Error:
            rows = []
        if len(rows) == len(lines):
            self._check_cells(rows, lines, range(len(rows)))
            return rows, range(len(rows) + 1)
        return self._parse_carefully(lines, final=final)

    def _parse_carefully(
        self, lines: list[str], *, final: bool
    ) -> tuple[list[list[str]], list[int]]:
        """The same record by record: cells hold line breaks, or something is wrong."""
        rows: list[list[str]] = []
        starts = [0]
        reader = csv.reader(lines, strict=True)
        try:
            for cells in reader:
                rows.append(cells)
                starts.append(reader.line_num)
        except csv.Error as error:
            cut = _CUT_QUOTE in str(error)
            if final or not cut:
                raise self._bad_quotes(lines[starts[-1] :], starts[-1], cut=cut) from error
        self._check_cells(rows, _texts(lines, starts), starts)
        return rows, starts

    def _bad_quotes(self, lines: list[str], offset: int, *, cut: bool) -> ImportRefusedError:
        text = "".join(lines)
        if cut:
            return self._refused(
                "truncated_file",
                "the file ends inside a quoted cell",
                line=self._line + offset,
                value=text[-200:],
                expected="a closing quote and a complete last record",
            )
        return self._refused(
            "bad_quoting",
            "a quoted cell goes on after its closing quote",
            line=self._line + offset,
            value=text,
            expected='a comma or the line\'s end after it, inner quotes doubled ("a ""b"" c")',
        )

    def _text_blocks(self) -> Iterator[tuple[str, bool]]:
        """Decoded text of whole lines, and whether it is the last and lacks a line ending."""
        tail = b""
        while data := self._stream.read(BLOCK_BYTES):
            if b"\0" in data:
                raise self._nul_found(tail + data)
            data = tail + data
            if not self._byte and data.startswith(_BOM):
                data = data[len(_BOM) :]
                self._byte = len(_BOM)
            # A lone carriage return ends a line too; one at the very end may go with a newline.
            cut = max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1
            tail = data[cut:]
            if len(tail) > self._limits.max_line_chars:
                self._check_lines([tail.decode("utf-8", "ignore")])
            if cut:
                yield self._decode(data[:cut]), False
                self._byte += cut
        if tail:
            yield self._decode(tail), True

    def _decode(self, data: bytes) -> str:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._refused(
                "not_utf8",
                f"byte {self._byte + error.start + 1} of the text is not UTF-8",
                line=self._text_line + _line_ends(data[: error.start]),
                value=f"0x{data[error.start]:02x}",
                expected="text in UTF-8",
            ) from error

    def _nul_found(self, data: bytes) -> ImportRefusedError:
        at = data.index(b"\0")
        return self._refused(
            "nul_byte",
            f"byte {self._byte + at + 1} of the text is NUL",
            line=self._text_line + _line_ends(data[:at]),
            value="0x00",
            expected="text in UTF-8",
        )

    def _check_lines(self, lines: list[str]) -> None:
        limit = self._limits.max_line_chars
        if max(map(len, lines)) <= limit:
            return
        for offset, line in enumerate(lines):
            if len(line) > limit:
                raise self._refused(
                    "line_too_long",
                    "a line is too long",
                    line=self._text_line + offset,
                    value=f"{line[:60]}… ({len(line)} characters or more)",
                    expected=f"at most {limit} characters",
                )

    def _check_open_record(self, lines: list[str]) -> None:
        too_long = sum(map(len, lines)) > self._limits.max_line_chars
        if too_long or len(lines) > MAX_RECORD_LINES:
            raise self._refused(
                "line_too_long",
                "a quoted cell is not closed, or its record is too long",
                line=self._line,
                value=f"{lines[0][:60]}…",
                expected=(
                    f"records of at most {self._limits.max_line_chars} characters "
                    f"and {MAX_RECORD_LINES} lines"
                ),
            )

    def _check_cells(
        self, rows: list[list[str]], texts: Sequence[str], starts: Sequence[int]
    ) -> None:
        limit = self._limits.max_cell_chars
        if not texts or max(map(len, texts)) <= limit:
            return
        # In the first block the header is still among the rows.
        names = self.header or next(filter(None, rows))
        for cells, start in zip(rows, starts, strict=False):
            for index, cell in enumerate(cells):
                if len(cell) > limit:
                    raise self._refused(
                        "cell_too_long",
                        "a cell is too long",
                        line=self._line + start,
                        column=names[index] if index < len(names) else f"number {index + 1}",
                        value=f"{cell[:60]}… ({len(cell)} characters)",
                        expected=f"at most {limit} characters",
                    )

    def _refused(
        self, code: str, problem: str, *, line: int, column: str = "", value: str, expected: str
    ) -> ImportRefusedError:
        return ImportRefusedError(
            code,
            problem,
            file=self._file,
            line=line,
            column=column,
            value=value,
            expected=expected,
        )


def _texts(lines: list[str], starts: Sequence[int]) -> list[str]:
    if starts[-1] == len(starts) - 1:
        return lines[: starts[-1]]
    return ["".join(lines[a:b]) for a, b in pairwise(starts)]


def _line_ends(data: bytes) -> int:
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
