"""Invoices by CSV and by form: versions, what is held, and documents."""

from __future__ import annotations

import datetime as dt

import pytest

from billing.models import ExchangeRate, Invoice
from billing.selectors.closes import month_to_close
from billing.selectors.invoices import invoice_by_reference, versions_of_invoice
from billing.selectors.references import BadReferenceError
from billing.services.exchange_rates import Pair, RateRefusedError, enter_rate
from billing.services.invoices import InvoiceRefusedError
from portal.backup.documents import document_hashes
from portal.choices import Role, RunStatus
from portal.imports.runner import execute_run
from portal.services.imports import release_run, replay_run
from portal.shell.periods import Month
from tests.adoption.factories import make_user
from tests.billing.closing import (
    bill_line,
    close,
    make_invoice,
    make_table_connection,
    table,
    tell_a_close,
)
from tests.billing.sweeps import sweep_both_engines, swept
from tests.imports import START, Clock, counts, make_connection, run_import

pytestmark = pytest.mark.django_db
HEADER = "issuer,number,month,billing_account,currency,total"
ROW = {
    "issuer": "Cloud Ltd", "number": "INV-1", "month": "2026-05", "billing_account": "0042",
    "currency": "USD", "total": "3.00",
}  # fmt: skip
OTHER = {**ROW, "number": "INV-2", "total": "7.25"}


@pytest.mark.both_engines
def test_the_same_invoices_again_change_nothing() -> None:
    payables, clock = make_table_connection("invoices", "payables"), Clock()
    run = run_import(payables, table(HEADER, [ROW, OTHER]), clock=clock)
    assert counts(run) == {"read": 2, "inserted": 2}
    assert run.totals_in == {"USD": {"total": "10.25"}}
    again = run_import(payables, table(HEADER, [OTHER, ROW]), clock=clock)
    assert counts(again) == {"read": 2, "unchanged": 2}
    assert Invoice.objects.count() == 2


@pytest.mark.both_engines
def test_another_amount_is_another_version_and_nothing_is_withdrawn() -> None:
    payables, clock = make_table_connection("invoices", "payables"), Clock()
    run_import(payables, table(HEADER, [ROW, OTHER]), clock=clock)
    run = run_import(payables, table(HEADER, [{**ROW, "total": "3.10"}]), clock=clock)
    assert counts(run) == {"read": 1, "updated": 1}
    live = invoice_by_reference("invoice:INV-1")
    assert live.total_nano == 3_100_000_000
    assert [each.total_nano for each in versions_of_invoice(live)] == [3_100_000_000, 3 * 10**9]
    assert Invoice.objects.filter(superseded_at__isnull=True).count() == 2


@sweep_both_engines
def test_an_older_run_does_not_overwrite_a_newer_one() -> None:
    payables, clock = make_table_connection("invoices", "payables"), Clock()
    first = run_import(payables, table(HEADER, [ROW]), clock=clock)
    run_import(payables, table(HEADER, [{**ROW, "total": "3.10"}]), clock=clock)
    again = replay_run(run=first, actor=None, at=clock())
    assert execute_run(again.pk, clock=clock).status == RunStatus.SUPERSEDED
    assert invoice_by_reference("invoice:INV-1").total_nano == 3_100_000_000


@sweep_both_engines
def test_a_bad_row_waits_and_an_unreadable_amount_stops_everything() -> None:
    payables, clock = make_table_connection("invoices", "payables"), Clock()
    run = run_import(payables, table(HEADER, [ROW, {**OTHER, "month": "May"}]), clock=clock)
    assert (run.status, counts(run)) == (
        RunStatus.APPLIED,
        {"read": 2, "inserted": 1, "rejected": 1},
    )
    run = run_import(payables, table(HEADER, [{**OTHER, "total": "7,25"}]), clock=clock)
    assert run.status == RunStatus.REFUSED
    for said in ("part-0.csv", "line 2"):
        assert said in run.problem


@sweep_both_engines
def test_an_invoice_of_a_closed_month_is_held_and_let_in_as_a_correction() -> None:
    payables, clock = make_table_connection("invoices", "payables"), Clock(START)
    run_import(make_connection(), [bill_line(3, "1"), bill_line(4, "2")], clock=clock)
    run_import(payables, table(HEADER, [ROW]), clock=clock)
    frozen = close(invoice_by_reference("invoice:INV-1"), at=clock())
    run = run_import(payables, table(HEADER, [{**ROW, "total": "3.20"}]), clock=clock)
    assert run.status == RunStatus.HELD
    assert "belongs to a month that is closed" in run.held_reason
    assert not frozen.corrections.exists()
    release_run(run=run, actor=make_user(Role.FINANCE), at=clock())
    assert execute_run(run.pk, clock=clock).status == RunStatus.APPLIED
    assert frozen.corrections.get().residual_nano == 200_000_000


@sweep_both_engines
def test_a_document_stays_with_the_next_version_and_in_backups() -> None:
    told = tell_a_close()
    invoice = told["invoice"]
    assert document_hashes() == {invoice.document_sha256}
    again = make_invoice(
        "12.60", issuer="Billed Ltd", number="B-1", billing_account_id="0077",
        at=START + dt.timedelta(days=1),
    )  # fmt: skip
    assert again.document_sha256 == invoice.document_sha256


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"credits": "1.00"}, "Credits are deducted"),
        *swept(
            ({"tax_in_lines": False}, "how much tax"),
            ({"credits_in_lines": False}, "how much"),
            ({"number": " "}, "issuer and a number"),
        ),
    ],
)
def test_an_invoice_that_contradicts_itself_is_refused(
    fields: dict[str, object], said: str
) -> None:
    with pytest.raises(InvoiceRefusedError, match=said):
        make_invoice(**fields)  # type: ignore[arg-type]


def test_only_finance_enters_invoices_and_rates() -> None:
    approver = make_user(Role.APPROVER)
    with pytest.raises(InvoiceRefusedError, match="Your roles"):
        make_invoice(actor=approver)
    with pytest.raises(RateRefusedError, match="Your roles"):
        enter_rate(
            pair=Pair("USD", "EUR", START.date()), rate="1", source="s", actor=approver, at=START
        )


def test_a_number_of_two_issuers_needs_the_issuer() -> None:
    make_invoice()
    make_invoice(issuer="Other/Ltd")
    with pytest.raises(BadReferenceError, match="both have an invoice"):
        invoice_by_reference("invoice:INV-1")
    assert invoice_by_reference("invoice:Other/Ltd/INV-1").issuer == "Other/Ltd"
    assert invoice_by_reference("invoice:cloud ltd/INV-1").issuer == "Cloud Ltd"
    with pytest.raises(BadReferenceError, match="no invoice"):
        invoice_by_reference("invoice:INV-9")


@sweep_both_engines
def test_rates_by_csv_are_versions_too() -> None:
    feed, clock = make_table_connection("exchange_rates", "feed"), Clock()
    header = "day,base,quote,rate,source"
    row = "2026-05-29,USD,EUR,0.8734,ECB"
    assert counts(run_import(feed, table(header, [row]), clock=clock)) == {
        "read": 1,
        "inserted": 1,
    }
    run = run_import(feed, table(header, [row.replace("0.8734", "0.8735")]), clock=clock)
    assert counts(run) == {"read": 1, "updated": 1}
    live = ExchangeRate.objects.get(superseded_at__isnull=True)
    assert (live.rate, ExchangeRate.objects.count()) == ("0.8735", 2)
    run = run_import(feed, table(header, [row.replace("0.8734", "0.8735"), ""]), clock=clock)
    assert counts(run) == {"read": 1, "unchanged": 1}


def test_a_rate_of_a_day_to_come_is_refused_by_form_and_file() -> None:
    tomorrow = START.date() + dt.timedelta(days=1)
    pair, finance = Pair("USD", "EUR", tomorrow), make_user(Role.FINANCE)
    with pytest.raises(RateRefusedError, match="a day up to 2026-11-20") as refused:
        enter_rate(pair=pair, rate="1", source="s", actor=finance, at=START)
    assert refused.value.field == "day"
    feed = make_table_connection("exchange_rates", "feed")
    rows = [f"{day},USD,EUR,0.8734,ECB" for day in (START.date(), tomorrow)]
    run = run_import(feed, table("day,base,quote,rate,source", rows), clock=Clock())
    assert counts(run) == {"read": 2, "inserted": 1, "rejected": 1}


def test_a_file_and_a_form_take_no_invoice_beyond_the_next_month() -> None:
    clock = Clock()
    following = Month.of(START.date()) + 1
    rows = [{**ROW, "month": str(following)}, {**OTHER, "month": str(following + 1)}]
    run = run_import(
        make_table_connection("invoices", "payables"), table(HEADER, rows), clock=clock
    )
    assert counts(run) == {"read": 2, "inserted": 1, "rejected": 1}
    with pytest.raises(InvoiceRefusedError, match=f"2000-01 to {following}") as refused:
        make_invoice(number="INV-3", month=(following + 1).start)
    assert refused.value.field == "month"


def test_an_invoice_billed_in_advance_does_not_move_the_month_to_close() -> None:
    this_month = Month.of(START.date())
    for number, month in (("INV-1", this_month - 1), ("INV-2", this_month + 1)):
        make_invoice(number=number, month=month.start)
    assert month_to_close(now=START) == this_month - 1
    assert month_to_close(now=START + dt.timedelta(days=31)) == this_month + 1
