"""The billing report as CSV: UTF-8 with a byte order mark, every cell quoted, nothing for null."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from billing.sources.pages import Page
from portal.imports.contracts import ImportRefusedError, LandedFile, Limits, Note

ENDPOINT = "report"
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
    """Whether the file is text with a header, and no JSON and nothing packed."""
    with file.path.open("rb") as stream:
        start = stream.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    return bool(start) and start[:1] not in (b"{", b"[", b"<") and b"\x1f\x8b" not in start[:2]


def report_rows(file: LandedFile, limits: Limits, notes: list[Note]) -> Iterator[Page]:
    """Each line of a report as a page whose body is the row, by column.

    Raises:
        ImportRefusedError: not UTF-8, cut off, columns missing, or beyond the limits.
    """
    if file.size > limits.max_bytes:
        raise ImportRefusedError("too_large", "the input is larger than is taken", file=file.name)
    with file.path.open(encoding="utf-8-sig", newline="") as stream:
        try:
            yield from _rows(file, stream, limits, notes)
        except UnicodeDecodeError as error:
            raise ImportRefusedError(
                "not_utf8",
                "the file is not UTF-8",
                file=file.name,
                expected="the report as it came",
            ) from error


def _rows(
    file: LandedFile, stream: io.TextIOBase, limits: Limits, notes: list[Note]
) -> Iterator[Page]:
    reader = csv.reader(stream, strict=True)
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
