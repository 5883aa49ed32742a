"""Seats typed into a form: written as the file that somebody could have uploaded."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from billing.selectors.plans import plan_facts
from billing.sources.lines import BadValueError
from billing.sources.price_plans import PriceList
from billing.sources.seats.charges import charges_of
from billing.sources.seats.rows import COLUMNS, seat_row
from portal.choices import RunTrigger
from portal.models import Connection, ImportRun, User
from portal.services.imports import Upload, request_import

Cells = Mapping[str, str]


class SeatsRefusedError(ValueError):
    """A row cannot be taken.

    Attributes:
        index: which row, from 0.
        field: which of its columns.
        reason: a sentence for the person.
    """

    def __init__(self, index: int, field: str, reason: str) -> None:
        super().__init__(reason)
        self.index = index
        self.field = field
        self.reason = reason


def enter_seats(
    *,
    connection: Connection,
    rows: Sequence[Cells],
    document: Upload | None,
    is_dry_run: bool,
    actor: User,
    at: datetime,
) -> ImportRun:
    """Queue an import of these rows, with the invoice beside them.

    The run, its ledger and its history are those of an upload, because it is one.

    Raises:
        SeatsRefusedError: a row would be rejected; nothing is queued.
        ImportRefusedError: the document is too large.
    """
    if document is not None:
        rows = [{**row, "document": document.name} for row in rows]
    _check(rows, is_invoiced=connection.config.get("cost_basis") == "invoiced")
    sheet = Upload(_name(rows[0]), io.BytesIO(_sheet(rows)))
    return request_import(
        connection=connection,
        inputs=[sheet, *([document] if document is not None else [])],
        trigger=RunTrigger.UPLOAD,
        at=at,
        actor=actor,
        is_dry_run=is_dry_run,
    )


def _check(rows: Sequence[Cells], *, is_invoiced: bool) -> None:
    prices = PriceList.of({"price_plans": plan_facts()})
    currencies: set[str] = set()
    for index, cells in enumerate(rows):
        try:
            charges = charges_of(
                seat_row({name: cells.get(name, "") for name in COLUMNS}),
                place=(0, index + 2),
                prices=prices,
                document={},
                is_invoiced=is_invoiced,
            )
        except BadValueError as error:
            raise SeatsRefusedError(index, error.field, f"Expected {error.expected}.") from error
        currencies.add(charges[0].currency)
    if len(currencies) > 1:
        raise SeatsRefusedError(0, "currency", "One import has one currency.")


def _sheet(rows: Sequence[Cells]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _name(row: Cells) -> str:
    plain = re.sub(r"[^A-Za-z0-9]+", "-", row["subscription"]).strip("-")[:80] or "seats"
    return f"{plain}-{row['period_start']}.csv"
