"""Entering invoices and explaining differences. A version is never edited: the next replaces it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

import structlog
from django.db import transaction

from billing.choices import CorrectionCause, VarianceReason
from billing.models import Invoice, InvoiceVariance
from billing.policies import may_keep_invoices
from billing.selectors.closed_scopes import closed_scopes
from billing.selectors.reconciliation import CloseScope, scope_of_invoice
from billing.services.close_corrections import correct_closes
from billing.services.closes import lock_scopes, recheck_closes
from billing.sources.invoices.source import month_problem
from portal.models import ApprovalRequest, ImportFile, ImportRun, User
from portal.shell.periods import Month

log = structlog.get_logger(__name__)


class InvoiceRefusedError(ValueError):
    """It cannot be kept like this. `field` names what to change, `reason` says why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


@dataclass(frozen=True, slots=True)
class Document:
    """A landed document."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDraft:
    """What an invoice says. Nano-units of `currency`; None where it does not say."""

    issuer: str
    number: str
    month: dt.date
    currency: str
    total_nano: int
    billing_account_id: str = ""
    issued_on: dt.date | None = None
    tax_nano: int | None = None
    credits_nano: int | None = None
    rounding_nano: int | None = None
    tax_in_lines: bool = True
    credits_in_lines: bool = True
    stated_lines: int | None = None
    effective_nano: int | None = None

    @property
    def scope(self) -> CloseScope:
        """Where it is closed."""
        month = Month.of(self.month)
        return CloseScope(month, self.issuer, self.billing_account_id, self.currency)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an invoice comes from: a line of an import, or a person."""

    run: ImportRun | None = None
    file: ImportFile | None = None
    line: int | None = None
    person: User | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A version to be kept. Without a document, that of the version before stays."""

    draft: InvoiceDraft
    origin: Origin
    document: Document | None = None


def draft_of(stored: Invoice) -> InvoiceDraft:
    """What a stored version says."""
    return InvoiceDraft(
        **{field.name: getattr(stored, field.name) for field in fields(InvoiceDraft)}
    )


def same_as(draft: InvoiceDraft, stored: Invoice) -> bool:
    """Whether the stored version says exactly this."""
    return all(getattr(draft, field.name) == getattr(stored, field.name) for field in fields(draft))


@transaction.atomic
def enter_invoice(
    *,
    draft: InvoiceDraft,
    actor: User,
    at: dt.datetime,
    document: Document | None = None,
    approval: ApprovalRequest | None = None,
) -> Invoice:
    """Keep an invoice that a person types in; a known number of the issuer gets a new version.

    Args:
        approval: by which a second person let it into a closed month.

    Raises:
        InvoiceRefusedError: it says something impossible, belongs to a closed month and nobody has
            approved it, or is not this person's to enter.
    """
    check_draft(draft, actor, at)
    stored = live_invoice(draft.issuer, draft.number)
    if stored is not None and document is None and same_as(draft, stored):
        raise InvoiceRefusedError("number", "This invoice is there already, just like this.")
    lock_for([draft])
    check_closed(draft, live_invoice(draft.issuer, draft.number), approval)
    return keep_versions([Version(draft, Origin(person=actor), document)], at=at)[0]


def live_invoice(issuer: str, number: str) -> Invoice | None:
    """The version in force of an issuer's invoice; issuers are told apart without case."""
    return Invoice.objects.filter(
        issuer__iexact=issuer, number=number, superseded_at__isnull=True
    ).first()


def last_month(at: dt.datetime) -> dt.date:
    """First day of the latest month that an invoice can be of: the one after that of `at` (UTC).
    What is paid in advance is billed then."""
    return (Month.of(at.astimezone(dt.UTC).date()) + 1).start


def closed_by_change(draft: InvoiceDraft | None, stored: Invoice | None) -> list[CloseScope]:
    """The closed scopes that an invoice moves with its next version; with None for that, with its
    withdrawal. None where both say the same: a document alone moves no money."""
    if draft is not None and stored is not None and same_as(draft, stored):
        return []
    scopes = {draft.scope} if draft is not None else set()
    if stored is not None and stored.superseded_at is None:
        scopes.add(scope_of_invoice(stored))
    closed = closed_scopes([scope.month.start for scope in scopes])
    return [scope for scope in sorted(scopes) if closed.of(scope) is not None]


def check_closed(
    draft: InvoiceDraft | None, stored: Invoice | None, approval: ApprovalRequest | None
) -> None:
    """Whether a person may do it at once. Needs `lock_for`.

    Raises:
        InvoiceRefusedError: the month is closed and no second person has approved it.
    """
    if approval is None and closed_by_change(draft, stored):
        raise InvoiceRefusedError("", "The month is closed: a second person approves it first.")


def check_draft(draft: InvoiceDraft, actor: User, at: dt.datetime) -> None:
    """Whether this person may keep invoices, and this one makes sense.

    Raises:
        InvoiceRefusedError: one of both does not hold.
    """
    if not may_keep_invoices(actor):
        raise InvoiceRefusedError("", "Your roles do not include entering invoices.")
    _check(draft, last_month(at))


def _check(draft: InvoiceDraft, latest: dt.date) -> None:
    if not draft.issuer.strip() or not draft.number.strip():
        raise InvoiceRefusedError("number", "An invoice has an issuer and a number.")
    if draft.month.day != 1:
        raise InvoiceRefusedError("month", "A billing month is named by its first day.")
    if problem := month_problem(draft.month, latest):
        raise InvoiceRefusedError("month", f"Give {problem}.")
    if draft.credits_nano is not None and draft.credits_nano > 0:
        raise InvoiceRefusedError("credits", "Credits are deducted: give a negative amount.")
    if not draft.tax_in_lines and draft.tax_nano is None:
        raise InvoiceRefusedError("tax", "Say how much tax, when the cost lines do not hold it.")
    if not draft.credits_in_lines and draft.credits_nano is None:
        raise InvoiceRefusedError("credits", "Say how much, when the cost lines do not hold them.")


def lock_for(drafts: Sequence[InvoiceDraft]) -> None:
    """Take the locks of every scope that these drafts touch, old versions included."""
    scopes = {draft.scope for draft in drafts}
    for draft in drafts:
        stored = live_invoice(draft.issuer, draft.number)
        if stored is not None:
            scopes.add(scope_of_invoice(stored))
    lock_scopes(sorted(scopes))


def keep_versions(given: Sequence[Version], *, at: dt.datetime) -> list[Invoice]:
    """Write new versions; what they replace stays, superseded. Needs `lock_for`.

    A document stays with its invoice until another one is given, and explanations for as long as it
    says the same: they are about its amounts. Closed months whose money changes get a correction,
    requests that show another invoice are void.
    """
    months: set[Month] = set()
    kept: list[Invoice] = []
    for each in given:
        stored = live_invoice(each.draft.issuer, each.draft.number)
        papers = each.document
        if stored is not None:
            Invoice.objects.filter(pk=stored.pk).update(superseded_at=max(at, stored.recorded_at))
            months.add(Month.of(stored.month))
            if papers is None and stored.document_sha256:
                papers = Document(
                    stored.document_name, stored.document_sha256, stored.document_size or 0
                )
        invoice = _insert(each.draft, each.origin, papers, at)
        if stored is not None and same_as(each.draft, stored):
            _carry_explanations(stored, invoice)
        kept.append(invoice)
        months.add(Month.of(each.draft.month))
    settle_closes(
        months,
        reason="An invoice of the month was entered or replaced.",
        at=at,
        run=given[0].origin.run if given else None,
    )
    return kept


def settle_closes(
    months: Collection[Month], *, reason: str, at: dt.datetime, run: ImportRun | None = None
) -> None:
    """After invoices of these months have changed: closed ones whose money moved get a correction,
    requests that show something else are void."""
    correct_closes(months=months, cause=CorrectionCause.INVOICE, reason=reason, at=at, run=run)
    for month in sorted(months):
        recheck_closes(month=month, at=at)


def _carry_explanations(old: Invoice, new: Invoice) -> None:
    """Explain the next version as the one before, in the words of whoever explained that one."""
    in_force = InvoiceVariance.objects.filter(invoice=old, withdrawn_at__isnull=True)
    for each in in_force.order_by("pk"):
        InvoiceVariance.objects.create(
            invoice=new,
            reason=each.reason,
            amount_nano=each.amount_nano,
            note=each.note,
            recorded_by_id=each.recorded_by_id,
            recorded_at=each.recorded_at,
        )


def _insert(
    draft: InvoiceDraft, origin: Origin, document: Document | None, at: dt.datetime
) -> Invoice:
    invoice = Invoice.objects.create(
        **{field.name: getattr(draft, field.name) for field in fields(draft)},
        document_name=document.name if document else "",
        document_sha256=document.sha256 if document else "",
        document_size=document.size if document else None,
        run=origin.run,
        file=origin.file,
        line=origin.line,
        entered_by=origin.person,
        recorded_at=at,
    )
    log.info("invoice_recorded", invoice=invoice.pk, month=str(draft.month))
    return invoice


@transaction.atomic
def explain_difference(
    *,
    invoice_id: int,
    reason: VarianceReason,
    amount_nano: int,
    note: str,
    actor: User,
    at: dt.datetime,
    approval: ApprovalRequest | None = None,
) -> InvoiceVariance:
    """Explain a part of the difference between an invoice and its cost lines.

    Of a closed month it is a correction; the closed figures stay.

    Args:
        amount_nano: positive when the invoice has more than the lines.
        approval: by which a second person let it into a closed month.

    Raises:
        InvoiceRefusedError: as `check_explanation`; or the month is closed and nobody has approved
            it.
    """
    invoice = check_explanation(invoice_id, reason, amount_nano, note, actor)
    lock_scopes([scope_of_invoice(invoice)])
    invoice = _live_invoice(invoice_id, actor)  # nobody was faster
    check_closed(None, invoice, approval)
    variance = InvoiceVariance.objects.create(
        invoice=invoice,
        reason=reason,
        amount_nano=amount_nano,
        note=note.strip()[:500],
        recorded_by=actor,
        recorded_at=at,
    )
    told = f"A difference of invoice {invoice.number} was explained: {variance.note}"
    settle_closes({Month.of(invoice.month)}, reason=told, at=at)
    return variance


LARGEST_ROUNDING_NANO = 10**9


def check_explanation(
    invoice_id: int, reason: VarianceReason, amount_nano: int, note: str, actor: User
) -> Invoice:
    """The invoice that this person may explain in this way.

    Raises:
        InvoiceRefusedError: nothing is said, another version is in force, or it is not this
            person's.
    """
    invoice = _live_invoice(invoice_id, actor)
    if not note.strip():
        raise InvoiceRefusedError("note", "Say why; it stays with the invoice.")
    if not amount_nano:
        raise InvoiceRefusedError("amount", "An explanation has an amount.")
    if reason == VarianceReason.ROUNDING and abs(amount_nano) >= LARGEST_ROUNDING_NANO:
        raise InvoiceRefusedError(
            "amount", "Rounding is less than one whole unit; this is another difference."
        )
    return invoice


@transaction.atomic
def withdraw_explanation(*, variance_id: int, actor: User, at: dt.datetime) -> None:
    """Take an explanation back; it stays to be read.

    Raises:
        InvoiceRefusedError: it is withdrawn already, the month is closed, or not this person's.
    """
    variance = InvoiceVariance.objects.filter(pk=variance_id).first()
    if variance is None or variance.withdrawn_at is not None:
        raise InvoiceRefusedError("", "This explanation is no longer in force.")
    invoice = _live_invoice(variance.invoice_id, actor)
    lock_scopes([scope_of_invoice(invoice)])
    if closed_by_change(None, _live_invoice(invoice.pk, actor)):
        raise InvoiceRefusedError("", "The month of this invoice is closed.")
    InvoiceVariance.objects.filter(pk=variance_id).update(withdrawn_by=actor, withdrawn_at=at)
    recheck_closes(month=Month.of(invoice.month), at=at)


def _live_invoice(invoice_id: int, actor: User) -> Invoice:
    """The version in force, for whoever explains differences."""
    if not may_keep_invoices(actor):
        raise InvoiceRefusedError("", "Your roles do not include explaining differences.")
    invoice = Invoice.objects.filter(pk=invoice_id, superseded_at__isnull=True).first()
    if invoice is None:
        raise InvoiceRefusedError("", "There is a newer version of this invoice.")
    return invoice
