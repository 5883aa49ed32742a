"""The `invoices` source: payable amounts as a CSV of ours. See docs/sources/invoices.md."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from billing.sources.invoices.table import BadCellError, Columns, Table, TableRow
from billing.sources.lines import YEARS, day_can_be_meant
from billing.sources.tables.attachments import apart, unnamed
from portal.imports.contracts import (
    Batch,
    ImportRefusedError,
    LandedFile,
    ReadOptions,
    Rejection,
)

FIRST_MONTH = dt.date(2000, 1, 1)
COLUMNS = Columns(
    required=("issuer", "number", "month", "currency", "total"),
    optional=(
        "billing_account", "issued_on", "tax", "credits", "rounding", "tax_in_lines",
        "credits_in_lines", "lines", "effective", "document",
    ),
)  # fmt: skip


class InvoiceRecord(NamedTuple):
    """One invoice as stated: nano-units of `currency`, None where it does not say.

    `month` is the first day of the billing month. Credits are negative. The document lies beside
    the table in the same upload; without one, its name and hash are empty.
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
    document_name: str = ""
    document_sha256: str = ""
    document_size: int = 0


class InvoicesSource:
    """Reads invoices, one a row; each issuer and number once, with documents beside them."""

    key = "invoices"
    parser_version = "2"

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield one batch a table, and one that speaks of documents where some came along. No
        invoice is of a later month than the one whose first day the context names as `last_month`;
        without one, any month from 2000-01 on is taken.

        Raises:
            ImportRefusedError: a file as a whole must not be taken.
        """
        tables, documents = apart(files)
        if not tables:
            raise ImportRefusedError(
                "no_sheet", "there is no table of invoices",
                expected="a CSV file with a row for each invoice",
            )  # fmt: skip
        seen: set[tuple[str, str]] = set()
        named: set[str] = set()
        last = dt.date.fromisoformat(options.context.get("last_month", dt.date.max.isoformat()))
        for file in tables:
            table = Table(file, COLUMNS, options)
            records: list[InvoiceRecord] = []
            rejections: list[Rejection] = []
            for row in table.rows():
                if isinstance(row, Rejection):
                    rejections.append(row)
                    continue
                try:
                    record = _record(row, documents, last)
                    _once(record, seen)
                except BadCellError as error:
                    rejections.append(row.rejection(error))
                else:
                    records.append(record)
                    named.add(record.document_name)
            yield Batch(tuple(records), tuple(rejections), tuple(table.notes))
        if documents:
            yield Batch(notes=unnamed(documents, named))


def _once(record: InvoiceRecord, seen: set[tuple[str, str]]) -> None:
    key = (record.issuer.casefold(), record.number)
    if key in seen:
        raise BadCellError(
            "number", record.number, "invoice_twice", "each invoice of an issuer once"
        )
    seen.add(key)


def month_problem(month: dt.date, last_month: dt.date) -> str:
    """What is expected of a billing month that no invoice can be of; empty when one can. Both are
    first days of months (UTC)."""
    if FIRST_MONTH <= month <= last_month:
        return ""
    return f"a month from {FIRST_MONTH:%Y-%m} to {last_month:%Y-%m}"


def _record(
    row: TableRow, documents: Mapping[str, LandedFile], last_month: dt.date
) -> InvoiceRecord:
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
    month = row.month("month")
    if problem := month_problem(month, last_month):
        raise BadCellError("month", row.cells["month"], "month_out_of_range", problem)
    document = _document(row, documents)
    return InvoiceRecord(
        file_index=row.file.index,
        line=row.line,
        issuer=row.text("issuer", most=200),
        number=row.text("number", most=120),
        billing_account_id=row.text("billing_account", most=200, default=""),
        month=month,
        issued_on=_issued_on(row),
        currency=row.currency("currency"),
        total_nano=total,
        tax_nano=row.nano("tax"),
        credits_nano=credit,
        rounding_nano=row.nano("rounding"),
        tax_in_lines=row.yes("tax_in_lines", default=True),
        credits_in_lines=row.yes("credits_in_lines", default=True),
        stated_lines=row.whole("lines"),
        effective_nano=row.nano("effective"),
        document_name=document.name if document else "",
        document_sha256=document.sha256 if document else "",
        document_size=document.size if document else 0,
    )


def _issued_on(row: TableRow) -> dt.date | None:
    day = row.day("issued_on")
    if day is not None and not day_can_be_meant(day):
        raise BadCellError(
            "issued_on", row.cells["issued_on"], "bad_day", f"a day {YEARS} such as 2026-05-31"
        )
    return day


def _document(row: TableRow, documents: Mapping[str, LandedFile]) -> LandedFile | None:
    """The document that a row names. By its name alone: a row that could name a hash could open
    any file that ever landed here.

    Raises:
        BadCellError: it did not come along.
    """
    name = row.text("document", most=255, default="")
    if not name:
        return None
    if name not in documents:
        raise BadCellError(
            "document", name, "document_missing",
            "the name of a PDF, PNG, JPEG or XML file in this upload",
        )  # fmt: skip
    return documents[name]
