"""An invoice that should not be there is taken back: it is in no sum, and nothing is deleted."""

from __future__ import annotations

import datetime as dt
import html
import io
import re

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.choices import CloseState, CorrectionCause
from billing.models import Invoice
from billing.selectors.invoices import versions_of_invoice, withdrawn_versions
from billing.services.invoice_requests import say_withdrawal
from billing.services.invoice_withdrawals import change_invoice, withdraw_invoice
from billing.services.invoices import InvoiceRefusedError, draft_of
from portal.choices import Role
from portal.models import ApprovalRequest, AuditEvent
from tests.adoption.factories import make_use_case, make_user
from tests.approving import approve
from tests.billing.closing import bill_line, close, make_invoice, only_checklist
from tests.billing.factories import give_all
from tests.imports import START, Clock, make_connection, run_import

pytestmark = pytest.mark.django_db
LATER = START + dt.timedelta(days=5)
BILL = (bill_line(3, "1.00"), bill_line(4, "2.00"))


def withdraw(invoice: Invoice, reason: str = "Typed in twice.", at: dt.datetime = LATER) -> None:
    actor = make_user(Role.FINANCE)
    made = say_withdrawal(invoice_id=invoice.pk, reason=reason, actor=actor, at=at)
    if isinstance(made, ApprovalRequest):
        approve(made, at=at)


@pytest.mark.both_engines
def test_a_mistyped_invoice_no_longer_keeps_its_month_open() -> None:
    give_all(make_use_case(), value="triage")
    run_import(make_connection(), BILL)
    make_invoice()
    mistyped = make_invoice("9.00", number="INV-11")
    assert only_checklist().state != CloseState.READY
    withdraw(mistyped)
    found = only_checklist()
    assert found.state == CloseState.READY
    assert [each.invoice.number for each in found.invoices] == ["INV-1"]
    assert Invoice.objects.filter(number="INV-11").count() == 1
    assert AuditEvent.objects.filter(reason="Typed in twice.").exists()


@pytest.mark.both_engines
def test_of_a_closed_month_a_withdrawal_is_a_correction_and_the_closed_figure_stays() -> None:
    run_import(make_connection(), BILL)
    invoice = make_invoice()
    frozen = close(invoice)
    withdraw(invoice)
    (correction,) = frozen.corrections.all()
    assert (correction.cause, correction.reason) == (
        CorrectionCause.INVOICE, "Invoice INV-1 was withdrawn.",
    )  # fmt: skip
    totals = [each for each in correction.moves if each["place"] == "INV-1: invoice total"]
    assert totals == [{"place": "INV-1: invoice total", "old": "3", "new": "0"}]
    frozen.refresh_from_db()
    assert frozen.figures["invoices"][0]["total"] == "3"
    assert only_checklist(now=LATER).state == CloseState.CORRECTED


@pytest.mark.both_engines
def test_under_another_number_it_is_another_invoice_and_the_one_that_was_meant_goes() -> None:
    actor = make_user(Role.FINANCE)
    run_import(make_connection(), BILL)
    wrong = make_invoice(number="INV-7", actor=actor)
    values = {name: getattr(draft_of(wrong), name) for name in draft_of(wrong).__slots__}
    right = type(draft_of(wrong))(**values | {"number": "INV-1"})
    kept = change_invoice(invoice_id=wrong.pk, draft=right, actor=actor, at=LATER)
    assert [each.number for each in Invoice.objects.filter(superseded_at=None)] == ["INV-1"]
    assert only_checklist(now=LATER).problems == []
    # A number that is there already is not replaced by the way.
    other = make_invoice(number="INV-8", actor=actor, at=LATER)
    with pytest.raises(InvoiceRefusedError, match="such an invoice already"):
        change_invoice(invoice_id=kept.pk, draft=draft_of(other), actor=actor, at=LATER)
    assert Invoice.objects.filter(superseded_at=None).count() == 2


def test_entered_again_it_counts_again_and_its_history_says_what_was_withdrawn() -> None:
    first = make_invoice("3.00")
    second = make_invoice("4.00", at=START + dt.timedelta(days=1))
    withdraw(second)
    third = make_invoice("4.00", at=LATER + dt.timedelta(days=1))
    versions = versions_of_invoice(third)
    assert [each.pk for each in versions] == [third.pk, second.pk, first.pk]
    assert withdrawn_versions(versions) == {second.pk}


def test_it_needs_a_reason_a_version_in_force_and_somebody_who_keeps_invoices() -> None:
    invoice = make_invoice()
    with pytest.raises(InvoiceRefusedError, match="Say why"):
        withdraw(invoice, " ")
    with pytest.raises(InvoiceRefusedError, match="roles"):
        withdraw_invoice(invoice_id=invoice.pk, reason="So.", actor=make_user(), at=LATER)
    withdraw(invoice)
    with pytest.raises(InvoiceRefusedError, match="no longer in force"):
        withdraw(invoice)


@pytest.mark.both_engines
def test_the_page_takes_it_back_and_says_so(client: Client) -> None:
    client.force_login(make_user(Role.FINANCE))
    run_import(make_connection(), BILL, clock=Clock(START))
    invoice = make_invoice()
    address = reverse("invoice-withdraw", args=[invoice.pk])
    assert client.post(address, {"reason": ""}).status_code == 200
    assert client.post(address, {"reason": "A test."}).status_code == 302
    text = client.get(reverse("invoice", args=[invoice.pk])).content.decode()
    assert "This invoice is withdrawn" in text
    assert reverse("invoice-change", args=[invoice.pk]) not in text
    assert "INV-1" not in client.get(reverse("invoices")).content.decode()
    # Its command finds what it was, and the list has it under a filter, until it is entered again.
    (command,) = re.findall(r"manage.py explain (.+?)</code>", html.unescape(text))
    figure, _, moment = command.partition(" --as-of ")
    out = io.StringIO()
    call_command("explain", figure.strip('"'), as_of=moment, stdout=out)
    assert "INV-1" in out.getvalue()
    address = f"{reverse('invoices')}?state=withdrawn"
    assert reverse("invoice", args=[invoice.pk]) in client.get(address).content.decode()
    make_invoice("4.00", at=timezone.now(), issuer="CLOUD LTD")
    assert "INV-1" not in client.get(address).content.decode()
