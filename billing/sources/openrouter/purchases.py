"""Purchases of credits as a CSV that a person keeps: OpenRouter has no list of them to fetch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from billing.sources.lines import BadValueError
from billing.sources.pages import GZIP_DAMAGE, Page, damaged_gzip, unpacked
from portal.imports.contracts import ImportRefusedError, LandedFile, Limits
from portal.wording import counted

ENDPOINT = "purchases"
COLUMNS = ("date", "credits", "amount", "currency", "invoice_id", "description")
_REQUIRED = COLUMNS[:4]
MAX_BYTES = 64 * 1024**2  # of the list, unpacked: it is read whole


def is_purchases(file: LandedFile) -> bool:
    """Whether the file is text, perhaps packed, that starts with the name of a column."""
    try:
        with unpacked(file) as stream:
            start = stream.read(256).removeprefix(b"\xef\xbb\xbf").lstrip(b' "').lower()
    except GZIP_DAMAGE as error:
        raise damaged_gzip(file) from error
    return start.startswith(tuple(name.encode() for name in COLUMNS))


def purchase_rows(file: LandedFile, limits: Limits) -> Iterator[Page]:
    """Each line as a page whose body is the row, by column in small letters. Of a row of another
    width than the header, a cell that is missing is None, and cells too many stand under `""`.

    Raises:
        ImportRefusedError: not UTF-8, no such columns, or cut off.
    """
    line = 1
    try:
        text = _content(file, min(limits.max_bytes, MAX_BYTES)).decode("utf-8-sig")
        lines = io.StringIO(text, newline="")
        reader = csv.reader(lines, strict=True)
        header = [name.strip().lower() for name in next(reader)]
        if not set(_REQUIRED) <= set(header) <= set(COLUMNS) or len(set(header)) < len(header):
            raise ImportRefusedError(
                "missing_columns",
                f"the columns are {', '.join(header)}",
                file=file.name,
                line=1,
                expected=f"{', '.join(_REQUIRED)}, and perhaps {', '.join(COLUMNS[4:])}",
            )
        line = reader.line_num + 1
        for cells in reader:
            if len(cells) < len(header) and lines.tell() == len(text) and text[-1] not in "\r\n":
                raise ValueError("the file ends within it")
            if cells:
                yield Page(file, line, ENDPOINT, _row(header, cells))
            line = reader.line_num + 1
    except (csv.Error, ValueError) as error:
        raise ImportRefusedError(
            "truncated_file",
            f"the record cannot be read: {error}",
            file=file.name,
            line=line,
            expected="UTF-8, a whole last line, every quote closed",
        ) from error


def _row(header: list[str], cells: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = dict(zip_longest(header, cells[: len(header)]))
    return row | {"": cells[len(header) :]} if len(cells) > len(header) else row


def check_width(row: Mapping[str, Any]) -> None:
    """See that a row has as many cells as its header: which of them is the amount is not known
    where one is missing.

    Raises:
        BadValueError: it has not.
    """
    columns = [name for name in row if name]
    expected = f"{counted(len(columns), 'cell')}, as in the header"
    missing = [name for name in columns if row[name] is None]
    if missing:
        found = len(columns) - len(missing)
        raise BadValueError(missing[0], "", "too_few_cells", f"{expected} (it has {found})")
    if "" in row:
        raise BadValueError("", row[""], "too_many_cells", expected)


def _content(file: LandedFile, most: int) -> bytes:
    """The bytes of the file, unpacked."""
    try:
        with unpacked(file) as stream:
            content = stream.read(most + 1)
    except GZIP_DAMAGE as error:
        raise damaged_gzip(file) from error
    if len(content) > most:
        raise ImportRefusedError("too_large", "the input is larger than is taken", file=file.name)
    return content
