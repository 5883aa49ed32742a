"""Explaining what a corrected close leaves open: that takes a second person.

The closed figures stay. The explanation is a correction of its own: it says what of the residual a
person accounts for, with the reason, and moves it from what nobody has explained.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import transaction

from billing.addresses import invoice_address
from billing.approvals import EXPLANATION_KIND, explanation_target, invoice_subject
from billing.choices import VarianceReason
from billing.models import Invoice, InvoiceVariance
from billing.policies import may_keep_invoices
from billing.selectors.invoices import reconciled_invoice
from billing.selectors.reconciliation import scope_of_invoice
from billing.services.closes import lock_scopes
from billing.services.invoices import (
    InvoiceRefusedError,
    check_explanation,
    closed_by_change,
    explain_difference,
)
from portal.approvals.errors import ApprovalRefusedError
from portal.approvals.registry import ApprovalKind, Content, Payload, SubjectGoneError
from portal.choices import Role
from portal.models import ApprovalRequest, User
from portal.policies import AnyUser
from portal.services.approvals import request_approval
from portal.shell.money import nano_text


@transaction.atomic
def say_explanation(
    *,
    invoice_id: int,
    reason: VarianceReason,
    amount_nano: int,
    note: str,
    actor: User,
    at: dt.datetime,
) -> InvoiceVariance | ApprovalRequest:
    """Explain a part of a difference, or ask a second person where the month is closed.

    Args:
        amount_nano: positive when the invoice has more than the lines.

    Raises:
        InvoiceRefusedError: as `explain_difference`, or somebody else has asked already.
    """
    invoice = check_explanation(invoice_id, reason, amount_nano, note, actor)
    lock_scopes([scope_of_invoice(invoice)])
    if not closed_by_change(None, invoice):
        return explain_difference(
            invoice_id=invoice_id, reason=reason, amount_nano=amount_nano, note=note, actor=actor,
            at=at,
        )  # fmt: skip
    payload = {
        "invoice": invoice.pk,
        "reason": reason.value,
        "amount_nano": amount_nano,
        "note": note.strip()[:500],
    }
    try:
        return request_approval(
            kind=EXPLANATION_KIND, subject=invoice_subject(invoice.issuer, invoice.number),
            payload=payload, reason="", actor=actor, at=at,
        )  # fmt: skip
    except (ApprovalRefusedError, SubjectGoneError) as error:
        raise InvoiceRefusedError("", str(error)) from error


# --- the kind of approval -------------------------------------------------------------------------


def describe_explanation(subject: str, payload: Payload) -> Content:
    """What the approver sees: the residual before and after, the amount, and why.

    Raises:
        SubjectGoneError: another version of the invoice is in force.
    """
    invoice = Invoice.objects.filter(pk=payload["invoice"]).first()
    own = reconciled_invoice(invoice) if invoice is not None else None
    if invoice is None or own is None:
        raise SubjectGoneError("This version of the invoice is no longer in force.")

    def money(nano: int) -> str:
        return f"{nano_text(nano)} {invoice.currency}"

    amount = payload["amount_nano"]
    return Content(
        title=f"Explain a difference of invoice {invoice.number} of {invoice.issuer}",
        before={"Not explained": money(own.residual_nano)},
        after={"Not explained": money(own.residual_nano - amount)},
        facts=(
            ("Closed, gets a correction", str(scope_of_invoice(invoice))),
            ("Explained", money(amount)),
            ("As", str(VarianceReason(payload["reason"]).label)),
            ("Why", payload["note"]),
        ),
        target=explanation_target(invoice.pk, payload["reason"], amount),
        url=invoice_address(invoice.pk),
    )


def lock_explained(subject: str) -> None:
    """The lock of a subject: of the invoice that the newest request about it names."""
    rows = ApprovalRequest.objects.filter(kind=EXPLANATION_KIND, subject=subject)
    asked = rows.order_by("-pk").first()
    if asked is not None:
        lock_scopes([scope_of_invoice(Invoice.objects.get(pk=asked.payload["invoice"]))])


def apply_explanation(request: ApprovalRequest, approver: User, at: dt.datetime) -> None:
    """Record it in the name of whoever asked.

    Raises:
        ApprovalRefusedError: it can no longer be done, such as when they lost their role.
    """
    said: dict[str, Any] = request.payload
    try:
        explain_difference(
            invoice_id=said["invoice"], reason=VarianceReason(said["reason"]),
            amount_nano=said["amount_nano"], note=said["note"], actor=request.author, at=at,
            approval=request,
        )  # fmt: skip
    except InvoiceRefusedError as error:
        raise ApprovalRefusedError("not_ready", error.reason) from error


def may_ask_for_explanation(user: AnyUser, subject: str) -> bool:
    return may_keep_invoices(user)


EXPLANATIONS = ApprovalKind(
    key=EXPLANATION_KIND,
    label="Explanation of a difference in a closed month",
    approver_roles=(Role.FINANCE, Role.APPROVER),
    describe=describe_explanation,
    lock=lock_explained,
    apply=apply_explanation,
    may_request=may_ask_for_explanation,
)
