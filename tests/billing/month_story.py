"""What can happen to a billing month, for tests that keep an answer at each of its steps."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator

from adoption.models import UseCase
from billing.choices import VarianceReason
from billing.models import Invoice
from billing.services.invoice_documents import attach_document
from billing.services.invoice_withdrawals import withdraw_invoice
from billing.services.invoices import Document, explain_difference, withdraw_explanation
from billing.services.overlaps import OverlapDraft, declare_overlap
from portal.choices import Role
from portal.imports.files import land_stream
from portal.models import Connection
from tests.adoption.factories import make_use_case, make_user
from tests.approving import approve
from tests.billing.closing import MAY, ask, bill_line, make_invoice
from tests.billing.factories import make_draft, make_rule, replace_rule
from tests.imports import Clock, make_connection, run_import

BEGAN = dt.datetime(2026, 6, 10, 12, tzinfo=dt.UTC)
LATER = dt.datetime(2026, 12, 1, 9, 30, tzinfo=dt.UTC)


def tell_a_month(case: UseCase | None = None) -> Iterator[tuple[str, dt.datetime]]:
    """May 2026 of INV-1: each step by name, with the moment just after it."""
    clock, cloud = Clock(BEGAN), make_connection()
    case, other = case or make_use_case(title="Answer drafts"), make_use_case(title="Triage")
    finance = make_user(Role.FINANCE, name="Keeper of invoices")
    rule = make_rule((case, 333_333), (other, 333_333), at=clock())
    bill = [bill_line(3, "1.00"), bill_line(4, "2.000000007"), bill_line(5, "0.25", InvoiceId="")]
    run_import(cloud, bill, clock=clock, at=clock.now)
    yield "imported", clock()
    invoice = make_invoice("3.50", actor=finance, at=clock())
    mistyped = make_invoice("9.00", number="INV-11", actor=finance, at=clock())
    yield "entered", clock()
    explained = explain_difference(
        invoice_id=invoice.pk, reason=VarianceReason.MISSING_LINES, amount_nano=499_999_993,
        note="A fee on page 2.", actor=finance, at=clock(),
    )  # fmt: skip
    withdraw_invoice(invoice_id=mistyped.pk, reason="Typed twice.", actor=finance, at=clock())
    yield "explained", clock()
    withdraw_explanation(variance_id=explained.pk, actor=finance, at=clock())
    yield "explanation withdrawn", clock()
    invoice = make_invoice("3.000000007", actor=finance, at=clock())
    yield "replaced", clock()
    invoice = _attach(invoice, clock)
    clock.now += dt.timedelta(days=30)  # the source is done with it
    yield "settled", clock()
    request = ask(invoice, actor=finance, at=clock())
    yield "asked", clock()
    approve(request, at=clock())
    yield "closed", clock()
    replace_rule(
        rule_id=rule.pk, draft=make_draft((case, 1_000_000)), reason="All of it.",
        actor=rule.created_by, at=clock(),
    )  # fmt: skip
    yield "allocated anew", clock()
    run_import(cloud, [bill_line(3, "5"), *bill[1:]], clock=clock, at=clock.now)
    yield "revised late", clock()
    yield from _twice(cloud, clock)


def _attach(invoice: Invoice, clock: Clock) -> Invoice:
    landed = land_stream(io.BytesIO(b"%PDF-1.7 an invoice"), name="inv-1.pdf")
    return attach_document(
        invoice_id=invoice.pk, document=Document("inv-1.pdf", landed.sha256, landed.size),
        actor=make_user(Role.FINANCE), at=clock(),
    )  # fmt: skip


def _twice(first: Connection, clock: Clock) -> Iterator[tuple[str, dt.datetime]]:
    """Another source brings an account of it again, until somebody says which counts."""
    rows = [
        bill_line(day, cost, InvoiceIssuerName="Other Ltd", InvoiceId="OTHER-1")
        for day, cost in ((3, "5"), (4, "1"))
    ]
    second = make_connection("second")
    run_import(second, rows, clock=clock, at=clock.now)
    finance = make_user(Role.FINANCE)
    other = make_invoice("6", issuer="Other Ltd", number="OTHER-1", actor=finance, at=clock())
    yield "brought twice", clock()
    draft = OverlapDraft(
        counted=first, other=second, first=MAY, last=MAY, reason="The same account."
    )
    declare_overlap(draft=draft, actor=finance, at=clock())
    withdraw_invoice(invoice_id=other.pk, reason="Not ours.", actor=finance, at=clock())
    run_import(second, [rows[0]], clock=clock, at=clock.now)
    yield "counted once", clock()
