"""A spreadsheet of exactly what is shown. Texts are texts: nothing in one is ever run.

A spreadsheet keeps fifteen digits. A number that has more is written as a text with all of them,
rather than as another number.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import xlsxwriter
from django.http import HttpResponse

from portal.shell.money import decimal_text

TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_ROWS = 1_048_575  # what a sheet holds beside its heading
_LONGEST = 32_767  # characters in a cell


class TooManyRowsError(ValueError):
    """More rows than a sheet holds; the message says what to do instead."""


def xlsx_response(
    name: str, headings: Iterable[str], rows: Iterable[Iterable[Any]]
) -> HttpResponse:
    """A download called `name`.xlsx, one sheet, the heading frozen.

    Raises:
        TooManyRowsError: it does not fit.
    """
    target = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
               "strings_to_numbers": False}  # fmt: skip
    with xlsxwriter.Workbook(target, options) as book:
        sheet = book.add_worksheet(name[:31])
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        bold = book.add_format({"bold": True})
        for column, heading in enumerate(headings):
            sheet.write_string(0, column, heading, bold)
        sheet.freeze_panes(1, 1)
        for number, row in enumerate(rows, start=1):
            if number > MOST_ROWS:
                raise TooManyRowsError(f"More than {MOST_ROWS:,} rows; export as CSV instead.")
            for column, value in enumerate(row):
                _write(sheet, number, column, value, day)
    response = HttpResponse(target.getvalue(), content_type=TYPE)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _write(sheet: Any, row: int, column: int, value: Any, day: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, (int, Decimal, float)):
        _write_number(sheet, row, column, value)
    elif isinstance(value, dt.datetime):
        sheet.write_string(row, column, value.isoformat())
    elif isinstance(value, dt.date):
        sheet.write_datetime(row, column, dt.datetime.combine(value, dt.time.min), day)
    else:
        sheet.write_string(row, column, str(value)[:_LONGEST])


def _write_number(sheet: Any, row: int, column: int, value: int | Decimal | float) -> None:
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    if Decimal(f"{exact:.15g}") == exact:
        sheet.write_number(row, column, float(exact))
    else:
        sheet.write_string(row, column, decimal_text(exact))
