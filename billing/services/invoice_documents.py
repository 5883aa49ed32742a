"""Documents of invoices: landing one, and attaching it to an invoice that is known."""

from __future__ import annotations

import datetime as dt
from typing import BinaryIO

from django.db import transaction

from billing.models import Invoice
from billing.policies import may_keep_invoices
from billing.selectors.reconciliation import scope_of_invoice
from billing.services.closes import lock_scopes
from billing.services.invoices import (
    Document,
    InvoiceRefusedError,
    Origin,
    Version,
    draft_of,
    keep_versions,
)
from billing.sources.tables.attachments import DOCUMENTS, START_BYTES
from portal.imports.contracts import ImportRefusedError
from portal.imports.files import land_stream
from portal.models import User


def land_document(stream: BinaryIO, *, name: str) -> Document:
    """Land a document under its hash.

    Raises:
        ImportRefusedError: it is too large, or no kind of document that is kept.
    """
    start = stream.read(START_BYTES)
    stream.seek(0)
    if not start.startswith(DOCUMENTS):
        raise ImportRefusedError(
            "not_a_document", "this is no document that is kept here", file=name,
            expected="a PDF, PNG, JPEG or XML file",
        )  # fmt: skip
    landed = land_stream(stream, name=name)
    return Document(name, landed.sha256, landed.size)


@transaction.atomic
def attach_document(
    *, invoice_id: int, document: Document, actor: User, at: dt.datetime
) -> Invoice:
    """Attach a document to an invoice, or another one instead of it: the next version, which states
    the same and is explained in the same way. Where its amounts come from stays with it.

    It moves no money, so it may come after the close and makes no correction; the frozen figures
    keep the hash of the document that was there. A request to close that waits is void, because it
    shows the document too.

    Raises:
        InvoiceRefusedError: there is a newer version, it has this document already, or attaching is
            not this person's.
    """
    if not may_keep_invoices(actor):
        raise InvoiceRefusedError("", "Your roles do not include attaching documents.")
    lock_scopes([scope_of_invoice(_live(invoice_id))])
    invoice = _live(invoice_id)  # another may have replaced it until the lock was had
    if invoice.document_sha256 == document.sha256:
        raise InvoiceRefusedError("document", "This document is attached already.")
    origin = Origin(run=invoice.run, file=invoice.file, line=invoice.line, person=actor)
    return keep_versions([Version(draft_of(invoice), origin, document)], at=at)[0]


def _live(invoice_id: int) -> Invoice:
    rows = Invoice.objects.select_related("run", "file")
    invoice = rows.filter(pk=invoice_id, superseded_at__isnull=True).first()
    if invoice is None:
        raise InvoiceRefusedError("", "There is a newer version of this invoice.")
    return invoice
