"""The seats source: subscriptions and licences that no API reports, in a CSV of our own.

The same columns come from a file and from the form; `docs/sources/seats.md` says what they mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from billing.sources.lines import BadValueError
from billing.sources.price_plans import PriceList
from billing.sources.records import ChargeRecord
from billing.sources.seats.charges import charges_of
from billing.sources.seats.rows import COLUMNS, REQUIRED, is_document_hash, seat_row
from billing.sources.sheets import Sheet, SheetRow, count_rejections, read_sheet
from billing.sources.tables.attachments import ARCHIVES, DOCUMENTS, apart, unnamed
from portal.imports.contracts import (
    Batch,
    ImportRefusedError,
    LandedFile,
    ReadOptions,
)


class SeatsSource:
    """Reads rows of seats, and takes invoices that lie beside them as documents by their hash."""

    key = "seats"
    parser_version = "2"

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield, for each row, its purchase and its days.

        Raises:
            ImportRefusedError: no sheet, a sheet that is not one, columns that are not ours, or
                two currencies.
        """
        sheets, documents = apart(files, starts=(*DOCUMENTS, *ARCHIVES))
        if not sheets:
            raise ImportRefusedError(
                "no_sheet", "there is no file of seats",
                expected="a CSV file with a row for each plan",
            )  # fmt: skip
        prices = PriceList.of(options.context)
        is_invoiced = options.config.get("cost_basis") == "invoiced"
        named: set[str] = set()
        currencies: set[str] = set()
        wrong = 0
        for file in sheets:
            sheet = read_sheet(file, options)
            _check_columns(sheet)
            for row in sheet.rows:
                try:
                    records = _records(row, prices, documents, is_invoiced)
                except BadValueError as error:
                    wrong += 1
                    count_rejections(wrong, row)
                    yield Batch(rejections=(row.reject(error),))
                    continue
                named.add(row.cells.get("document", ""))
                currencies.add(records[0].currency)
                _check_currencies(currencies, row)
                yield Batch(records=tuple(records))
        yield Batch(notes=unnamed(documents, named))


def _check_columns(sheet: Sheet) -> None:
    missing = [name for name in REQUIRED if name not in sheet.columns]
    if missing:
        raise ImportRefusedError(
            "missing_columns", "the header lacks columns", file=sheet.file.name, line=1,
            column=", ".join(missing), expected="the columns of docs/sources/seats.md",
        )  # fmt: skip
    unknown = [name for name in sheet.columns if name not in COLUMNS]
    if unknown:
        raise ImportRefusedError(
            "unknown_column", "the header has a column that means nothing here",
            file=sheet.file.name, line=1, column=", ".join(unknown),
            expected="only the columns of docs/sources/seats.md; names of people have no place",
        )  # fmt: skip


def _check_currencies(currencies: set[str], row: SheetRow) -> None:
    if len(currencies) > 1:
        raise ImportRefusedError(
            "two_currencies", "one import has one currency", file=row.file.name, line=row.line,
            column="currency", value=", ".join(sorted(currencies)),
            expected="a file for each currency",
        )  # fmt: skip


def _records(
    row: SheetRow, prices: PriceList, documents: Mapping[str, LandedFile], is_invoiced: bool
) -> list[ChargeRecord]:
    seats = seat_row(row.cells)
    return charges_of(
        seats,
        place=(row.file.index, row.line),
        prices=prices,
        document=_document(seats.document, documents),
        is_invoiced=is_invoiced,
    )


def _document(name: str, documents: Mapping[str, LandedFile]) -> Mapping[str, str]:
    """Hash and name of the invoice behind a row.

    Raises:
        BadValueError: the row names one that did not come along.
    """
    if not name:
        return {}
    if is_document_hash(name):
        return {"document_sha256": name.removeprefix("sha256:")}
    if name not in documents:
        raise BadValueError(
            "document", name, "document_missing",
            "the name of a document in this upload, or sha256: and the hash of one kept earlier",
        )  # fmt: skip
    return {"document_sha256": documents[name].sha256, "document_name": name}
