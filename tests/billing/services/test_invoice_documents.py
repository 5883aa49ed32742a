"""Documents of invoices: attached later, by form and by CSV, without moving any money."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from django.db import transaction
from django.db.utils import IntegrityError

from billing.choices import VarianceReason
from billing.models import CloseCorrection, Invoice, InvoiceVariance, PeriodClose
from billing.selectors.invoice_hands import STATED, hands_of_invoices, origin_texts
from billing.selectors.invoices import invoice_by_reference, versions_of_invoice
from billing.services.invoice_documents import attach_document, land_document
from billing.services.invoices import (
    Document,
    InvoiceDraft,
    InvoiceRefusedError,
    draft_of,
    explain_difference,
)
from portal.backup.documents import document_hashes
from portal.choices import ApprovalStatus, Role, RunStatus, RunTrigger
from portal.imports.runner import execute_run
from portal.models import ImportRun, RejectedRow, User
from portal.services.imports import Upload, replay_run, request_import
from tests.adoption.factories import make_user
from tests.billing.closing import (
    ask,
    bill_line,
    close,
    make_invoice,
    make_table_connection,
    only_checklist,
    table,
)
from tests.billing.sweeps import sweep_both_engines
from tests.imports import START, Clock, counts, make_connection, run_import

pytestmark = pytest.mark.django_db
LATER = START + dt.timedelta(hours=1)
PDF, OTHER_PDF = b"%PDF-1.7 the invoice", b"%PDF-1.7 a better scan"
HEADER = "issuer,number,month,billing_account,currency,total,document"
ROW = {
    "issuer": "Cloud Ltd", "number": "INV-1", "month": "2026-05", "billing_account": "0042",
    "currency": "USD", "total": "3.00",
}  # fmt: skip


def landed(content: bytes = PDF, name: str = "a.pdf") -> Document:
    return land_document(io.BytesIO(content), name=name)


def attach(
    invoice: Invoice, *, actor: User | None = None, content: bytes = PDF, at: dt.datetime = LATER
) -> Invoice:
    return attach_document(
        invoice_id=invoice.pk,
        document=landed(content),
        actor=actor or make_user(Role.FINANCE),
        at=at,
    )


def explained(total: str = "3.10", nano: int = 100_000_000) -> Invoice:
    """An invoice of 3 USD of lines and some more, which is explained."""
    run_import(make_connection(), [bill_line(3, "1"), bill_line(4, "2")])
    invoice = make_invoice(total)
    explain_difference(
        invoice_id=invoice.pk,
        reason=VarianceReason.OTHER,
        amount_nano=nano,
        note="Support",
        actor=make_user(Role.FINANCE),
        at=START,
    )
    return invoice


def payables_run(
    rows: Sequence[Mapping[str, Any]], clock: Clock, connection: Any, **documents: bytes
) -> ImportRun:
    """One upload: a table and documents beside it, by name without `.pdf`."""
    files = {"payables.csv": table(HEADER, rows)}
    files |= {f"{name}.pdf": content for name, content in documents.items()}
    run = request_import(
        connection=connection,
        inputs=[Upload(name, io.BytesIO(content)) for name, content in files.items()],
        trigger=RunTrigger.UPLOAD,
        at=clock(),
    )
    return execute_run(run.pk, clock=clock)


# --- attaching one --------------------------------------------------------------------------------


@pytest.mark.both_engines
def test_a_document_is_attached_as_the_next_version_that_states_the_same() -> None:
    invoice = explained()
    kept = attach(invoice)
    assert draft_of(kept) == draft_of(invoice)
    assert kept.document_sha256 == landed().sha256
    invoice.refresh_from_db()
    assert (invoice.superseded_at, invoice.document_sha256) == (LATER, "")
    assert document_hashes() == {kept.document_sha256}
    better = attach(kept, content=OTHER_PDF, at=LATER + dt.timedelta(hours=1))
    assert [each.document_sha256 for each in versions_of_invoice(better)] == [
        landed(OTHER_PDF).sha256,
        landed().sha256,
        "",
    ]


@pytest.mark.both_engines
def test_after_the_close_a_document_makes_no_correction_and_explanations_go_along() -> None:
    invoice = explained()
    frozen = close(invoice, at=START)
    kept = attach(invoice, actor=make_user(Role.FINANCE))
    assert not CloseCorrection.objects.exists()
    assert [each.residual_nano for each in only_checklist(now=LATER).invoices] == [0]
    (carried,) = InvoiceVariance.objects.filter(invoice=kept)
    (first,) = InvoiceVariance.objects.filter(invoice=invoice)
    assert (carried.amount_nano, carried.recorded_by, carried.recorded_at) == (
        first.amount_nano,
        first.recorded_by,
        first.recorded_at,
    )
    assert PeriodClose.objects.get().figures == frozen.figures


@pytest.mark.both_engines
def test_after_the_close_the_database_takes_no_other_explanation_for_one_that_goes_along() -> None:
    invoice = explained()
    close(invoice, at=START)
    kept = attach(invoice)
    carried = InvoiceVariance.objects.get(invoice=kept)
    values = {
        "invoice": kept, "reason": carried.reason, "amount_nano": carried.amount_nano,
        "note": carried.note, "recorded_by": carried.recorded_by,
        "recorded_at": carried.recorded_at,
    }  # fmt: skip
    for changes in ({}, {"amount_nano": 7}, {"note": "Another"}, {"recorded_at": LATER}):
        with pytest.raises(IntegrityError, match="is closed"), transaction.atomic():
            InvoiceVariance.objects.create(**{**values, **changes})


@sweep_both_engines
def test_another_amount_drops_what_was_explained_about_the_one_before() -> None:
    invoice = explained()
    again = make_invoice("3.20", at=LATER, document=landed())
    assert not InvoiceVariance.objects.filter(invoice=again).exists()
    assert InvoiceVariance.objects.get().invoice == invoice


@sweep_both_engines
def test_a_request_that_waits_shows_the_document_too_and_is_void() -> None:
    invoice = explained()
    request = ask(invoice, at=START)
    attach(invoice)
    request.refresh_from_db()
    assert request.status != ApprovalStatus.PENDING


@sweep_both_engines
def test_who_typed_the_amounts_stays_one_who_may_not_approve_them() -> None:
    typed, attached, other = (make_user(Role.FINANCE) for _ in range(3))
    run_import(make_connection(), [bill_line(3, "1"), bill_line(4, "2")])
    invoice = make_invoice("2.90", actor=other)
    invoice = make_invoice("3.00", actor=typed, at=LATER)
    kept = attach(invoice, actor=attached, at=LATER + dt.timedelta(hours=1))
    # Who entered another amount before has no hand in this one.
    assert hands_of_invoices([kept]) == {typed.pk, attached.pk}
    assert origin_texts(versions_of_invoice(kept)) == [
        f"document attached by {attached}",
        f"entered by {typed}",
        f"entered by {other}",
    ]


def test_what_an_invoice_states_is_what_a_draft_says() -> None:
    assert set(STATED) == set(InvoiceDraft.__dataclass_fields__)


@sweep_both_engines
def test_what_is_superseded_or_attached_or_not_theirs_is_refused() -> None:
    invoice = make_invoice()
    kept = attach(invoice)
    for target, actor, said in (
        (invoice, None, "newer version"),
        (kept, None, "attached already"),
        (kept, make_user(Role.AUDITOR), "roles do not include"),
    ):
        with pytest.raises(InvoiceRefusedError, match=said):
            attach(target, actor=actor)
    assert Invoice.objects.count() == 2


# --- documents beside a CSV -----------------------------------------------------------------------


@pytest.mark.both_engines
def test_a_row_names_its_document_in_the_same_upload() -> None:
    payables, clock = make_table_connection("invoices", "payables"), Clock()
    rows = [{**ROW, "document": "one.pdf"}, {**ROW, "number": "INV-2"}]
    run = payables_run(rows, clock, payables, one=PDF, scan=OTHER_PDF)
    assert counts(run) == {"read": 2, "inserted": 2}
    invoice = invoice_by_reference("invoice:INV-1")
    assert (invoice.document_name, invoice.document_sha256, invoice.document_size) == (
        "one.pdf",
        landed().sha256,
        len(PDF),
    )
    assert invoice_by_reference("invoice:INV-2").document_sha256 == ""
    assert [code for code, _ in run.notes] == ["unnamed_document"]
    assert document_hashes() == {invoice.document_sha256}


@pytest.mark.both_engines
def test_a_document_alone_is_a_version_and_not_held_in_a_closed_month() -> None:
    payables, clock = make_table_connection("invoices", "payables"), Clock(START)
    run_import(make_connection(), [bill_line(3, "1"), bill_line(4, "2")], clock=clock)
    payables_run([ROW], clock, payables)
    close(invoice_by_reference("invoice:INV-1"), at=clock())
    run = payables_run([{**ROW, "document": "one.pdf"}], clock, payables, one=PDF)
    assert (run.status, counts(run)) == (RunStatus.APPLIED, {"read": 1, "updated": 1})
    again = payables_run([{**ROW, "document": "two.pdf"}], clock, payables, two=PDF)
    assert counts(again) == {"read": 1, "unchanged": 1}  # the same bytes under another name
    without = payables_run([ROW], clock, payables)
    assert counts(without) == {"read": 1, "unchanged": 1}
    assert invoice_by_reference("invoice:INV-1").document_name == "one.pdf"
    assert not CloseCorrection.objects.exists()


@sweep_both_engines
@pytest.mark.parametrize("name", ["gone.pdf", f"sha256:{'0' * 64}", "payables.csv"])
def test_a_document_that_did_not_come_along_waits_in_quarantine(name: str) -> None:
    payables, clock = make_table_connection("invoices", "payables"), Clock()
    earlier = landed(OTHER_PDF).sha256
    named = f"sha256:{earlier}" if name.startswith("sha256:") else name
    run = payables_run([{**ROW, "document": named}], clock, payables, one=PDF)
    assert counts(run) == {"read": 1, "rejected": 1}
    assert RejectedRow.objects.get().code == "document_missing"
    assert not Invoice.objects.exists()


@sweep_both_engines
def test_documents_alone_are_refused() -> None:
    payables = make_table_connection("invoices", "payables")
    run = run_import(payables, PDF)
    assert (run.status, run.problem.startswith("there is no table of invoices")) == (
        RunStatus.REFUSED,
        True,
    ), run.problem


@sweep_both_engines
def test_an_older_run_does_not_overtake_what_a_document_was_attached_to() -> None:
    payables, clock = make_table_connection("invoices", "payables"), Clock()
    first = run_import(payables, table(HEADER, [ROW]), clock=clock)
    run_import(payables, table(HEADER, [{**ROW, "total": "3.10"}]), clock=clock)
    kept = attach(invoice_by_reference("invoice:INV-1"), at=clock())
    assert (kept.run_id, kept.line) == (first.pk + 1, 2)
    again = replay_run(run=first, actor=None, at=clock())
    assert execute_run(again.pk, clock=clock).status == RunStatus.SUPERSEDED
    assert invoice_by_reference("invoice:INV-1").total_nano == 3_100_000_000
