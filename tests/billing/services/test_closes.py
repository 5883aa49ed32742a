"""Closing a month: it ties to the nano-unit, two people do it, and it does not move afterwards."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.db import IntegrityError, transaction

from billing.choices import CloseState, MatchedBy, VarianceReason
from billing.models import (
    CloseCorrection,
    Invoice,
    InvoiceVariance,
    PeriodClose,
)
from billing.selectors.close_figures import figures_hash
from billing.services.close_corrections import RECHECK_CLOSES
from billing.services.closes import CLOSED, CloseRefusedError, recheck_all_closes
from billing.services.invoices import (
    InvoiceRefusedError,
    explain_difference,
    withdraw_explanation,
)
from portal.approvals.errors import ApprovalRefusedError, ChangedSinceError, SamePersonError
from portal.choices import ApprovalStatus, Role
from portal.models import ApprovalRequest, WebhookDelivery, WorkItem
from portal.services.webhooks import create_subscription
from tests.adoption.factories import make_use_case, make_user
from tests.approving import approve
from tests.billing.closing import MAY, ask, bill_line, close, make_invoice, only_checklist
from tests.billing.factories import give_all, retire_rule
from tests.billing.sweeps import sweep_both_engines, swept
from tests.imports import START, Clock, make_connection, run_import
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
LATER = START + dt.timedelta(days=5)
BILL = (bill_line(3, "1.00"), bill_line(4, "2.00"))


def problems() -> list[str]:
    return only_checklist().problems


def test_a_close_is_published_with_its_amounts_and_nobodys_name() -> None:
    create_subscription(
        name="Ledger", url="https://ledger.example/hook", events=[CLOSED], actor=None, at=START
    )
    run_import(make_connection(), BILL)
    asked = ask(make_invoice())
    assert not WebhookDelivery.objects.exists()
    approve(asked, at=START)
    closed, body = PeriodClose.objects.get(), json.loads(WebhookDelivery.objects.get().body)
    assert body["type"] == "period.closed"
    assert body["data"] == {
        "close": closed.key, "month": "2026-05", "issuer": "Cloud Ltd", "billing_account": "0042",
        "currency": "USD", "total": "3", "invoices": [{"number": "INV-1", "total": "3"}],
        "figures_sha256": closed.figures_hash,
    }  # fmt: skip


# --- what ties ------------------------------------------------------------------------------


@pytest.mark.both_engines
def test_it_ties_when_every_part_sums_to_the_invoice() -> None:
    give_all(make_use_case(), value="triage")
    rows = [
        bill_line(3, "10.000000001"),
        bill_line(4, "5", Tags="{}"),
        bill_line(31, "3.3", ChargeCategory="Tax"),
        bill_line(31, "-2.5", ChargeCategory="Credit"),
    ]
    run_import(make_connection(), rows)
    make_invoice("15.80", tax="3.30", credits="-2.50", rounding="-0.000000001")
    (found,) = only_checklist().invoices
    assert found.matched_by == MatchedBy.NUMBER
    assert (found.allocated_nano, found.unallocated_nano) == (10_000_000_001, 5 * 10**9)
    assert (found.tax_nano, found.credits_nano) == (3_300_000_000, -2_500_000_000)
    assert (found.rounding_nano, found.residual_nano) == (-1, 0)
    assert only_checklist().state == CloseState.READY


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"total": "3.000000001"}, "0.000000001 USD is not explained"),
        *swept(
            ({"stated_lines": 3}, "2 lines found, the issuer counts 3"),
            ({"effective": "2.99"}, "effective cost of 3 found, 2.99 USD stated"),
            ({"tax": "0.10"}, "tax of 0 found, 0.1 USD stated"),
        ),
        ({"number": "INV-2"}, "no cost line has been imported for it"),
        *swept(
            ({"currency": "EUR"}, "no cost line has been imported for it"),
            ({"billing_account_id": "other"}, "no cost line has been imported for it"),
            ({"tax": "0.10", "tax_in_lines": False, "total": "3.20"}, "0.1 USD is not explained"),
        ),
    ],
)
def test_what_does_not_tie_is_said_and_cannot_be_closed(
    fields: dict[str, object], said: str
) -> None:
    run_import(make_connection(), BILL)
    invoice = make_invoice(**{"total": "3.00", **fields})  # type: ignore[arg-type]
    assert any(said in problem for problem in problems()), problems()
    with pytest.raises(CloseRefusedError, match=said):
        ask(invoice)


@sweep_both_engines
def test_tax_that_the_lines_do_not_hold_counts_from_the_invoice() -> None:
    run_import(make_connection(), BILL)
    make_invoice("3.60", tax="0.60", tax_in_lines=False)
    assert problems() == []


@sweep_both_engines
def test_lines_without_a_number_go_to_the_invoice_of_their_account() -> None:
    run_import(make_connection(), [bill_line(3, "3.00", InvoiceId="")])
    make_invoice()
    (found,) = only_checklist().invoices
    assert (found.matched_by, found.residual_nano) == (MatchedBy.ACCOUNT, 0)
    # This source promises a number on every line, so it is not done with the month.
    assert "1 lines carry no invoice id yet" in problems()[0]


@sweep_both_engines
def test_lines_that_two_invoices_claim_are_given_to_neither() -> None:
    run_import(make_connection(), [bill_line(3, "3.00", InvoiceId="")])
    make_invoice()
    make_invoice(number="INV-2")
    assert {each.matched_by for each in only_checklist().invoices} == {MatchedBy.AMBIGUOUS}
    assert any("another invoice claims the same lines" in problem for problem in problems())


def test_a_month_is_not_asked_for_before_its_source_is_done_with_it() -> None:
    cloud = make_connection()
    run_import(cloud, BILL)
    invoice = make_invoice()
    june = dt.datetime(2026, 6, 14, 23, 59, tzinfo=dt.UTC)
    assert only_checklist(now=june).state == CloseState.WAITING
    with pytest.raises(CloseRefusedError, match="may still revise it; it is settled from 15 Jun"):
        ask(invoice, at=june)
    assert only_checklist(now=june + dt.timedelta(minutes=1)).state == CloseState.READY


@sweep_both_engines
def test_a_revision_starts_the_calm_days_again() -> None:
    cloud = make_connection()
    run_import(cloud, BILL)
    run_import(cloud, [bill_line(3, "1.00"), bill_line(4, "2.50")])
    make_invoice("3.50")
    assert "settled from 4 Dec 2026" in problems()[0]
    assert only_checklist(now=START + dt.timedelta(days=15)).state == CloseState.READY


# --- explained differences ------------------------------------------------------------------


def test_a_difference_is_explained_by_a_person_and_can_be_taken_back() -> None:
    run_import(make_connection(), BILL)
    invoice = make_invoice("3.40")
    finance = make_user(Role.FINANCE)
    variance = explain_difference(
        invoice_id=invoice.pk, reason=VarianceReason.DISPUTED, amount_nano=400_000_000,
        note="Counted twice; ticket 7.", actor=finance, at=START,
    )  # fmt: skip
    assert problems() == []
    withdraw_explanation(variance_id=variance.pk, actor=finance, at=START)
    assert problems() == ["Invoice INV-1: 0.4 USD is not explained."]
    with pytest.raises(InvoiceRefusedError, match="no longer in force"):
        withdraw_explanation(variance_id=variance.pk, actor=finance, at=START)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        *swept(
            ({"note": "  "}, "Say why"),
            ({"amount_nano": 0}, "has an amount"),
            ({"reason": VarianceReason.ROUNDING, "amount_nano": 10**9}, "less than one whole unit"),
            ({"invoice_id": 10**9}, "newer version"),
        ),
        ({"role": Role.APPROVER}, "Your roles"),
    ],
)
def test_an_explanation_that_explains_nothing_is_refused(
    changes: dict[str, object], said: str
) -> None:
    run_import(make_connection(), BILL)
    values: dict[str, object] = {
        "invoice_id": make_invoice("3.40").pk, "reason": VarianceReason.OTHER,
        "amount_nano": 5, "note": "why", "role": Role.FINANCE, **changes,
    }  # fmt: skip
    role = values.pop("role")
    with pytest.raises(InvoiceRefusedError, match=said):
        explain_difference(actor=make_user(role), at=START, **values)  # type: ignore[arg-type]


def test_who_explained_a_difference_does_not_close_it() -> None:
    run_import(make_connection(), BILL)
    invoice = make_invoice("3.40")
    both = make_user(Role.FINANCE, Role.APPROVER)
    explain_difference(
        invoice_id=invoice.pk, reason=VarianceReason.OTHER, amount_nano=400_000_000, note="why",
        actor=both, at=START,
    )  # fmt: skip
    with pytest.raises(SamePersonError):
        approve(ask(invoice), by=both)


# --- four eyes ------------------------------------------------------------------------------


@pytest.mark.both_engines
def test_a_second_person_closes_exactly_what_was_asked() -> None:
    case = make_use_case()
    give_all(case, value="triage")
    run_import(make_connection(), BILL)
    frozen = close(make_invoice())
    assert frozen.total_nano == 3 * 10**9
    assert figures_hash(frozen.figures) == frozen.figures_hash
    (invoice,) = frozen.figures["invoices"]
    assert (invoice["allocated"], invoice["residual"]) == ("3", "0")
    assert invoice["went_to"] == [
        {"part": "cost", "use_case": case.slug, "cost_center": "", "reason": "", "amount": "3"}
    ]
    assert only_checklist().state == CloseState.CLOSED
    assert frozen.closed_by != frozen.asked_by


def test_nobody_closes_what_they_asked_for() -> None:
    run_import(make_connection(), BILL)
    both = make_user(Role.FINANCE, Role.APPROVER)
    request = ask(make_invoice(), actor=both)
    with pytest.raises(SamePersonError):
        approve(request, by=both)
    assert not PeriodClose.objects.exists()


def test_whoever_may_not_ask_is_refused() -> None:
    run_import(make_connection(), BILL)
    with pytest.raises(CloseRefusedError, match="Your roles"):
        ask(make_invoice(), actor=make_user(Role.APPROVER))


@pytest.mark.parametrize(
    "change", sampled(["lines", "attributes", "allocation", "invoice", "explanation"], "lines")
)
def test_any_change_voids_what_was_asked(change: str) -> None:
    cloud, finance = make_connection(), make_user(Role.FINANCE)
    rule = give_all(make_use_case(), value="triage")
    run_import(cloud, BILL)
    invoice = make_invoice()
    request = ask(invoice, actor=finance)
    if change == "lines":
        run_import(cloud, [bill_line(3, "1.01"), bill_line(4, "1.99")])
    elif change == "attributes":
        run_import(cloud, [bill_line(3, "1.00", ResourceId="model-2"), BILL[1]])
    elif change == "allocation":
        retire_rule(rule_id=rule.pk, reason="over", actor=finance, at=START)
    elif change == "invoice":
        make_invoice("3.00", stated_lines=2)
    else:
        explain_difference(
            invoice_id=invoice.pk, reason=VarianceReason.OTHER, amount_nano=1, note="why",
            actor=finance, at=START,
        )  # fmt: skip
    request.refresh_from_db()
    if request.status == ApprovalStatus.PENDING:
        with pytest.raises((ChangedSinceError, ApprovalRefusedError)):
            approve(request)
    request.refresh_from_db()
    assert request.status == ApprovalStatus.VOIDED
    assert not PeriodClose.objects.exists()


@sweep_both_engines
def test_an_import_has_what_waits_looked_at_again() -> None:
    cloud = make_connection()
    run_import(cloud, BILL)
    assert not WorkItem.objects.filter(kind=RECHECK_CLOSES).exists()
    request = ask(make_invoice())
    run_import(cloud, [bill_line(3, "1.00"), bill_line(4, "2.50")], clock=Clock(LATER))
    assert WorkItem.objects.filter(kind=RECHECK_CLOSES).count() == 1
    recheck_all_closes(at=LATER)
    request.refresh_from_db()
    assert request.status == ApprovalStatus.VOIDED


# --- what the database refuses ----------------------------------------------------------------


@pytest.mark.both_engines
def test_the_database_refuses_a_close_that_was_not_approved() -> None:
    run_import(make_connection(), BILL)
    invoice = make_invoice()
    request = ask(invoice)
    fields = {
        "key": request.subject, "month": MAY.start, "issuer": "Cloud Ltd", "currency": "USD",
        "billing_account_id": "0042", "total_nano": 1, "figures": {}, "figures_hash": "0" * 64,
        "asked_by": request.author, "closed_by": make_user(Role.APPROVER), "closed_at": START,
    }  # fmt: skip
    for status in ("pending", "approved"):
        if status == "approved":
            approve(request)
            PeriodClose.objects.get()
            request = ApprovalRequest.objects.get(pk=request.pk)
            fields["key"] = f"{request.subject}x"
        with pytest.raises(IntegrityError, match="exactly these figures"), transaction.atomic():
            PeriodClose.objects.create(approval=request, **fields)


@pytest.mark.both_engines
def test_the_database_refuses_to_move_what_is_closed() -> None:
    cloud = make_connection()
    run_import(cloud, BILL)
    invoice = make_invoice()
    frozen = close(invoice)
    run_import(cloud, [bill_line(3, "1.00"), bill_line(4, "2.50")], clock=Clock(LATER))
    writes = [
        lambda: PeriodClose.objects.filter(pk=frozen.pk).update(total_nano=1),
        lambda: PeriodClose.objects.filter(pk=frozen.pk)._raw_delete("default"),
        lambda: frozen.parts.update(invoice_id="other"),
        lambda: CloseCorrection.objects.update(new_nano=1),
        lambda: CloseCorrection.objects.all()._raw_delete("default"),
        lambda: Invoice.objects.filter(pk=invoice.pk).update(total_nano=1),
        lambda: InvoiceVariance.objects.create(
            invoice=invoice, reason="other", amount_nano=1, note="late",
            recorded_by=make_user(), recorded_at=START,
        ),
    ]  # fmt: skip
    for write in writes:
        with pytest.raises(IntegrityError), transaction.atomic():
            write()
