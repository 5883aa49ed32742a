"""CSV of exactly what is shown, safe to open in a spreadsheet and lossless to read back.

A spreadsheet runs a text cell that starts like a formula. Such a text gets an apostrophe in front;
`unescape_cell` takes it away again. Numbers are never touched, so `-3` stays a number.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from django.http import StreamingHttpResponse

from portal.shell.money import decimal_text

CSV_TYPE = "text/csv"
# ASCII starters, a zero byte, line ends that a spreadsheet skips, and full-width = + - @.
_STARTERS = "\0=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
# Texts that already start with apostrophes before a starter take one more, so that taking one
# away always gives back what was there.
_NEEDS_APOSTROPHE = re.compile(f"'*[{_STARTERS}]")
_HAS_APOSTROPHE = re.compile(f"'+[{_STARTERS}]")


def escape_cell(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet could take for a formula."""
    return f"'{text}" if _NEEDS_APOSTROPHE.match(text) else text


def unescape_cell(text: str) -> str:
    """The text that `escape_cell` was given. Use it when reading one of our exports back."""
    return text[1:] if _HAS_APOSTROPHE.match(text) else text


def cell_text(value: Any) -> str:
    """One cell as CSV: numbers bare, everything else escaped and quoted, None empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (Decimal, float)):
        exact = value if isinstance(value, Decimal) else Decimal(repr(value))
        return decimal_text(exact) if exact.is_finite() else ""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat() if value.tzinfo else value.isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    quoted = escape_cell(str(value)).replace('"', '""')
    return f'"{quoted}"'


def csv_lines(headings: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """CSV as RFC 4180 has it, line by line, header first."""
    yield ",".join(map(cell_text, headings)) + "\r\n"
    for row in rows:
        yield ",".join(map(cell_text, row)) + "\r\n"


def csv_response(
    name: str, headings: Iterable[str], rows: Iterable[Iterable[Any]]
) -> StreamingHttpResponse:
    """A streamed download called `name`.csv, UTF-8 without a mark."""
    response = StreamingHttpResponse(
        _in_blocks(csv_lines(headings, rows)), content_type=f"{CSV_TYPE}; charset=utf-8"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _in_blocks(lines: Iterable[str], size: int = 32_768) -> Iterator[bytes]:
    """Lines gathered into blocks: one write a block, not one a line."""
    held: list[str] = []
    length = 0
    for line in lines:
        held.append(line)
        length += len(line)
        if length >= size:
            yield "".join(held).encode()
            held, length = [], 0
    if held:
        yield "".join(held).encode()
