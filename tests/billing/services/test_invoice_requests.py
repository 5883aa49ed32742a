"""By form, an invoice of a closed month is kept or withdrawn when a second person agrees."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from billing.approvals import INVOICE_KIND
from billing.models import CloseCorrection, Invoice
from billing.selectors.invoices import document_hashes
from billing.services.invoice_requests import say_invoice, say_withdrawal
from billing.services.invoice_withdrawals import withdraw_invoice
from billing.services.invoices import (
    Document,
    InvoiceDraft,
    InvoiceRefusedError,
    draft_of,
    enter_invoice,
)
from portal.approvals.errors import ChangedSinceError, SamePersonError
from portal.choices import Role
from portal.models import ApprovalRequest
from tests.adoption.factories import make_user
from tests.approving import approve
from tests.billing.closing import bill_line, close, make_invoice
from tests.imports import START, make_connection, run_import

pytestmark = pytest.mark.django_db
LATER = START + dt.timedelta(days=5)
BILL = (bill_line(3, "1.00"), bill_line(4, "2.00"))


def closed_invoice() -> Invoice:
    """INV-1 over 3.00 of a closed month."""
    run_import(make_connection(), BILL)
    invoice = make_invoice()
    close(invoice)
    return invoice


def with_total(invoice: Invoice, nano: int, **changes: object) -> InvoiceDraft:
    values = {name: getattr(draft_of(invoice), name) for name in InvoiceDraft.__slots__}
    return InvoiceDraft(**{**values, "total_nano": nano, **changes})


def in_force() -> list[tuple[str, int]]:
    rows = Invoice.objects.filter(superseded_at=None).order_by("number")
    return list(rows.values_list("number", "total_nano"))


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("what", "after", "title"),
    [
        ("change", [("INV-1", 4 * 10**9)], "Change invoice INV-1 of Cloud Ltd"),
        ("rename", [("INV-2", 3 * 10**9)], "Change invoice INV-2 of Cloud Ltd"),
        ("enter", [("INV-1", 3 * 10**9), ("INV-2", 10**9)], "Enter invoice INV-2 of CLOUD LTD"),
        ("withdraw", [], "Withdraw invoice INV-1 of Cloud Ltd"),
    ],
)
def test_nothing_of_a_closed_month_changes_before_a_second_person_agrees(
    what: str, after: list[tuple[str, int]], title: str
) -> None:
    invoice, person = closed_invoice(), make_user(Role.FINANCE, Role.APPROVER)
    before = in_force()
    if what == "withdraw":
        asked = say_withdrawal(invoice_id=invoice.pk, reason="Twice.", actor=person, at=LATER)
    else:
        draft = {
            "change": with_total(invoice, 4 * 10**9),
            "rename": with_total(invoice, 3 * 10**9, number="INV-2"),
            "enter": with_total(invoice, 10**9, number="INV-2", issuer="CLOUD LTD"),
        }[what]
        meant = None if what == "enter" else invoice.pk
        asked = say_invoice(draft=draft, actor=person, at=LATER, changed=meant)
    assert isinstance(asked, ApprovalRequest)
    assert (asked.kind, asked.title) == (INVOICE_KIND, title)
    assert in_force() == before
    assert not CloseCorrection.objects.exists()
    with pytest.raises(SamePersonError):
        approve(asked, by=person, at=LATER)
    approve(asked, at=LATER)
    assert in_force() == after
    assert CloseCorrection.objects.exists()


def test_the_services_of_an_open_month_refuse_a_closed_one() -> None:
    invoice, person = closed_invoice(), make_user(Role.FINANCE)
    with pytest.raises(InvoiceRefusedError, match="second person"):
        enter_invoice(draft=with_total(invoice, 1), actor=person, at=LATER)
    moved = with_total(invoice, 1, month=dt.date(2026, 6, 1))  # out of the closed month
    with pytest.raises(InvoiceRefusedError, match="second person"):
        enter_invoice(draft=moved, actor=person, at=LATER)
    with pytest.raises(InvoiceRefusedError, match="second person"):
        withdraw_invoice(invoice_id=invoice.pk, reason="So.", actor=person, at=LATER)
    assert in_force() == [("INV-1", 3 * 10**9)]


def test_what_was_asked_about_a_version_that_is_gone_is_void() -> None:
    invoice = closed_invoice()
    change = with_total(invoice, 4 * 10**9)
    asked = say_invoice(draft=change, actor=make_user(Role.FINANCE), at=LATER, changed=invoice.pk)
    with pytest.raises(InvoiceRefusedError, match="has asked about this already"):
        say_invoice(draft=change, actor=make_user(Role.FINANCE), at=LATER)
    Invoice.objects.filter(pk=invoice.pk).update(superseded_at=LATER)  # a CSV was quicker
    assert isinstance(asked, ApprovalRequest)
    with pytest.raises(ChangedSinceError):
        approve(asked, at=LATER)
    assert not CloseCorrection.objects.exists()


def test_a_document_waits_with_its_invoice_and_alone_it_waits_for_nobody() -> None:
    invoice, person = closed_invoice(), make_user(Role.FINANCE)
    paper = Document("a.pdf", "a" * 64, 1)
    asked = say_invoice(
        draft=with_total(invoice, 1), actor=person, at=LATER, document=paper, changed=invoice.pk
    )
    assert isinstance(asked, ApprovalRequest)
    assert asked.content["after"]["Document"] == f"a.pdf ({paper.sha256})"
    assert document_hashes() == [paper.sha256]
    same = draft_of(invoice)
    kept = say_invoice(draft=same, actor=person, at=LATER, document=paper, changed=invoice.pk)
    assert isinstance(kept, Invoice)
    assert kept.document_sha256 == paper.sha256


def test_form_and_page_say_that_it_waits(client: Client) -> None:
    invoice = closed_invoice()
    client.force_login(make_user(Role.FINANCE))
    address = reverse("invoice-change", args=[invoice.pk])
    assert "waits for a second person" in client.get(address).content.decode()
    form = {
        "issuer": "Cloud Ltd", "number": "INV-1", "month": "2026-05", "currency": "USD",
        "billing_account_id": "0042", "total": "4", "tax_in_lines": "on", "credits_in_lines": "on",
    }  # fmt: skip
    answer = client.post(address, form)
    asked = ApprovalRequest.objects.get(kind=INVOICE_KIND)
    assert answer["Location"] == reverse("approval", args=[asked.pk])
    page = client.get(reverse("invoice", args=[invoice.pk])).content.decode()
    assert "Waits for a second person" in page
    assert asked.title in client.get(answer["Location"]).content.decode()
    client.force_login(make_user(Role.APPROVER))
    assert asked.title in client.get(reverse("approval-list")).content.decode()
