"""Invoices and closes for tests, made through the services that everybody uses."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from billing.choices import VarianceReason
from billing.models import Invoice, PeriodClose
from billing.selectors.close_checks import Checklist, checklists, close_key
from billing.selectors.reconciliation import CloseScope, scope_of_invoice
from billing.services.closes import request_close
from billing.services.exchange_rates import Pair, enter_rate
from billing.services.invoice_requests import say_invoice
from billing.services.invoices import (
    Document,
    InvoiceDraft,
    enter_invoice,
    explain_difference,
)
from portal.choices import Role
from portal.imports.files import land_stream
from portal.models import ApprovalRequest, Connection, User
from portal.services.connections import create_connection
from portal.shell.money import to_nano
from portal.shell.periods import Month
from tests.adoption.factories import make_user
from tests.approving import approve
from tests.imports import START, Clock, line, make_connection, run_import

MAY = Month.parse("2026-05")


def bill_line(day: int = 3, cost: str = "1.50", **changes: str) -> dict[str, str]:
    """A cost line that stands on invoice INV-1."""
    return line(day, cost, **{"InvoiceId": "INV-1", **changes})


def make_invoice(
    total: str = "3.00",
    *,
    actor: User | None = None,
    at: dt.datetime = START,
    document: Document | None = None,
    **fields: Any,
) -> Invoice:
    """Invoice INV-1 of Cloud Ltd for May 2026, in USD; of a closed month, approved as well."""
    amounts = {
        name: to_nano(Decimal(fields.pop(name.removesuffix("_nano"))))
        for name in ("tax_nano", "credits_nano", "rounding_nano", "effective_nano")
        if name.removesuffix("_nano") in fields
    }
    values: dict[str, Any] = {
        "issuer": "Cloud Ltd",
        "number": "INV-1",
        "month": MAY.start,
        "currency": "USD",
        "billing_account_id": "0042",
        "total_nano": to_nano(Decimal(total)),
    }
    draft = InvoiceDraft(**{**values, **amounts, **fields})
    actor = actor or make_user(Role.FINANCE)
    made = say_invoice(draft=draft, actor=actor, at=at, document=document)
    if isinstance(made, Invoice):
        return made
    approve(made, at=at)
    return Invoice.objects.get(number=draft.number, superseded_at=None)


def only_checklist(month: Month = MAY, *, now: dt.datetime = START) -> Checklist:
    """The checklist of a month with one scope."""
    (found,) = checklists(month, now=now)[1]
    return found


def ask(invoice: Invoice, *, actor: User | None = None, at: dt.datetime = START) -> ApprovalRequest:
    """Ask for the close of the scope of an invoice."""
    return request_close(
        scope=scope_of_invoice(invoice), reason="", actor=actor or make_user(Role.FINANCE), at=at
    )


def close(invoice: Invoice, *, at: dt.datetime = START) -> PeriodClose:
    """Have it closed by a second person."""
    request = approve(ask(invoice, at=at), at=at)
    return PeriodClose.objects.get(key=request.subject)


def close_scope(scope: CloseScope, *, actor: User, at: dt.datetime) -> PeriodClose:
    """The same by its scope."""
    request = approve(request_close(scope=scope, reason="", actor=actor, at=at), at=at)
    return PeriodClose.objects.get(key=request.subject)


def make_table_connection(source: str, slug: str) -> Connection:
    """A connection of one of our own tables: invoices or exchange rates."""
    return create_connection(slug=slug, source=source, at=START)


def table(header: str, rows: Iterable[Mapping[str, Any] | str]) -> bytes:
    """A CSV of ours: `header` names its columns; rows are mappings or whole lines."""
    names = header.split(",")
    lines = [header]
    for row in rows:
        text = row if isinstance(row, str) else ",".join(str(row.get(name, "")) for name in names)
        lines.append(text)
    return ("\n".join(lines) + "\n").encode()


def tell_a_close(
    *, at: dt.datetime = START, account: str = "0077", finance: User | None = None
) -> dict[str, Any]:
    """A closed month with a document and a correction; one that is ready, with an explanation.

    Both in May 2026, of two issuers. Returns what it made by name.
    """
    person = finance or make_user(Role.FINANCE, name="Keeper of invoices")
    billed, clock = make_connection("billed"), Clock(at)
    first = {"BillingAccountId": account, "InvoiceIssuerName": "Billed Ltd", "InvoiceId": "B-1"}
    # On an account of its own: a revision of the other one keeps that one's calm days.
    second = {
        "BillingAccountId": f"{account}-b",
        "InvoiceIssuerName": "Open Ltd",
        "InvoiceId": "O-1",
    }
    rows = [line(3, "10", **first), line(4, "2.5", **first), line(5, "7", **second)]
    run_import(billed, rows, clock=clock, at=at)
    landed = land_stream(io.BytesIO(b"%PDF-1.7 an invoice"), name="b-1.pdf")
    shared: dict[str, Any] = {"month": MAY.start, "currency": "USD"}
    invoice = enter_invoice(
        draft=InvoiceDraft(
            issuer="Billed Ltd",
            number="B-1",
            total_nano=12_500_000_000,
            billing_account_id=account,
            **shared,
        ),
        actor=person,
        at=at,
        document=Document("b-1.pdf", landed.sha256, landed.size),
    )
    open_invoice = enter_invoice(
        draft=InvoiceDraft(
            issuer="Open Ltd",
            number="O-1",
            total_nano=7_010_000_000,
            billing_account_id=f"{account}-b",
            **shared,
        ),
        actor=person,
        at=at,
    )
    variance = explain_difference(
        invoice_id=open_invoice.pk,
        reason=VarianceReason.MISSING_LINES,
        amount_nano=10_000_000,
        note="A fee on page 2.",
        actor=person,
        at=at,
    )
    closed = close_scope(scope_of_invoice(invoice), actor=person, at=at)
    run_import(billed, [rows[0], line(4, "2.75", **first), rows[2]], clock=clock, at=at)
    rate = enter_rate(
        pair=Pair("USD", "EUR", MAY.end - dt.timedelta(days=1)),
        rate="0.8734",
        source="A bank",
        actor=person,
        at=at,
    )
    return {
        "invoice": invoice,
        "open_invoice": open_invoice,
        "variance": variance,
        "closed": closed,
        "ready": SimpleNamespace(key=close_key(scope_of_invoice(open_invoice))),
        "rate": rate,
    }
