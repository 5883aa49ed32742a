"""After a month is closed its figure stays; what comes later stands beside it as a correction."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from billing.approvals import CLOSE_KIND, close_subject
from billing.choices import CloseState, CorrectionCause, Finality
from billing.models import (
    Charge,
    CloseCorrection,
    DailyCost,
    InvoiceVariance,
    MonthlyCost,
    PeriodClose,
)
from billing.selectors.closed_scopes import ClosedScopes
from billing.selectors.costs import cost_sums
from billing.selectors.invoice_status import finalities_of_invoices
from billing.selectors.line_status import statuses_of_charges
from billing.selectors.reconciliation import CloseScope
from portal.choices import Role, RunStatus
from portal.services.approvals import request_approval
from tests.adoption.factories import make_use_case, make_user
from tests.approving import approve
from tests.billing.closing import MAY, bill_line, close, make_invoice, only_checklist
from tests.billing.factories import give_all, retire_rule
from tests.billing.sweeps import sweep_both_engines
from tests.imports import START, Clock, make_connection, run_import

pytestmark = pytest.mark.django_db
LATER = START + dt.timedelta(days=5)
BILL = (bill_line(3, "1.00"), bill_line(4, "2.00"))


@pytest.mark.both_engines
def test_a_late_revision_becomes_a_correction_and_the_closed_figure_stays() -> None:
    cloud, case = make_connection(), make_use_case()
    give_all(case, value="triage")
    run_import(cloud, BILL)
    frozen = close(make_invoice())
    assert statuses() == {Finality.CLOSED}
    run_import(cloud, [bill_line(3, "1.00"), bill_line(4, "2.50")], clock=Clock(LATER))
    (correction,) = frozen.corrections.all()
    assert (correction.cause, correction.number) == (CorrectionCause.IMPORT, 1)
    assert (correction.old_nano, correction.new_nano) == (3 * 10**9, 3_500_000_000)
    assert correction.residual_nano == -500_000_000
    assert correction.moves == [{"place": f"INV-1: {case.slug}", "old": "3", "new": "3.5"}]
    frozen.refresh_from_db()
    assert frozen.figures["invoices"][0]["allocated"] == "3"
    found = only_checklist()
    assert (found.state, len(found.corrections)) == (CloseState.CORRECTED, 1)
    assert statuses() == {Finality.RESTATED}
    # The same again changes nothing; back again is a correction of its own.
    run_import(cloud, [bill_line(3, "1.00"), bill_line(4, "2.50")], clock=Clock(LATER))
    run_import(cloud, BILL, clock=Clock(LATER))
    assert [each.new_nano for each in frozen.corrections.order_by("number")] == [
        3_500_000_000,
        3 * 10**9,
    ]


def statuses() -> set[Finality]:
    """Of the daily and of the monthly costs."""
    later = LATER + dt.timedelta(days=60)
    found = [*cost_sums(DailyCost.objects.all(), now=later)]
    found += cost_sums(MonthlyCost.objects.all(), now=later)
    return {each.finality for each in found}


@sweep_both_engines
def test_a_reallocation_of_a_closed_month_becomes_a_correction() -> None:
    case, finance = make_use_case(), make_user(Role.FINANCE)
    rule = give_all(case, value="triage")
    run_import(make_connection(), BILL)
    frozen = close(make_invoice())
    retire_rule(rule_id=rule.pk, reason="over", actor=finance, at=LATER)
    (correction,) = frozen.corrections.all()
    assert correction.cause == CorrectionCause.REALLOCATION
    assert correction.old_nano == correction.new_nano
    assert sorted(correction.moves, key=lambda move: str(move["new"])) == [
        {"place": f"INV-1: {case.slug}", "old": "3", "new": "0"},
        {"place": "INV-1: unallocated, no_rule", "old": "0", "new": "3"},
    ]
    assert statuses() == {Finality.RESTATED}


@pytest.mark.both_engines
def test_days_on_which_a_reallocation_moved_nothing_stay_closed() -> None:
    """In sums and line by line alike: what is marked and what is summed anew are the same days."""
    rule = give_all(make_use_case(), value="triage")
    run_import(make_connection(), [BILL[0], bill_line(4, "2.00", Tags="{}")])
    frozen = close(make_invoice())
    retire_rule(rule_id=rule.pk, reason="over", actor=make_user(Role.FINANCE), at=LATER)
    moved = frozen.parts.order_by("slice__day").values_list("slice__day__day", "moved_at")
    assert list(moved) == [(3, LATER), (4, None)]
    charges = Charge.objects.select_related("dimension", "slice").order_by("day")
    lines = statuses_of_charges(list(charges), now=LATER)
    days = [DailyCost.objects.filter(day__day=each.day.day) for each in charges]
    told = [str(cost_sums(day, now=LATER)[0].finality) for day in days]
    assert told == list(map(str, lines.values())) == ["restated", "closed"]


@sweep_both_engines
def test_a_late_line_on_a_day_of_its_own_is_a_correction_too() -> None:
    cloud = make_connection()
    run_import(cloud, BILL)
    frozen = close(make_invoice())
    run_import(cloud, [*BILL, bill_line(9, "0.25")], clock=Clock(LATER))
    assert frozen.corrections.get().new_nano == 3_250_000_000


@sweep_both_engines
def test_another_invoice_of_a_closed_month_becomes_a_correction() -> None:
    run_import(make_connection(), BILL)
    frozen = close(make_invoice())
    make_invoice("3.10", at=LATER)
    correction = frozen.corrections.get()
    assert correction.cause == CorrectionCause.INVOICE
    assert correction.moves == [{"place": "INV-1: invoice total", "old": "3", "new": "3.1"}]
    assert correction.residual_nano == 100_000_000


@sweep_both_engines
def test_what_was_revised_before_the_close_is_closed() -> None:
    cloud, october = make_connection(), Clock(START - dt.timedelta(days=30))
    run_import(cloud, BILL, clock=october)
    run_import(cloud, [bill_line(3, "1.00"), bill_line(4, "2.50")], clock=october)
    assert statuses() == {Finality.RESTATED}
    close(make_invoice("3.50"))
    assert statuses() == {Finality.CLOSED}


@sweep_both_engines
def test_a_month_that_is_half_closed_is_not_closed() -> None:
    run_import(make_connection(), [*BILL, bill_line(5, "9.00", InvoiceId="INV-9")])
    close(make_invoice())
    assert statuses() == {Finality.FINAL}


@sweep_both_engines
def test_an_import_of_an_open_month_is_no_correction() -> None:
    cloud = make_connection()
    run_import(cloud, BILL)
    close(make_invoice())
    june = {
        "BillingPeriodStart": "2026-06-01T00:00:00Z", "BillingPeriodEnd": "2026-07-01T00:00:00Z",
        "ChargePeriodStart": "2026-06-03T00:00:00Z", "ChargePeriodEnd": "2026-06-03T23:00:00Z",
    }  # fmt: skip
    run = run_import(cloud, [bill_line(3, "7.00", **june)], clock=Clock(LATER))
    assert run.status == RunStatus.APPLIED
    assert not CloseCorrection.objects.exists()


# --- spellings of an issuer -----------------------------------------------------------------------


@pytest.mark.both_engines
def test_a_close_of_one_spelling_of_an_issuer_is_one_of_all() -> None:
    cloud = make_connection()
    other = bill_line(4, "2.00", InvoiceId="INV-2", InvoiceIssuerName="cloud LTD")
    run_import(cloud, [bill_line(3, "1.00"), other])
    invoices = [
        make_invoice("1.00"),
        make_invoice("2.00", number="INV-2", issuer="CLOUD Ltd"),
    ]
    frozen = close(invoices[1])
    assert [each["number"] for each in frozen.figures["invoices"]] == ["INV-1", "INV-2"]
    assert statuses() == {Finality.CLOSED}
    assert finalities_of_invoices(invoices) == [Finality.CLOSED, Finality.CLOSED]
    for each in invoices:
        with pytest.raises(IntegrityError, match="closed"), transaction.atomic():
            InvoiceVariance.objects.create(
                invoice=each, reason="other", amount_nano=1, note="late",
                recorded_by=make_user(), recorded_at=LATER,
            )  # fmt: skip
    make_invoice("2.50", number="INV-3", issuer="cloud ltd", at=LATER)
    (move,) = frozen.corrections.get().moves
    assert move == {"place": "INV-3: invoice total", "old": "0", "new": "2.5"}


@pytest.mark.both_engines
def test_what_was_asked_for_under_one_spelling_stays_found() -> None:
    run_import(make_connection(), BILL)
    make_invoice()
    key = close_subject("2026-05", "Cloud Ltd", "0042", "USD")
    payload = {"month": "2026-05", "issuer": "Cloud Ltd", "account": "0042", "currency": "USD"}
    asked = request_approval(
        kind=CLOSE_KIND, subject=key, payload=payload, reason="", actor=make_user(Role.FINANCE),
        at=START,
    )  # fmt: skip
    assert (only_checklist().key, only_checklist().request) == (key, asked)
    approve(asked, at=START)
    assert (only_checklist().key, only_checklist().state) == (key, CloseState.CLOSED)
    assert statuses() == {Finality.CLOSED}


def test_spellings_that_were_closed_apart_keep_their_own_invoices() -> None:
    older, newer = (
        PeriodClose(pk=pk, month=MAY.start, issuer=name, billing_account_id="0042", currency="USD")
        for pk, name in enumerate(("Cloud Ltd", "CLOUD LTD"), start=1)
    )
    closed = ClosedScopes([newer, older])
    names = ("Cloud Ltd", "CLOUD LTD", "cloud ltd", "Other Ltd")
    found = [closed.of(CloseScope(MAY, name, "0042", "USD")) for name in names]
    assert found == [older, newer, older, None]
