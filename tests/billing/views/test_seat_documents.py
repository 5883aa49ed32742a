"""The invoice behind a purchase of seats is opened from its cost line, and nothing else is."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Charge
from billing.selectors.seat_documents import document_of_charge
from billing.services.invoices import Document
from portal.choices import Role
from portal.imports.files import land_stream, landed_path
from tests.billing.closing import make_invoice
from tests.billing.engine import connect
from tests.billing.seats import INVOICE, buy_seats
from tests.imports import line, make_connection, make_person, run_import

pytestmark = pytest.mark.django_db
SHA = hashlib.sha256(INVOICE).hexdigest()


@pytest.fixture
def finance(client: Client) -> Client:
    client.force_login(make_person("controller", Role.FINANCE))
    return client


def page_of(client: Client, charge: Charge) -> str:
    return client.get(reverse("charge", args=[charge.pk])).content.decode()


def document(client: Client, charge: Charge) -> Any:
    return client.get(reverse("charge-document", args=[charge.pk]))


def test_the_invoice_of_seats_is_opened_from_their_purchase(finance: Client) -> None:
    purchase = buy_seats(connect("seats"))
    assert f'href="{reverse("charge-document", args=[purchase.pk])}" download>may.pdf<' in page_of(
        finance, purchase
    )
    sent = document(finance, purchase)
    assert b"".join(sent.streaming_content) == INVOICE
    assert sent["Content-Disposition"] == 'attachment; filename="may.pdf"'
    assert sent["Content-Type"] == "application/octet-stream"
    assert (sent["X-Content-Type-Options"], sent["Cache-Control"]) == (
        "nosniff",
        "private, no-store",
    )
    # Its days name no document.
    day = Charge.objects.filter(dimension__charge_category="Usage").order_by("day")[0]
    assert document(finance, day).status_code == 404
    assert "SHA-256 of the document" not in page_of(finance, day)


def test_who_may_see_no_cost_line_gets_no_document(client: Client) -> None:
    client.force_login(make_person("reader"))
    assert document(client, buy_seats(connect("seats"))).status_code == 403


def test_an_invoice_that_was_given_before_is_opened_under_its_name(finance: Client) -> None:
    seats = connect("seats")
    buy_seats(seats)
    later = buy_seats(seats, document=f"sha256:{SHA}", invoice=None)
    sent = document(finance, later)
    assert b"".join(sent.streaming_content) == INVOICE
    assert sent["Content-Disposition"] == 'attachment; filename="may.pdf"'


def test_the_document_of_an_invoice_is_opened_from_seats_that_name_it(finance: Client) -> None:
    landed = land_stream(io.BytesIO(INVOICE), name="bill.pdf")
    make_invoice(document=Document("bill.pdf", landed.sha256, landed.size))
    purchase = buy_seats(connect("seats"), document=f"sha256:{SHA}", invoice=None)
    assert document_of_charge(purchase) == ("bill.pdf", SHA, True)
    assert b"".join(document(finance, purchase).streaming_content) == INVOICE


def test_a_row_that_names_the_hash_of_another_import_opens_nothing(finance: Client) -> None:
    other = run_import(make_connection(), [line(3, "1")]).files.get()
    assert landed_path(other.sha256).is_file()
    purchase = buy_seats(connect("seats"), document=f"sha256:{other.sha256}", invoice=None)
    assert document(finance, purchase).status_code == 404
    page = page_of(finance, purchase)
    assert "Named by its hash: it is not in the landing directory." in page
    assert other.sha256 in page


def test_a_document_that_was_removed_is_said_and_not_sent(finance: Client) -> None:
    purchase = buy_seats(connect("seats"))
    landed_path(SHA).unlink()
    assert document(finance, purchase).status_code == 404
    page = page_of(finance, purchase)
    assert "may.pdf: it is not in the landing directory. It was removed there" in page
    assert SHA in page


def test_what_another_source_says_of_documents_is_no_document(finance: Client) -> None:
    purchase = buy_seats(connect("seats"))
    bill = run_import(make_connection(), [line(3, "1", x_note="n")])
    charge = Charge.objects.get(run=bill)
    charge.dimension.extra = purchase.dimension.extra
    assert document_of_charge(charge) is None
