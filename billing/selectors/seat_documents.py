"""The invoice behind a purchase of seats: named on its cost line, kept among the landed files."""

from __future__ import annotations

import json
from typing import NamedTuple

from billing.models import Charge, Invoice
from portal.imports.files import landed_path
from portal.models import ImportFile

SEATS = "seats"


class SeatDocument(NamedTuple):
    """A document that a purchase of seats names.

    Attributes:
        name: the file's name; empty when it was named by a hash that nothing here has.
        sha256: its hash, hexadecimal.
        is_here: whether it may be opened: it was given with seats or with an invoice, and its
            bytes still lie in the landing directory.
    """

    name: str
    sha256: str
    is_here: bool


def document_of_charge(charge: Charge) -> SeatDocument | None:
    """The document of a cost line, or None when it names none.

    A row may name any hash (`sha256:…`), so only what was given as a document of seats or of an
    invoice is opened by it: else a row could be written that opens any imported file.
    """
    if charge.slice.connection.source != SEATS:
        return None
    said = json.loads(charge.dimension.extra or "{}")
    sha256 = said.get("document_sha256", "")
    if not sha256:
        return None
    given = _name_given(sha256)
    is_here = given is not None and landed_path(sha256).is_file()
    return SeatDocument(said.get("document_name") or given or "", sha256, is_here)


def _name_given(sha256: str) -> str | None:
    """The name under which these bytes first came with seats, or else with an invoice."""
    files = ImportFile.objects.filter(sha256=sha256, run__connection__source=SEATS)
    name = files.order_by("pk").values_list("name", flat=True).first()
    if name is not None:
        return name
    invoices = Invoice.objects.filter(document_sha256=sha256)
    return invoices.order_by("pk").values_list("document_name", flat=True).first()
