"""Taking an invoice back, and entering it under another name. Nothing of it is deleted."""

from __future__ import annotations

import datetime as dt

import structlog
from django.db import transaction

from billing.models import Invoice
from billing.policies import may_keep_invoices
from billing.selectors.reconciliation import scope_of_invoice
from billing.services.closes import lock_scopes
from billing.services.invoices import (
    Document,
    InvoiceDraft,
    InvoiceRefusedError,
    check_closed,
    enter_invoice,
    live_invoice,
    settle_closes,
)
from portal.audit.context import because
from portal.models import ApprovalRequest, User
from portal.shell.periods import Month

log = structlog.get_logger(__name__)


@transaction.atomic
def withdraw_invoice(
    *,
    invoice_id: int,
    reason: str,
    actor: User,
    at: dt.datetime,
    approval: ApprovalRequest | None = None,
) -> Invoice:
    """Take the version in force back, and put none in its place.

    It stays to be read with its document; from now on it claims no line and is in no sum. A closed
    month that it was part of keeps its figures and gets a correction. Entered again, it is in force
    again.

    Args:
        approval: by which a second person let it happen to a closed month.

    Raises:
        InvoiceRefusedError: as `check_withdrawal`; or its month is closed and nobody has approved
            it.
    """
    invoice = check_withdrawal(invoice_id, reason, actor)
    lock_scopes([scope_of_invoice(invoice)])
    invoice = _in_force(invoice_id)  # nobody was faster
    check_closed(None, invoice, approval)
    because(reason)
    Invoice.objects.filter(pk=invoice.pk).update(superseded_at=max(at, invoice.recorded_at))
    month = Month.of(invoice.month)
    settle_closes({month}, reason=f"Invoice {invoice.number} was withdrawn.", at=at)
    log.info("invoice_withdrawn", invoice=invoice.pk, month=str(month))
    return invoice


def check_withdrawal(invoice_id: int, reason: str, actor: User) -> Invoice:
    """The invoice that this person may take back for this reason.

    Raises:
        InvoiceRefusedError: it is not in force, no reason was given, or it is not this person's.
    """
    if not may_keep_invoices(actor):
        raise InvoiceRefusedError("", "Your roles do not include withdrawing invoices.")
    if not reason.strip():
        raise InvoiceRefusedError("reason", "Say why; it stays in the audit.")
    return _in_force(invoice_id)


def _in_force(invoice_id: int) -> Invoice:
    invoice = Invoice.objects.filter(pk=invoice_id, superseded_at__isnull=True).first()
    if invoice is None:
        raise InvoiceRefusedError("", "This version is no longer in force.")
    return invoice


@transaction.atomic
def change_invoice(
    *,
    invoice_id: int,
    draft: InvoiceDraft,
    actor: User,
    at: dt.datetime,
    document: Document | None = None,
    approval: ApprovalRequest | None = None,
) -> Invoice:
    """Keep the next version of an invoice. Under another issuer or number it is another invoice:
    the one that was meant is withdrawn, and its document goes along.

    Raises:
        InvoiceRefusedError: as `enter_invoice`; or the other number is there already.
    """
    invoice = Invoice.objects.get(pk=invoice_id)
    if not is_other_invoice(draft, invoice):
        return enter_invoice(draft=draft, actor=actor, at=at, document=document, approval=approval)
    if live_invoice(draft.issuer, draft.number) is not None:
        raise InvoiceRefusedError("number", "There is such an invoice already: change that one.")
    if document is None and invoice.document_sha256:
        document = Document(
            invoice.document_name, invoice.document_sha256, invoice.document_size or 0
        )
    withdraw_invoice(
        invoice_id=invoice_id, reason=f"Entered again as {draft.number} of {draft.issuer}.",
        actor=actor, at=at, approval=approval,
    )  # fmt: skip
    return enter_invoice(draft=draft, actor=actor, at=at, document=document, approval=approval)


def is_other_invoice(draft: InvoiceDraft, invoice: Invoice) -> bool:
    """Whether it has another issuer (without case) or number."""
    return (draft.issuer.casefold(), draft.number) != (invoice.issuer.casefold(), invoice.number)
