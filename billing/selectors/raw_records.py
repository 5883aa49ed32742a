"""The record behind a cost line, read again from the file that it came in.

Streamed and bounded: a page must not read a gigabyte to show a line. What was read is shown as it
came; nothing here interprets it, beyond pairing the cells of a CSV record with its header.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from billing.sources.tables.parquet_rows import parquet_row
from portal.imports.contracts import ImportRefusedError, LandedFile
from portal.imports.files import landed_path

PAGE_BYTES = 256 * 1024 * 1024  # decompressed; about two seconds
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_MOST_LINE_BYTES = 4 * 1024 * 1024
_MOST_RECORD_LINES = 2_000
_MOST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class RawRecord:
    """What stands in the file, or why it cannot be shown.

    Attributes:
        text: the record as it came, cut at 20,000 characters; empty with a `problem`.
        cells: column and value, where the file has a header.
        problem: why there is none, as a sentence.
    """

    text: str = ""
    cells: list[tuple[str, str]] = field(default_factory=list)
    problem: str = ""


class _TooDeepError(Exception):
    """The record lies further in than may be read."""


class _NotThereError(Exception):
    """The file ends before the record."""


def raw_record(*, sha256: str, line: int, most_bytes: int | None = PAGE_BYTES) -> RawRecord:
    """Read record `line` (first physical line from 1; row from 1 in Parquet) of a landed file.

    Args:
        most_bytes: how many decompressed bytes may be read on the way; None: all.
    """
    path = landed_path(sha256)
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
        if magic == _PARQUET:
            return _parquet_row(path, sha256, line)
        return _csv_record(path, line, packed=magic.startswith(_GZIP), most_bytes=most_bytes)
    except FileNotFoundError:
        return RawRecord(
            problem="The imported file is no longer in the landing directory: it was removed "
            f"there. Its SHA-256 is {sha256}, so a copy kept elsewhere can be recognised."
        )
    except _TooDeepError:
        return RawRecord(
            problem=f"Line {line:,} lies deeper in the file than a page may read. "
            "`manage.py explain charge:…` has no such limit."
        )
    except _NotThereError:
        return RawRecord(problem=f"The imported file ends before line {line:,}.")
    except (OSError, EOFError, zlib.error) as error:
        return RawRecord(problem=f"The imported file cannot be read: {type(error).__name__}.")


def _csv_record(path: Path, line: int, *, packed: bool, most_bytes: int | None) -> RawRecord:
    with path.open("rb") as raw:
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=raw, mode="rb")) if packed else raw
        lines = _lines(stream, most_bytes)
        number = 1
        header: list[str] = []
        if line > 1:
            header_text, number = _record_text(lines, number)
            header = _cells(header_text.removeprefix("\ufeff"))
        for _ in range(line - number):
            if next(lines, None) is None:
                raise _NotThereError
        text, _ = _record_text(lines, line)
    values = _cells(text)
    pairs = list(zip(header, values, strict=False)) if len(header) == len(values) else []
    return RawRecord(text=text.rstrip("\r\n")[:_MOST_TEXT], cells=pairs)


def _lines(stream: BinaryIO, most_bytes: int | None) -> Iterator[bytes]:
    """Physical lines, ended by LF."""
    read = 0
    while piece := stream.readline(_MOST_LINE_BYTES):
        read += len(piece)
        if most_bytes is not None and read > most_bytes:
            raise _TooDeepError
        if not piece.endswith(b"\n") and len(piece) == _MOST_LINE_BYTES:
            raise _TooDeepError
        yield piece


def _record_text(lines: Iterator[bytes], number: int) -> tuple[str, int]:
    """One record, which may hold quoted line breaks, and the number of the line after it."""
    parts: list[str] = []
    quotes = 0
    for piece in islice(lines, _MOST_RECORD_LINES):
        text = piece.decode("utf-8", "replace")
        parts.append(text)
        quotes += text.count('"')
        number += 1
        if quotes % 2 == 0:
            break
    if not parts:
        raise _NotThereError
    return "".join(parts), number


def _cells(text: str) -> list[str]:
    delimiter = max(",;\t|", key=text.count)
    csv.field_size_limit(max(csv.field_size_limit(), _MOST_LINE_BYTES))
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []


def _parquet_row(path: Path, sha256: str, row: int) -> RawRecord:
    """One row, read by a process with limits: the file comes from outside."""
    file = LandedFile(0, path.name, path, sha256, path.stat().st_size)
    try:
        found = parquet_row(file, row)
    except ImportRefusedError as error:
        return RawRecord(problem=f"The imported file cannot be read: {error.problem}.")
    if found is None:
        raise _NotThereError
    cells, text = found
    return RawRecord(text=text[:_MOST_TEXT], cells=cells)
