"""Pages of an invoice's document: attaching one, and finding what has none."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from billing.models import Invoice
from billing.services.invoices import Document
from portal.choices import Role
from portal.models import AuditEvent, User
from tests.adoption.factories import make_user
from tests.billing.closing import make_invoice

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 the invoice"


@pytest.fixture
def person() -> User:
    return make_user(Role.FINANCE)


@pytest.fixture
def finance(client: Client, person: User) -> Client:
    client.force_login(person)
    return client


def page(client: Client, route: str, *args: object, **query: str) -> str:
    return client.get(reverse(route, args=args), query).content.decode()


def send(client: Client, invoice: Invoice, name: str = "a.pdf", content: bytes = PDF) -> Any:
    upload = SimpleUploadedFile(name, content)
    return client.post(reverse("invoice-attach", args=[invoice.pk]), {"document": upload})


@pytest.mark.both_engines
def test_a_document_is_attached_on_the_page_of_its_invoice(finance: Client, person: User) -> None:
    invoice = make_invoice("3.00")
    assert ">Attach the document</a>" in page(finance, "invoice", invoice.pk)
    answer = send(finance, invoice)
    kept = Invoice.objects.get(superseded_at__isnull=True)
    assert answer.url == reverse("invoice", args=[kept.pk])
    assert (kept.total_nano, kept.document_name, kept.entered_by) == (3 * 10**9, "a.pdf", person)
    shown = page(finance, "invoice", kept.pk)
    for said in (">Replace the document</a>", "is attached.", f"document attached by {person}"):
        assert said in shown
    sent = finance.get(reverse("invoice-document", args=[kept.pk]))
    assert b"".join(sent.streaming_content) == PDF  # type: ignore[attr-defined]
    events = AuditEvent.objects.filter(table="billing_invoice", key=str(kept.pk))
    assert [each.actor_id for each in events] == [person.pk]


def test_it_is_replaced_and_the_one_before_stays_to_be_read(finance: Client) -> None:
    invoice = make_invoice()
    send(finance, invoice)
    first = Invoice.objects.get(superseded_at__isnull=True)
    assert "Replace the document" in page(finance, "invoice-attach", first.pk)
    send(finance, first, "b.png", b"\x89PNG\r\n\x1a\n and so on")
    before = finance.get(reverse("invoice-document", args=[first.pk]))
    assert b"".join(before.streaming_content) == PDF  # type: ignore[attr-defined]
    assert Invoice.objects.get(superseded_at__isnull=True).document_name == "b.png"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pdf", b"<html>", "not_a_document"),
        ("a.pdf", b"", "empty"),
        ("b.pdf", PDF, "attached already"),
    ],
)
def test_what_is_wrong_with_a_file_stands_at_the_field(
    finance: Client, name: str, content: bytes, said: str
) -> None:
    send(finance, make_invoice())
    kept = Invoice.objects.get(superseded_at__isnull=True)
    answer = send(finance, kept, name, content)
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert Invoice.objects.count() == 2


def test_a_superseded_version_takes_none(finance: Client) -> None:
    invoice = make_invoice()
    make_invoice("3.10")
    answer = send(finance, invoice)
    assert answer.status_code == 409
    text = answer.content.decode()
    assert "This version of the invoice is superseded" in text
    assert 'type="file"' not in text
    assert not Invoice.objects.exclude(document_sha256="").exists()
    assert "Attach the document" not in page(finance, "invoice", invoice.pk)


def test_whoever_only_reads_invoices_is_offered_nothing_and_refused(client: Client) -> None:
    invoice = make_invoice()
    client.force_login(make_user(Role.AUDITOR))
    assert "Attach the document" not in page(client, "invoice", invoice.pk)
    assert send(client, invoice).status_code == 403
    assert Invoice.objects.count() == 1


def test_the_list_finds_invoices_without_a_document(finance: Client) -> None:
    make_invoice(number="BARE-1")
    make_invoice(number="DONE-1", document=Document("a.pdf", "a" * 64, 3))
    found = page(finance, "invoices", document="missing")
    assert ("BARE-1" in found, "DONE-1" in found) == (True, False)
    found = page(finance, "invoices", document="attached")
    assert ("BARE-1" in found, "DONE-1" in found) == (False, True)


def test_the_checklist_tells_which_invoices_have_none_and_does_not_wait(finance: Client) -> None:
    bare = make_invoice(number="BARE-1")
    make_invoice(number="DONE-1", document=Document("a.pdf", "a" * 64, 3))
    text = page(finance, "close-checklist", month="2026-05")
    link = f'<a href="{reverse("invoice", args=[bare.pk])}">invoice BARE-1</a>'
    assert f"Without its document: {link}. The close does not wait for it." in text
    assert "1 not attached" in text
    attached = make_invoice(number="BARE-1", document=Document("b.pdf", "b" * 64, 3))
    assert attached.document_sha256
    assert "Without its document" not in page(finance, "close-checklist", month="2026-05")
