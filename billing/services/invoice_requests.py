"""Entering, changing and withdrawing an invoice of a closed month: that takes a second person.

By form as by file: a CSV of such an invoice is held until somebody lets it in. Of an open month it
holds at once, and so does a document alone, which moves no money.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Any

from django.db import transaction

from billing.addresses import invoice_address
from billing.approvals import INVOICE_KIND, invoice_subject, invoice_target
from billing.models import Invoice
from billing.policies import may_keep_invoices
from billing.selectors.reconciliation import CloseScope, scope_of_invoice
from billing.services.closes import lock_scopes
from billing.services.invoice_withdrawals import (
    change_invoice,
    check_withdrawal,
    is_other_invoice,
    withdraw_invoice,
)
from billing.services.invoices import (
    Document,
    InvoiceDraft,
    InvoiceRefusedError,
    check_draft,
    closed_by_change,
    draft_of,
    enter_invoice,
    live_invoice,
)
from portal.approvals.errors import ApprovalRefusedError
from portal.approvals.registry import ApprovalKind, Content, Payload, SubjectGoneError
from portal.choices import Role
from portal.models import ApprovalRequest, User
from portal.policies import AnyUser
from portal.services.approvals import request_approval
from portal.shell.formats import number_text
from portal.shell.money import nano_text
from portal.shell.periods import Month


@transaction.atomic
def say_invoice(
    *,
    draft: InvoiceDraft,
    actor: User,
    at: dt.datetime,
    document: Document | None = None,
    changed: int | None = None,
) -> Invoice | ApprovalRequest:
    """Keep an invoice, or ask a second person where it belongs to a closed month.

    Args:
        changed: the version that is meant, where it is about one that is known.

    Raises:
        InvoiceRefusedError: as `enter_invoice` and `change_invoice`, or somebody else has asked.
    """
    check_draft(draft, actor, at)
    known = Invoice.objects.get(pk=changed) if changed is not None else None
    if known is None or not is_other_invoice(draft, known):
        known = live_invoice(draft.issuer, draft.number)
    _lock(draft, known)
    if not closed_by_change(draft, known):
        if known is None:
            return enter_invoice(draft=draft, actor=actor, at=at, document=document)
        return change_invoice(
            invoice_id=known.pk, draft=draft, actor=actor, at=at, document=document
        )
    named = known or draft
    payload = {
        "changed": known.pk if known is not None else None,
        "draft": {
            name: str(value) if isinstance(value, dt.date) else value
            for name, value in asdict(draft).items()
        },
        "document": asdict(document) if document is not None else None,
    }
    return _ask(invoice_subject(named.issuer, named.number), payload, actor, at)


@transaction.atomic
def say_withdrawal(
    *, invoice_id: int, reason: str, actor: User, at: dt.datetime
) -> Invoice | ApprovalRequest:
    """Take an invoice back, or ask a second person where its month is closed.

    Raises:
        InvoiceRefusedError: as `withdraw_invoice`, or somebody else has asked already.
    """
    invoice = check_withdrawal(invoice_id, reason, actor)
    lock_scopes([scope_of_invoice(invoice)])
    if not closed_by_change(None, invoice):
        return withdraw_invoice(invoice_id=invoice_id, reason=reason, actor=actor, at=at)
    payload = {"withdrawn": invoice.pk, "reason": reason.strip()}
    return _ask(invoice_subject(invoice.issuer, invoice.number), payload, actor, at)


def _ask(subject: str, payload: Payload, actor: User, at: dt.datetime) -> ApprovalRequest:
    try:
        return request_approval(
            kind=INVOICE_KIND, subject=subject, payload=payload, reason="", actor=actor, at=at
        )
    except (ApprovalRefusedError, SubjectGoneError) as error:
        raise InvoiceRefusedError("", str(error)) from error


def _lock(draft: InvoiceDraft, known: Invoice | None) -> None:
    """Hold still whatever it may touch."""
    stored = live_invoice(draft.issuer, draft.number)
    scopes = {draft.scope} | {scope_of_invoice(each) for each in (known, stored) if each}
    lock_scopes(sorted(scopes))


# --- the kind of approval -------------------------------------------------------------------------


def _draft(payload: Payload) -> InvoiceDraft:
    said = dict(payload["draft"])
    for name in ("month", "issued_on"):
        said[name] = dt.date.fromisoformat(said[name]) if said[name] else None
    return InvoiceDraft(**said)


def _in_force(pk: int) -> Invoice:
    invoice = Invoice.objects.filter(pk=pk, superseded_at__isnull=True).first()
    if invoice is None:
        raise SubjectGoneError("This version of the invoice is no longer in force.")
    return invoice


def describe_invoice(subject: str, payload: Payload) -> Content:
    """What the approver sees: everything that the invoice says, before and after.

    Raises:
        SubjectGoneError: the version that is meant is no longer in force, or its new number is
            there already.
    """
    if "withdrawn" in payload:
        invoice = _in_force(payload["withdrawn"])
        return Content(
            title=f"Withdraw invoice {invoice.number} of {invoice.issuer}",
            before={"State": "in force"},
            after={"State": "withdrawn"},
            facts=(
                *_months(closed_by_change(None, invoice)),
                *((label, text) for label, text in _stated(draft_of(invoice)) if text),
                ("Why", payload["reason"]),
            ),
            target=invoice_target(payload),
            url=invoice_address(invoice.pk),
        )
    draft = _draft(payload)
    stored = live_invoice(draft.issuer, draft.number)
    if payload["changed"] is not None:
        known = _in_force(payload["changed"])
        if stored is not None and is_other_invoice(draft, known):
            raise SubjectGoneError("There is such an invoice already.")
        stored = known
    after = dict(_stated(draft)) | {"Document": _document(payload)}
    before = {
        **dict.fromkeys(after),
        **(dict(_stated(draft_of(stored))) if stored is not None else {}),
        "Document": stored.document_name or None if stored is not None else None,
    }
    if after["Document"] is None:
        after["Document"] = before["Document"]
    return Content(
        title=f"{'Change' if stored else 'Enter'} invoice {draft.number} of {draft.issuer}",
        before=before,
        after=after,
        facts=_months(closed_by_change(draft, stored)),
        target=invoice_target(payload),
        url=invoice_address(stored.pk) if stored is not None else "",
    )


def _months(scopes: list[CloseScope]) -> tuple[tuple[str, str], ...]:
    return tuple(("Closed, gets a correction", str(scope)) for scope in scopes)


def _document(payload: Payload) -> str | None:
    found: dict[str, Any] | None = payload["document"]
    return f"{found['name']} ({found['sha256']})" if found else None


def _stated(draft: InvoiceDraft) -> list[tuple[str, str | None]]:
    """What an invoice says, by label; None where it does not say."""

    def money(nano: int | None) -> str | None:
        return None if nano is None else f"{nano_text(nano)} {draft.currency}"

    def where(is_in_lines: bool) -> str:
        return "in the cost lines" if is_in_lines else "on the invoice only"

    lines = draft.stated_lines
    return [
        ("Issuer", draft.issuer),
        ("Number", draft.number),
        ("Billing month", str(Month.of(draft.month))),
        ("Billing account", draft.billing_account_id or None),
        ("Issued on", str(draft.issued_on) if draft.issued_on else None),
        ("Amount to pay", money(draft.total_nano)),
        ("Tax", money(draft.tax_nano)),
        ("Tax stands", where(draft.tax_in_lines)),
        ("Credits", money(draft.credits_nano)),
        ("Credits stand", where(draft.credits_in_lines)),
        ("Rounding", money(draft.rounding_nano)),
        ("Number of cost lines", None if lines is None else number_text(lines, None)),
        ("Effective cost of the lines", money(draft.effective_nano)),
    ]


def lock_invoice(subject: str) -> None:
    """The lock of a subject: of what the newest request about it would touch.

    A subject names its invoice by a digest, so the scopes are looked up where they are written out.
    """
    rows = ApprovalRequest.objects.filter(kind=INVOICE_KIND, subject=subject)
    asked = rows.order_by("-pk").first()
    if asked is None:
        return
    if "withdrawn" in asked.payload:
        lock_scopes([scope_of_invoice(Invoice.objects.get(pk=asked.payload["withdrawn"]))])
        return
    known = Invoice.objects.filter(pk=asked.payload["changed"]).first()
    _lock(_draft(asked.payload), known)


def apply_invoice(request: ApprovalRequest, approver: User, at: dt.datetime) -> None:
    """Keep it or take it back, in the name of whoever asked.

    Raises:
        ApprovalRefusedError: it can no longer be done, such as when they lost their role.
    """
    payload, actor = request.payload, request.author
    try:
        if "withdrawn" in payload:
            withdraw_invoice(
                invoice_id=payload["withdrawn"], reason=payload["reason"], actor=actor, at=at,
                approval=request,
            )  # fmt: skip
            return
        said = payload["document"]
        document = Document(**said) if said else None
        draft = _draft(payload)
        if payload["changed"] is None:
            enter_invoice(draft=draft, actor=actor, at=at, document=document, approval=request)
            return
        change_invoice(
            invoice_id=payload["changed"], draft=draft, actor=actor, at=at, document=document,
            approval=request,
        )  # fmt: skip
    except InvoiceRefusedError as error:
        raise ApprovalRefusedError("not_ready", error.reason) from error


def may_ask_for_invoice(user: AnyUser, subject: str) -> bool:
    return may_keep_invoices(user)


INVOICES = ApprovalKind(
    key=INVOICE_KIND,
    label="Invoice of a closed month",
    approver_roles=(Role.FINANCE, Role.APPROVER),
    describe=describe_invoice,
    lock=lock_invoice,
    apply=apply_invoice,
    may_request=may_ask_for_invoice,
)
