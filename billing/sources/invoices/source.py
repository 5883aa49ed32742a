"""The `invoices` source: payable amounts as a CSV of ours. See docs/sources/invoices.md."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from billing.sources.invoices.table import BadCellError, Columns, Table, TableRow
from portal.imports.contracts import Batch, LandedFile, ReadOptions, Rejection

COLUMNS = Columns(
    required=("issuer", "number", "month", "currency", "total"),
    optional=(
        "billing_account", "issued_on", "tax", "credits", "rounding", "tax_in_lines",
        "credits_in_lines", "lines", "effective",
    ),
)  # fmt: skip


class InvoiceRecord(NamedTuple):
    """One invoice as stated: nano-units of `currency`, None where it does not say.

    `month` is the first day of the billing month. Credits are negative.
    """

    file_index: int
    line: int
    issuer: str
    number: str
    billing_account_id: str
    month: dt.date
    issued_on: dt.date | None
    currency: str
    total_nano: int
    tax_nano: int | None
    credits_nano: int | None
    rounding_nano: int | None
    tax_in_lines: bool
    credits_in_lines: bool
    stated_lines: int | None
    effective_nano: int | None


class InvoicesSource:
    """Reads invoices, one a row; each issuer and number once."""

    key = "invoices"
    parser_version = "1"

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield one batch a file.

        Raises:
            ImportRefusedError: a file as a whole must not be taken.
        """
        seen: set[tuple[str, str]] = set()
        for file in files:
            table = Table(file, COLUMNS, options)
            records: list[InvoiceRecord] = []
            rejections: list[Rejection] = []
            for row in table.rows():
                if isinstance(row, Rejection):
                    rejections.append(row)
                    continue
                try:
                    record = _record(row)
                    _once(record, seen)
                except BadCellError as error:
                    rejections.append(row.rejection(error))
                else:
                    records.append(record)
            yield Batch(tuple(records), tuple(rejections), tuple(table.notes))


def _once(record: InvoiceRecord, seen: set[tuple[str, str]]) -> None:
    key = (record.issuer.casefold(), record.number)
    if key in seen:
        raise BadCellError(
            "number", record.number, "invoice_twice", "each invoice of an issuer once"
        )
    seen.add(key)


def _record(row: TableRow) -> InvoiceRecord:
    """A row as a record.

    Raises:
        BadCellError: a cell cannot be taken.
    """
    total = row.nano("total", required=True)
    credit = row.nano("credits")
    if credit is not None and credit > 0:
        raise BadCellError(
            "credits", row.cells["credits"], "positive_credit",
            "a negative amount: what is deducted", fatal=True,
        )  # fmt: skip
    assert total is not None  # noqa: S101  (required)
    return InvoiceRecord(
        file_index=row.file.index,
        line=row.line,
        issuer=row.text("issuer", most=200),
        number=row.text("number", most=120),
        billing_account_id=row.text("billing_account", most=200, default=""),
        month=row.month("month"),
        issued_on=row.day("issued_on"),
        currency=row.currency("currency"),
        total_nano=total,
        tax_nano=row.nano("tax"),
        credits_nano=credit,
        rounding_nano=row.nano("rounding"),
        tax_in_lines=row.yes("tax_in_lines", default=True),
        credits_in_lines=row.yes("credits_in_lines", default=True),
        stated_lines=row.whole("lines"),
        effective_nano=row.nano("effective"),
    )
