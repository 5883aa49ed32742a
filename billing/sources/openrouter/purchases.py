"""Purchases of credits as a CSV that a person keeps: OpenRouter has no list of them to fetch."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from billing.sources.pages import Page
from portal.imports.contracts import ImportRefusedError, LandedFile, Limits

ENDPOINT = "purchases"
COLUMNS = ("date", "credits", "amount", "currency", "invoice_id", "description")
_REQUIRED = COLUMNS[:4]


def is_purchases(file: LandedFile) -> bool:
    """Whether the file is text that starts with the name of a column."""
    with file.path.open("rb") as stream:
        start = stream.read(256).removeprefix(b"\xef\xbb\xbf").lstrip(b' "')
    return start.startswith(tuple(name.encode() for name in COLUMNS))


def purchase_rows(file: LandedFile, limits: Limits) -> Iterator[Page]:
    """Each line as a page whose body is the row, by column.

    Raises:
        ImportRefusedError: not UTF-8, no such columns, or cut off.
    """
    if file.size > limits.max_bytes:
        raise ImportRefusedError("too_large", "the input is larger than is taken", file=file.name)
    line = 1
    try:
        with file.path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = next(reader)
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
                if cells:
                    yield Page(file, line, ENDPOINT, dict(zip(header, cells, strict=True)))
                line = reader.line_num + 1
    except (csv.Error, ValueError) as error:
        raise ImportRefusedError(
            "truncated_file",
            f"the record cannot be read: {error}",
            file=file.name,
            line=line,
            expected="UTF-8, as many cells as the header, every quote closed",
        ) from error
