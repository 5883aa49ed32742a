"""The `exchange_rates` source: dated rates as a CSV of ours. See docs/sources/exchange_rates.md."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from billing.sources.invoices.table import BadCellError, Columns, Table, TableRow
from portal.imports.contracts import Batch, LandedFile, ReadOptions, Rejection

COLUMNS = Columns(required=("day", "base", "quote", "rate", "source"))
_RATE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,20})?")


class RateRecord(NamedTuple):
    """One unit of `base` is `rate` units of `quote` on `day`; `rate` is exact decimal text."""

    file_index: int
    line: int
    day: dt.date
    base: str
    quote: str
    rate: str
    source: str


class RatesSource:
    """Reads exchange rates, one a row; each pair and day once."""

    key = "exchange_rates"
    parser_version = "2"

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield one batch a file. No rate is later than the day (UTC) that the context names as
        `last_day`; without one, any day is taken.

        Raises:
            ImportRefusedError: a file as a whole must not be taken.
        """
        seen: set[tuple[dt.date, str, str]] = set()
        last_day = dt.date.fromisoformat(options.context.get("last_day", dt.date.max.isoformat()))
        for file in files:
            table = Table(file, COLUMNS, options)
            records: list[RateRecord] = []
            rejections: list[Rejection] = []
            for row in table.rows():
                if isinstance(row, Rejection):
                    rejections.append(row)
                    continue
                try:
                    record = _record(row, last_day)
                    key = (record.day, record.base, record.quote)
                    if key in seen:
                        raise BadCellError(
                            "day", str(record.day), "rate_twice", "one rate a pair and day"
                        )
                except BadCellError as error:
                    rejections.append(row.rejection(error))
                else:
                    seen.add(key)
                    records.append(record)
            yield Batch(tuple(records), tuple(rejections), tuple(table.notes))


def rate_problem(text: str) -> str:
    """What is wrong with a rate; empty when it is a positive decimal number."""
    if not _RATE.fullmatch(text) or not Decimal(text):
        return "a positive number such as 1.0842, at most 20 decimals"
    return ""


def day_problem(day: dt.date, last_day: dt.date) -> str:
    """What is wrong with the day of a rate; empty when it has come. Both are UTC days."""
    return "" if day <= last_day else f"a day up to {last_day}: nobody knows a rate to come"


def _record(row: TableRow, last_day: dt.date) -> RateRecord:
    """A row as a record.

    Raises:
        BadCellError: a cell cannot be taken.
    """
    base, quote = row.currency("base"), row.currency("quote")
    if base == quote:
        raise BadCellError("quote", quote, "same_currency", "another currency than the base")
    rate = row.cells.get("rate", "")
    if problem := rate_problem(rate):
        raise BadCellError("rate", rate, "bad_rate", problem, fatal=True)
    day = row.day("day", required=True)
    assert day is not None  # noqa: S101  (required)
    if problem := day_problem(day, last_day):
        raise BadCellError("day", str(day), "day_to_come", problem)
    return RateRecord(
        row.file.index, row.line, day, base, quote, rate, row.text("source", most=120)
    )
