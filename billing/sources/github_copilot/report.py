"""The billing report as CSV: UTF-8 with a byte order mark, every cell quoted, nothing for null."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from billing.sources.pages import GZIP_DAMAGE, Page, damaged_gzip, unpacked
from portal.imports.contracts import ImportRefusedError, LandedFile, Limits, Note

ENDPOINT = "report"
EMPTY_ANSWERS = (b'""', b"null")  # what GitHub answers when there is no report yet
REQUIRED = (
    *("date", "username", "product", "sku", "model", "quantity", "unit_type"),
    *("gross_amount", "discount_amount", "net_amount"),
)
KNOWN = {
    *REQUIRED,
    *("applied_cost_per_quantity", "total_monthly_quota", "organization", "repository"),
    *("cost_center_name", "aic_quantity", "aic_gross_amount"),
}


def is_report(file: LandedFile) -> bool:
    """Whether the file, unpacked, is text with a header, and no JSON.

    Raises:
        ImportRefusedError: it is packed and damaged.
    """
    try:
        with unpacked(file) as stream:
            start = stream.read(64)
    except GZIP_DAMAGE as error:
        raise damaged_gzip(file) from error
    start = start.removeprefix(b"\xef\xbb\xbf").strip()
    # A saved empty answer is JSON, though it begins like a quoted header.
    return bool(start) and start[:1] not in (b"{", b"[", b"<") and start not in EMPTY_ANSWERS


def report_rows(file: LandedFile, limits: Limits, notes: list[Note]) -> Iterator[Page]:
    """Each line of a report as a page whose body is the row, by column.

    Raises:
        ImportRefusedError: not UTF-8, cut off, damaged, columns missing, or beyond the limits.
    """
    try:
        with (
            unpacked(file) as stream,
            io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as text,
        ):
            yield from _rows(file, _lines(file, text, limits), limits, notes)
    except UnicodeDecodeError as error:
        raise ImportRefusedError(
            "not_utf8",
            "the file is not UTF-8",
            file=file.name,
            expected="the report as it came",
        ) from error


def _lines(file: LandedFile, stream: io.TextIOBase, limits: Limits) -> Iterator[str]:
    """The lines of a file, counted as they are after unpacking: a small file may hold a large one,
    and one without any line ending must not be read to its end."""
    size = 0
    while line := _read_line(file, stream, limits.max_line_chars + 1):
        size += len(line.encode())
        if len(line) > limits.max_line_chars:
            raise ImportRefusedError("line_too_long", "a line is too long", file=file.name)
        if size > limits.max_bytes:
            raise ImportRefusedError(
                "too_large", "the input is larger than is taken", file=file.name
            )
        yield line


def _read_line(file: LandedFile, stream: io.TextIOBase, most: int) -> str:
    try:
        return stream.readline(most)
    except GZIP_DAMAGE as error:
        raise damaged_gzip(file) from error


def _rows(
    file: LandedFile, lines: Iterator[str], limits: Limits, notes: list[Note]
) -> Iterator[Page]:
    reader = csv.reader(lines, strict=True)
    start = 1
    try:
        header = next(reader, [])
        _check_header(file, header, notes)
        start = reader.line_num + 1
        count = 0
        for cells in reader:
            if cells:
                count += 1
                _check_row(file, start, header, cells, count, limits)
                yield Page(file, start, ENDPOINT, dict(zip(header, cells, strict=True)))
            start = reader.line_num + 1
    except csv.Error as error:
        raise ImportRefusedError(
            "truncated_file",
            f"the record cannot be read: {error}",
            file=file.name,
            line=start,
            expected="the whole report, every quote closed",
        ) from error


def _check_header(file: LandedFile, header: list[str], notes: list[Note]) -> None:
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise ImportRefusedError(
            "missing_columns",
            f"this is no billing report of AI credits: it lacks {', '.join(missing)}",
            file=file.name,
            line=1,
            expected="the report of type ai_credit as it came",
        )
    if len(set(header)) != len(header):
        raise ImportRefusedError(
            "duplicate_column", "a column stands twice", file=file.name, line=1
        )
    unknown = sorted(set(header) - KNOWN)
    if unknown:
        notes.append(Note("unknown_columns", f"{file.name}: not read: {', '.join(unknown)}."))


def _check_row(
    file: LandedFile, line: int, header: list[str], cells: list[str], count: int, limits: Limits
) -> None:
    if len(cells) != len(header):
        raise ImportRefusedError(
            "bad_cell_count",
            f"the record has {len(cells)} cells",
            file=file.name,
            line=line,
            expected=f"{len(header)} cells, as in the header",
        )
    if count > limits.max_rows:
        raise ImportRefusedError("too_many_rows", "the file has too many rows", file=file.name)
