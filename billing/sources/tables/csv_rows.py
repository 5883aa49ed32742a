"""CSV as FOCUS files really come: strict about quotes and cells, tolerant about line endings.

The text is cut into physical lines first and parsed block by block, so that memory is bounded
and every record keeps its line number and exact text. Whoever can read many whole lines at once is
offered them first (`ChunkReader`); what it does not take is parsed here.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol, TypeVar

from billing.sources.tables.bytestream import EXPECTED_FORMAT, Meter, TextBytes
from billing.sources.tables.rows import RowBlock
from portal.imports.contracts import ImportRefusedError, Note

BLOCK_BYTES = 256 * 1024  # small enough that its rows stay in the processor's cache
MAX_RECORD_LINES = 50_000
CHUNK_BYTES = 4 * 1024 * 1024
CHUNKS_AHEAD = 2  # begun beside the one that is taken
LEAST_CHUNK_BYTES = 512 * 1024  # below, it is not worth the while
BOM = b"\xef\xbb\xbf"
_CUT_QUOTE = "unexpected end of data"  # what the csv module says of an open quote at the end


Taken = TypeVar("Taken", covariant=True)


class ChunkReader(Protocol[Taken]):
    """Reads many whole lines at once, each of them one record."""

    def begin(self, data: bytes, first_line: int) -> Callable[[], Taken | None]:
        """Start reading; what is returned waits for what the lines hold, or for None when they are
        not taken."""
        ...


@dataclass(frozen=True, slots=True)
class _Piece:
    """Whole lines as bytes, and where they begin: at which line, after how many bytes.

    The last piece of a file may lack its line ending: it is `final`.
    """

    data: bytes
    line: int
    byte: int
    final: bool


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
        # The module's own limit is for the whole process: never lower it for others.
        longest = 2 * self._limits.max_line_chars + BLOCK_BYTES
        csv.field_size_limit(max(csv.field_size_limit(), longest))
        self.header: Sequence[str] = ()
        self.notes: Sequence[Note] = ()
        self._open_lines: list[str] = []  # of a record that the next piece goes on with
        self._pieces = self._cut_pieces()
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

    def chunks(self, reader: ChunkReader[Taken]) -> Iterator[RowBlock | Taken]:
        """The same, but what `reader` takes comes as it hands it on.

        It is offered a few megabytes at a time, except the first lines and the last ones of a file:
        a small file is parsed here.
        """
        if self._rest is not None and self._rest.rows:
            yield self._rest
        self._rest = None
        begun: deque[tuple[list[_Piece], Callable[[], Taken | None] | None]] = deque()
        for pieces, problem in self._gathered():
            size = sum(len(piece.data) for piece in pieces)
            take = None
            if size >= LEAST_CHUNK_BYTES and not pieces[-1].final:
                take = reader.begin(b"".join([piece.data for piece in pieces]), pieces[0].line)
            begun.append((pieces, take))
            if problem is not None:
                break
            if len(begun) > CHUNKS_AHEAD:
                yield from self._settle(*begun.popleft())
        else:
            problem = None
        while begun:
            yield from self._settle(*begun.popleft())
        if problem is not None:
            raise problem
        self._finish()

    def _settle(
        self, pieces: list[_Piece], take: Callable[[], Taken | None] | None
    ) -> Iterator[RowBlock | Taken]:
        """What the reader took of the pieces, or else their rows. A record that is still open goes
        on in them, so they are not whole ones."""
        taken = None if take is None or self._open_lines else take()
        if taken is None:
            for piece in pieces:
                yield from self._parse_piece(piece)
            return
        self._line = pieces[-1].line + _line_ends(pieces[-1].data)
        yield taken

    def _gathered(self) -> Iterator[tuple[list[_Piece], ImportRefusedError | None]]:
        """Pieces of a chunk together, and what is wrong behind them, if anything is: what comes
        before it in the file is looked at first, as it is without chunks."""
        pieces: list[_Piece] = []
        size = 0
        try:
            for piece in self._pieces:
                # The end of a file is parsed by itself, so that it does not keep a chunk from being
                # taken.
                if pieces and (piece.final or size + len(piece.data) > CHUNK_BYTES):
                    yield pieces, None
                    pieces, size = [], 0
                pieces.append(piece)
                size += len(piece.data)
        except ImportRefusedError as problem:
            if not pieces:
                raise
            yield pieces, problem
        else:
            if pieces:
                yield pieces, None

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
        for piece in self._pieces:
            yield from self._parse_piece(piece)
        self._finish()

    def _finish(self) -> None:
        if self._open_lines:
            self._parse_carefully(self._open_lines, final=True)

    def _parse_piece(self, piece: _Piece) -> Iterator[RowBlock]:
        """Parse whole lines; a record still open at the end waits for the next piece."""
        new_lines = io.StringIO(self._decode(piece), newline="").readlines()
        self._check_lines(new_lines, piece.line)
        lines = self._open_lines + new_lines
        rows, starts = self._parse_lines(lines, final=piece.final)
        first, self._line = self._line, self._line + starts[-1]
        self._open_lines = lines[starts[-1] :]
        self._check_open_record(self._open_lines)
        if rows:
            yield RowBlock(
                rows,
                range(first, first + len(rows))
                if starts[-1] == len(rows)
                else [first + start for start in starts[:-1]],
                _texts(lines, starts),
                unterminated=piece.final and not lines[-1].endswith(("\n", "\r")),
            )

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

    def _cut_pieces(self) -> Iterator[_Piece]:
        """The bytes of the file, cut behind line endings."""
        tail = b""
        line, byte = 1, 0
        while data := self._stream.read(BLOCK_BYTES):
            if b"\0" in data:
                raise self._nul_found(tail + data, line, byte)
            data = tail + data
            if not byte and data.startswith(BOM):
                data = data[len(BOM) :]
                byte = len(BOM)
            # A lone carriage return ends a line too; one at the very end may go with a newline.
            cut = max(data.rfind(b"\n"), data.rfind(b"\r", 0, len(data) - 1)) + 1
            tail = data[cut:]
            if len(tail) > self._limits.max_line_chars:
                self._check_lines([tail.decode("utf-8", "ignore")], line)
            if cut:
                piece = _Piece(data[:cut], line, byte, False)
                yield piece
                line += _line_ends(piece.data)
                byte += cut
        if tail:
            yield _Piece(tail, line, byte, True)

    def _decode(self, piece: _Piece) -> str:
        data = piece.data
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._refused(
                "not_utf8",
                f"byte {piece.byte + error.start + 1} of the text is not UTF-8",
                line=piece.line + _line_ends(data[: error.start]),
                value=f"0x{data[error.start]:02x}",
                expected="text in UTF-8",
            ) from error

    def _nul_found(self, data: bytes, line: int, byte: int) -> ImportRefusedError:
        at = data.index(b"\0")
        return self._refused(
            "nul_byte",
            f"byte {byte + at + 1} of the text is NUL",
            line=line + _line_ends(data[:at]),
            value="0x00",
            expected="text in UTF-8",
        )

    def _check_lines(self, lines: list[str], first: int) -> None:
        limit = self._limits.max_line_chars
        if max(map(len, lines)) <= limit:
            return
        for offset, line in enumerate(lines):
            if len(line) > limit:
                raise self._refused(
                    "line_too_long",
                    "a line is too long",
                    line=first + offset,
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
    if b"\r" not in data:  # looking for pairs takes as long as all the rest of the cutting
        return data.count(b"\n")
    return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n")
