"""Rows of a Parquet file as text cells, read by a child process with hard limits."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, overload

from billing.sources.tables.bytestream import PARQUET_MAGIC, Meter
from billing.sources.tables.rows import RowBlock
from portal.imports.contracts import ImportRefusedError, LandedFile, Limits, Note

CHILD = Path(__file__).with_name("parquet_child.py")
MEGABYTE = 1024 * 1024
DATA_BYTES = 320 * MEGABYTE  # heap of the child: with its code, below 400 MB resident
ADDRESS_BYTES = 1536 * MEGABYTE  # a backstop where the limit on data is not kept
CPU_SECONDS = 20  # and more for every row that the file declares
# Real files unpack to 10 to 100 times their size; what passes this is made to take long.
FREE_BYTES = 1024 * MEGABYTE
MOST_UNPACKED_PER_BYTE = 1_000
MAX_FRAME_BYTES = 64 * MEGABYTE
_FLOATS = ("DOUBLE", "FLOAT")
_MINIMUM_BYTES = 12  # magic, length of the footer, magic


class ParquetRows:
    """The columns and rows of one Parquet file; `RowReader` says what each means."""

    header_line: int | None = None

    def __init__(
        self,
        frames: Iterator[dict[str, Any]],
        file: LandedFile,
        meter: Meter,
        money: Collection[str],
    ) -> None:
        """Wait for the columns. `money` names those with amounts, for the note about floats.

        Raises:
            ImportRefusedError: the file is damaged or passes a limit.
        """
        self._frames = frames
        self._file = file
        self._meter = meter
        self._unpacked = 0
        head = next(frames, {})
        self._columns = [(str(name), str(kind)) for name, kind in head["columns"]]
        self._declared = int(head["rows"])
        self.header: Sequence[str] = [name for name, _ in self._columns]
        self.notes: Sequence[Note] = tuple(self._float_notes(money))

    def _float_notes(self, columns: Collection[str]) -> Iterator[Note]:
        money = {name.lower() for name in columns}
        floats = [name for name, kind in self._columns if kind in _FLOATS]
        amounts = [name for name in floats if name.strip().lower() in money]
        if amounts:
            yield Note(
                "binary_floats",
                f"{self._file.name}: amounts are stored as binary floats, read as the shortest "
                f"decimal that gives the same float: {', '.join(amounts)}",
            )

    def blocks(self) -> Iterator[RowBlock]:
        """The rows in the file's order."""
        line = 1
        for frame in self._frames:
            if "end" in frame:
                self._check_end(frame["end"], line - 1)
                return
            rows = frame["cells"]
            self._count(frame["size"])
            if frame["nul"]:
                self._refuse_nul(rows, line)
            yield RowBlock(rows, range(line, line + len(rows)), _RawObjects(self.header, rows))
            line += len(rows)

    def _check_end(self, sent: int, received: int) -> None:
        if not sent == received == self._declared:
            raise ImportRefusedError(
                "damaged_parquet",
                "the number of rows differs from what the file declares",
                file=self._file.name,
                value=str(received),
                expected=f"{self._declared} rows",
            )

    def _count(self, size: int) -> None:
        self._meter.add_bytes(size, file=self._file.name)
        self._unpacked += size
        most = FREE_BYTES + MOST_UNPACKED_PER_BYTE * self._file.path.stat().st_size
        if self._unpacked > most:
            raise ImportRefusedError(
                "unpacks_too_much",
                "the Parquet file unpacks to far more than real data does",
                file=self._file.name,
                value=f"more than {self._unpacked} bytes",
                expected=f"at most {most} bytes for a file of this size",
            )

    def _refuse_nul(self, rows: list[list[str]], first: int) -> None:
        for line, cells in enumerate(rows, first):
            for column, cell in zip(self.header, cells, strict=True):
                if "\0" in cell:
                    raise ImportRefusedError(
                        "nul_byte",
                        "a text holds a NUL character",
                        file=self._file.name,
                        line=line,
                        column=column,
                        value=cell,
                        expected="texts without NUL",
                    )

    def parse_record(self, text: str) -> list[str]:
        """The cells of one mended row, written as a JSON object."""
        wanted = "one JSON object of texts with the columns of this file"
        try:
            document = json.loads(text, parse_float=str, parse_int=str)
        except (ValueError, RecursionError) as error:
            raise ValueError(wanted) from error
        if not isinstance(document, dict) or not set(document) <= set(self.header):
            raise ValueError(wanted)
        cells = [document.get(name) for name in self.header]
        if not all(cell is None or isinstance(cell, str) for cell in cells):
            raise ValueError(wanted)
        return ["" if cell is None else cell for cell in cells]


class _RawObjects(Sequence[str]):
    """Rows as canonical JSON objects, made only when one is asked for."""

    def __init__(self, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self._names = names
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return _RawObjects(self._names, self._rows[index])
        cells = [cell or None for cell in self._rows[index]]
        document = dict(zip(self._names, cells, strict=True))
        return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@contextmanager
def open_parquet_rows(
    file: LandedFile, meter: Meter, *, money: Collection[str] = ()
) -> Iterator[ParquetRows]:
    """Start the child that reads the file; it ends with this context.

    Raises:
        ImportRefusedError: the file is cut, damaged or passes a limit.
    """
    with _frames_of(file, meter) as frames:
        yield ParquetRows(frames, file, meter, money)


def parquet_row(file: LandedFile, row: int) -> tuple[list[tuple[str, str]], str] | None:
    """One row by its number from 1, for somebody who waits.

    Returns:
        its cells with the names of their columns, and all of it as a JSON object; None when the
        file has fewer rows.

    Raises:
        ImportRefusedError: the file is cut, damaged or passes a limit.
    """
    meter = Meter(Limits())
    with _frames_of(file, meter, only_row=row) as frames:
        names = [str(name) for name, _kind in next(frames, {})["columns"]]
        rows: list[list[str]] = next(frames, {}).get("cells", [])
    if not rows:
        return None
    return list(zip(names, rows[0], strict=True)), _RawObjects(names, rows)[0]


@contextmanager
def _frames_of(
    file: LandedFile, meter: Meter, *, only_row: int = 0
) -> Iterator[Iterator[dict[str, Any]]]:
    """What the child tells, of all rows or of one; it ends with this context."""
    _check_footer(file)
    limits = meter.limits
    allowance = {
        "max_rows": limits.max_rows - meter.rows_read,
        "max_columns": limits.max_columns,
        "max_cell_chars": limits.max_cell_chars,
        "max_line_chars": limits.max_line_chars,
        "data_bytes": DATA_BYTES,
        "address_bytes": ADDRESS_BYTES,
        "cpu_seconds": CPU_SECONDS,
        "only_row": only_row,
    }
    # Isolated: the child sees no variable of ours, so no credential either.
    with file.path.open("rb") as content:
        child = subprocess.Popen(
            [sys.executable, "-I", str(CHILD), json.dumps(allowance)],
            stdin=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"MALLOC_ARENA_MAX": "1"},
        )
    assert child.stdout is not None  # noqa: S101 - it is a pipe, for the type checker
    try:
        yield _read_frames(child.stdout, file)
    finally:
        child.kill()
        child.stdout.close()
        child.wait()


def _check_footer(file: LandedFile) -> None:
    size = file.path.stat().st_size
    with file.path.open("rb") as stream:
        stream.seek(max(0, size - 8))
        ending = stream.read(8)
    footer = int.from_bytes(ending[:4], "little")
    if size < _MINIMUM_BYTES or ending[4:] != PARQUET_MAGIC or footer > size - _MINIMUM_BYTES:
        raise ImportRefusedError(
            "truncated_parquet",
            "the Parquet file has no footer: it is cut off",
            file=file.name,
            value=repr(ending),
            expected="a footer and PAR1 at the end",
        )


def _read_frames(stream: IO[bytes], file: LandedFile) -> Iterator[dict[str, Any]]:
    while True:
        length = stream.read(4)
        size = int.from_bytes(length, "big")
        data = stream.read(size) if len(length) == 4 and size <= MAX_FRAME_BYTES else b""
        if not size or len(data) != size:
            # Killed by a limit, or by what the file did to it.
            raise _too_costly(file)
        frame: dict[str, Any] = json.loads(data)
        # An escaped backslash before it looks the same: worth a look, not yet a NUL.
        frame |= {"size": size, "nul": b"\\u0000" in data}
        refused = frame.get("refused")
        if refused is None:
            yield frame
        elif refused["code"] == "too_much_memory":
            raise _too_costly(file)
        else:
            raise ImportRefusedError(file=file.name, **refused)


def _too_costly(file: LandedFile) -> ImportRefusedError:
    return ImportRefusedError(
        "too_costly",
        "reading the Parquet file takes more memory or time than is allowed",
        file=file.name,
        expected=f"a file that can be read within {DATA_BYTES // MEGABYTE} MB",
    )
