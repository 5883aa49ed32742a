"""What an invoice of a closed month says besides its total does not change silently either."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from billing.choices import CloseState, CorrectionCause, VarianceReason
from billing.models import CloseCorrection, Invoice, InvoiceVariance, PeriodClose
from billing.selectors.close_checks import checklists
from billing.selectors.close_figures import moved_between, moves_between, payable_between
from billing.selectors.forward import explain_invoice
from billing.selectors.invoice_status import statuses_of_invoices
from billing.selectors.journal import JournalLine, journal_of
from billing.selectors.listed import FirstLines
from billing.services.explanation_requests import say_explanation
from billing.services.invoices import Document, InvoiceRefusedError, explain_difference
from portal.approvals.errors import SamePersonError
from portal.choices import Role
from portal.models import ApprovalRequest
from tests.adoption.factories import make_use_case, make_user
from tests.approving import approve
from tests.billing.closing import MAY, bill_line, close, make_invoice, only_checklist
from tests.billing.factories import give_all
from tests.billing.services.test_corrections_of_closes import LATER
from tests.imports import Clock, make_connection, run_import

pytestmark = pytest.mark.django_db
SAID: dict[str, Any] = {
    "tax": "60", "credits": "-10", "tax_in_lines": False, "credits_in_lines": False,
}  # fmt: skip


def closed_month() -> tuple[PeriodClose, Invoice]:
    """300 of lines, tax 60, credits -10, a rounding of 0.01 that somebody explained."""
    give_all(make_use_case(title="Triage"), value="triage")
    run_import(make_connection(), [bill_line(3, "100"), bill_line(4, "200")])
    invoice = make_invoice("350.01", **SAID)
    explain_difference(
        invoice_id=invoice.pk,
        reason=VarianceReason.ROUNDING,
        amount_nano=10_000_000,
        note="Page 2.",
        actor=make_user(Role.FINANCE),
        at=LATER,
    )
    return close(invoice, at=LATER), invoice


def moves(correction: CloseCorrection) -> dict[str, tuple[Any, Any]]:
    return {each["place"]: (each["old"], each["new"]) for each in correction.moves}


def journal() -> list[JournalLine]:
    return journal_of(*checklists(MAY, now=LATER))


def posted(number: int) -> list[tuple[str, str, str, str, str, int]]:
    """The lines of one correction; debits are positive."""
    return [
        (each.invoice, each.account, each.use_case, each.cost_center, each.basis,
         each.debit_nano - each.credit_nano)
        for each in journal() if each.status == f"correction {number}"
    ]  # fmt: skip


@pytest.mark.both_engines
def test_other_tax_credits_and_rounding_of_a_closed_invoice_are_a_correction() -> None:
    frozen, _ = closed_month()
    # The same once more, beside another document, is nothing new and keeps what was explained.
    make_invoice("350.01", **SAID, at=LATER, document=Document("a.pdf", "0" * 64, 1))
    assert not CloseCorrection.objects.exists()
    assert only_checklist().state == CloseState.CLOSED

    now = make_invoice("350.01", **{**SAID, "tax": "75", "credits": "-20"}, at=LATER)
    correction = frozen.corrections.get()
    assert (correction.number, correction.cause) == (1, CorrectionCause.INVOICE)
    assert moves(correction) == {
        "INV-1: tax on the invoice": ("60", "75"),
        "INV-1: credits on the invoice": ("-10", "-20"),
        "INV-1: rounding of the invoice": ("0.01", "0"),
    }
    assert correction.residual_nano == -4_990_000_000
    # What came: 15 of tax. What went: credits, the rounding, and what nobody accounts for.
    assert (moved_between(correction.moves), payable_between(correction.moves)) == (15 * 10**9, 0)
    assert only_checklist().state == CloseState.CORRECTED
    assert statuses_of_invoices([now]) == ["restated"]
    told = explain_invoice("invoice:INV-1", now=LATER, lines=FirstLines(1))["part_statuses"]
    restated = {name for name, status in told.items() if status == "restated"}
    assert restated == {"tax", "credits", "rounding", "explained", "residual"}
    frozen.refresh_from_db()
    assert frozen.figures["invoices"][0]["tax"] == "60"
    assert posted(1) == [
        ("INV-1", "Tax", "", "", "invoiced", 15 * 10**9),
        ("INV-1", "Credits", "", "", "invoiced", -10 * 10**9),
        ("INV-1", "Rounding", "", "", "invoiced", -10_000_000),
        ("INV-1", "Difference not explained", "", "", "invoiced", -4_990_000_000),
    ]


@pytest.mark.parametrize(
    ("before", "after", "place", "old", "new"),
    [
        ({"tax": "0"}, {"tax": "1"}, "tax stated, which the lines hold", "0", "1"),
        ({}, {"credits": "-1"}, "credits stated, which the lines hold", None, "-1"),
        ({"effective": "3"}, {}, "effective cost stated", "3", None),
    ],
)
def test_another_word_about_what_the_lines_hold_is_told_and_moves_no_money(
    before: dict[str, Any], after: dict[str, Any], place: str, old: str | None, new: str | None
) -> None:
    run_import(make_connection(), [bill_line(3, "3")])
    frozen = close(make_invoice(**before), at=LATER)
    now = make_invoice(**after, at=LATER)
    correction = frozen.corrections.get()
    assert moves(correction) == {f"INV-1: {place}": (old, new)}
    assert moved_between(correction.moves) == 0
    assert statuses_of_invoices([now]) == ["restated"]
    assert posted(1) == []


def test_tax_that_goes_from_the_invoice_to_its_lines_is_restated() -> None:
    frozen, _ = closed_month()
    said = {**SAID, "tax": "0", "tax_in_lines": True}
    make_invoice("350.01", **said, at=LATER)
    assert moves(frozen.corrections.get())["INV-1: tax on the invoice"] == ("60", "0")
    told = explain_invoice("invoice:INV-1", now=LATER, lines=FirstLines(1))["part_statuses"]
    assert (told["tax"], told["allocated"]) == ("restated", "closed")


def test_a_frozen_document_that_says_nothing_of_a_part_is_not_compared_with_it() -> None:
    run_import(make_connection(), [bill_line(3, "3")])
    frozen = close(make_invoice(effective="3"), at=LATER)
    old = {**frozen.figures, "invoices": [dict(each) for each in frozen.figures["invoices"]]}
    del old["invoices"][0]["stated"]
    assert moves_between(old, frozen.figures) == []


@pytest.mark.both_engines
def test_correction_lines_of_the_journal_can_be_posted() -> None:
    """By column, and to the right invoice whatever its number holds."""
    give_all(make_use_case(title="Triage"), value="triage")
    cloud = make_connection()
    mine = {"InvoiceId": "A: 7", "x_CostCenter": "CC: 1, tax"}
    run_import(cloud, [bill_line(3, "10", **mine), bill_line(4, "2", InvoiceId="A")])
    make_invoice("10", number="A: 7")
    frozen = close(make_invoice("2", number="A"), at=LATER)
    changed = [bill_line(3, "12.5", **mine), bill_line(4, "2", InvoiceId="A")]
    run_import(cloud, changed, clock=Clock(LATER))
    other = make_invoice("12.5", number="A: 7", at=LATER)
    assert frozen.corrections.count() == 2
    assert posted(1) == [
        ("A: 7", "AI cost", "triage", "CC: 1, tax", "invoiced", 2_500_000_000),
        ("A: 7", "Difference not explained", "", "", "invoiced", -2_500_000_000),
    ]
    assert posted(2) == [
        ("A: 7", "Difference not explained", "", "", "invoiced", 2_500_000_000),
        ("A: 7", "Accounts payable", "", "", "invoiced", -2_500_000_000),
    ]
    first = Invoice.objects.get(number="A")
    assert statuses_of_invoices([first, other]) == ["closed", "restated"]
    assert payable_between(frozen.corrections.get(number=2).moves) == 2_500_000_000


def test_a_closed_scope_without_an_invoice_stays_in_checklist_and_journal() -> None:
    run_import(make_connection(), [bill_line(3, "3")])
    frozen = close(make_invoice(), at=LATER)
    make_invoice(billing_account_id="", at=LATER)
    lists = {each.scope.account: each for each in checklists(MAY, now=LATER)[1]}
    assert (lists["0042"].state, lists["0042"].invoices) == (CloseState.CORRECTED, [])
    assert lists["0042"].close == frozen
    # Taken back under its old account, to the nano-unit; open under the new one.
    sums: dict[str, int] = {}
    for each in journal():
        key = f"{each.billing_account} {each.account}"
        sums[key] = sums.get(key, 0) + each.debit_nano - each.credit_nano
    assert sums == {
        "0042 AI cost, unallocated": 0,
        "0042 Accounts payable": 0,
        " AI cost, unallocated": 3 * 10**9,
        " Accounts payable": -3 * 10**9,
    }


# --- what a corrected close leaves open -----------------------------------------------------------


@pytest.mark.both_engines
def test_what_a_corrected_close_leaves_open_is_explained_by_two_people(client: Client) -> None:
    cloud = make_connection()
    run_import(cloud, [bill_line(3, "3")])
    invoice = make_invoice()
    frozen, person = close(invoice, at=LATER), make_user(Role.FINANCE, Role.APPROVER)
    run_import(cloud, [bill_line(3, "2.75")], clock=Clock(LATER))
    said: dict[str, Any] = {
        "invoice_id": invoice.pk, "reason": VarianceReason.OTHER, "amount_nano": 250_000_000,
        "note": "Paid back in June.", "actor": person, "at": LATER,
    }  # fmt: skip
    with pytest.raises(InvoiceRefusedError, match="second person"):
        explain_difference(**said)
    asked = say_explanation(**said)
    assert isinstance(asked, ApprovalRequest)
    assert asked.content["before"] == {"Not explained": "0.25 USD"}
    assert asked.content["after"] == {"Not explained": "0 USD"}
    with pytest.raises(SamePersonError):
        approve(asked, by=person, at=LATER)
    assert frozen.corrections.count() == 1
    client.force_login(person)
    page, form = (
        reverse("invoice", args=[invoice.pk]),
        reverse("invoice-explain", args=[invoice.pk]),
    )
    text = client.get(page).content.decode()
    assert form in text
    assert asked.title in text
    assert "waits for a second person" in client.get(form).content.decode()
    approve(asked, at=LATER)
    assert form not in client.get(page).content.decode()
    correction = frozen.corrections.get(number=2)
    assert correction.reason == "A difference of invoice INV-1 was explained: Paid back in June."
    assert moves(correction) == {"INV-1: explained difference": ("0", "0.25")}
    assert correction.residual_nano == 0
    assert correction.figures["invoices"][0]["variances"][0]["by"] == person.username
    assert only_checklist().invoices[0].ties
    assert posted(2) == [
        ("INV-1", "Explained difference", "", "", "invoiced", 250_000_000),
        ("INV-1", "Difference not explained", "", "", "invoiced", -250_000_000),
    ]
    frozen.refresh_from_db()
    assert frozen.figures["invoices"][0]["explained"] == "0"


@pytest.mark.both_engines
def test_the_database_lets_an_explanation_into_a_closed_month_once_and_as_approved() -> None:
    run_import(make_connection(), [bill_line(3, "3")])
    invoice = make_invoice()
    close(invoice, at=LATER)
    person = make_user(Role.FINANCE)
    words: dict[str, Any] = {
        "reason": "other", "amount_nano": 1, "note": "So it is.", "recorded_by": person,
        "recorded_at": LATER,
    }  # fmt: skip

    def write(**changes: Any) -> None:
        with pytest.raises(IntegrityError, match="is closed"), transaction.atomic():
            InvoiceVariance.objects.create(invoice=invoice, **words | changes)

    asked = say_explanation(
        invoice_id=invoice.pk, reason=VarianceReason.OTHER, amount_nano=1, note="So it is.",
        actor=person, at=LATER,
    )  # fmt: skip
    write()
    assert isinstance(asked, ApprovalRequest)
    approve(asked, at=LATER)
    assert InvoiceVariance.objects.count() == 1
    write()
    other = make_user(Role.FINANCE)
    for changes in (
        {"amount_nano": 2}, {"note": "So it is not."}, {"reason": "timing"},
        {"recorded_by": other}, {"recorded_at": LATER + dt.timedelta(seconds=1)},
    ):  # fmt: skip
        write(**changes)


# --- an invoice without lines ---------------------------------------------------------------------


@pytest.mark.both_engines
def test_a_credit_memo_that_is_wholly_explained_closes_without_lines() -> None:
    memo = make_invoice("-50", credits="-50", credits_in_lines=False)
    (imported, *_) = only_checklist(now=LATER).checks
    assert imported.problems == ()
    assert imported.fact == "0 cost lines; no lines are expected for INV-1"
    frozen = close(memo, at=LATER)
    assert [(each.account, each.credit_nano - each.debit_nano) for each in journal()] == [
        ("Credits", 50 * 10**9),
        ("Accounts payable", -50 * 10**9),
    ]
    # Lines that come after all are a correction.
    run_import(make_connection(), [bill_line(3, "1")], clock=Clock(LATER))
    assert frozen.corrections.get().residual_nano == -(10**9)


@pytest.mark.parametrize(
    ("total", "said", "is_missing"),
    [
        ("-50", {}, True),  # nothing accounts for it
        ("-50", {"credits": "-49", "credits_in_lines": False}, True),
        ("-50", {"credits": "-50"}, True),  # said of lines, and there are none
        ("0", {}, True),  # lines that cancel each other out may be missing
        ("0", {"stated_lines": 0}, False),
        ("0", {"tax": "5", "tax_in_lines": False, "rounding": "-5"}, False),
    ],
)
def test_lines_are_expected_unless_the_document_accounts_for_everything(
    total: str, said: dict[str, Any], is_missing: bool
) -> None:
    make_invoice(total, **said)
    (imported, *_) = only_checklist(now=LATER).checks
    assert bool(imported.problems) == is_missing
    assert ("no lines are expected" in imported.fact) != is_missing
