"""Pages of invoices and closes: what they show, and what a form does."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from billing.models import Invoice, InvoiceVariance
from billing.selectors.invoices import invoice_by_reference
from billing.services.exchange_rates import Pair, enter_rate
from portal.choices import ApprovalStatus, Role
from portal.models import ApprovalRequest, ImportRun, User
from tests.adoption.factories import make_use_case, make_user
from tests.billing.closing import bill_line, make_invoice, tell_a_close
from tests.billing.factories import give_all
from tests.imports import START, make_connection, run_import

pytestmark = pytest.mark.django_db
FORM = {
    "issuer": "Cloud Ltd", "number": "INV-1", "month": "2026-05", "billing_account_id": "0042",
    "currency": "USD", "total": "3.00", "tax_in_lines": "on", "credits_in_lines": "on",
}  # fmt: skip


@pytest.fixture
def person() -> User:
    return make_user(Role.FINANCE)


@pytest.fixture
def finance(client: Client, person: User) -> Client:
    client.force_login(person)
    return client


@pytest.fixture
def told() -> dict[str, Any]:
    return tell_a_close()


def text_of(client: Client, route: str, *args: Any, **query: str) -> str:
    answer = client.get(reverse(route, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_reconciliation_shows_every_part_and_what_stands_on_no_invoice(
    finance: Client, told: dict[str, Any]
) -> None:
    run_import(make_connection("loose"), [bill_line(9, "5", InvoiceId="X-9")])
    page = text_of(finance, "reconciliation", month="2026-05")
    for said in ("B-1", "O-1", "0.01", "Closed, with corrections", "Ready to close", "X-9"):
        assert said in page
    assert ">−0.25<" in page  # the residual since the late revision
    assert 'title="-0.25 USD"' in page


def test_the_checklist_says_what_is_missing(finance: Client, told: dict[str, Any]) -> None:
    make_invoice()
    page = text_of(finance, "close-checklist", month="2026-05")
    assert "Invoice INV-1: no cost line has been imported for it." in page
    assert "Invoice INV-1: 3 USD is not explained." in page
    assert reverse("close-ask", args=[told["ready"].key]) in page


def test_the_checklist_tells_the_totals_of_the_sources_and_waits_for_none(
    finance: Client, told: dict[str, Any]
) -> None:
    said = {"name": "Its total", "period": "2026-05-01", "currency": "USD", "expected": "8",
            "found": "7", "difference": "1"}  # fmt: skip
    ImportRun.objects.update(facts={"controls": [said]})
    page = text_of(finance, "close-checklist", month="2026-05")
    assert "Its total since 2026-05-01 is 8 USD, the cost lines came to 7" in page
    assert reverse("close-ask", args=[told["ready"].key]) in page


def test_asking_leads_to_the_request(finance: Client, person: User, told: dict[str, Any]) -> None:
    address = reverse("close-ask", args=[told["ready"].key])
    answer = finance.post(address, {"reason": "Month end."})
    asked = ApprovalRequest.objects.get(status=ApprovalStatus.PENDING)
    assert answer.url == reverse("approval", args=[asked.pk])  # type: ignore[attr-defined]
    assert (asked.author, asked.reason) == (person, "Month end.")
    page = text_of(finance, "approval", asked.pk)
    assert "Asked. Nothing is frozen yet" in page
    assert "allocated anew" not in page
    assert "Waits for a second person" in text_of(finance, "close-checklist", month="2026-05")


def test_a_dry_run_says_that_the_month_is_closed(finance: Client, told: dict[str, Any]) -> None:
    """And that what it moves there becomes a correction, not a silent change."""
    rule = give_all(make_use_case())
    page = text_of(finance, "allocation-rule-retire", rule.key)
    assert "Closed: May 2026, Billed Ltd (USD)." in page
    assert "becomes a correction when a second person approves it" in page
    april = {"preview": "1", "month": "2026-04"}
    answer = finance.post(reverse("allocation-rule-retire", args=[rule.key]), april)
    assert "Closed: " not in answer.content.decode()


def test_what_is_closed_is_not_asked_for_again(finance: Client, told: dict[str, Any]) -> None:
    answer = finance.post(reverse("close-ask", args=[told["closed"].key]), {"reason": "again"})
    assert answer.status_code == 409
    assert "closed already" in answer.content.decode()


def test_a_close_shows_its_figures_its_corrections_and_the_reporting_currency(
    finance: Client, told: dict[str, Any]
) -> None:
    make_programme_in("EUR")
    page = text_of(finance, "close", told["closed"].key)
    for said in ("12.5 USD", "Correction 1", "2.75", told["closed"].figures_hash):
        assert said in page
    assert "1 USD = 0.8734 EUR on 2026-05-31, A bank" in page
    assert "10.92" in page  # 12.50 × 0.8734, beside the original


def make_programme_in(currency: str) -> None:
    from tests.adoption.factories import make_programme

    make_programme(currency=currency)


def test_an_invoice_is_entered_with_its_document(finance: Client, person: User) -> None:
    document = SimpleUploadedFile("a.pdf", b"%PDF-1.7 hello")
    answer = finance.post(reverse("invoice-new"), {**FORM, "document": document})
    invoice = Invoice.objects.get()
    assert answer.url == reverse("invoice", args=[invoice.pk])  # type: ignore[attr-defined]
    assert (invoice.total_nano, invoice.entered_by) == (3 * 10**9, person)
    sent = finance.get(reverse("invoice-document", args=[invoice.pk]))
    assert b"".join(sent.streaming_content) == b"%PDF-1.7 hello"  # type: ignore[attr-defined]
    assert sent["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"total": "1,200.00"}, "without group signs"),
        ({"total": "9999999999"}, "too large"),
        ({"currency": "eur"}, "three letters"),
        ({"credits": "2"}, "Credits are deducted"),
        ({"month": "May"}, "month"),
        ({"month": "0206-05"}, "2000"),
        ({"issued_on": "0206-05-31"}, "from 2000 to 2099"),
        ({"issued_on": "2100-01-01"}, "from 2000 to 2099"),
        ({"document": SimpleUploadedFile("a.html", b"<html>")}, "not_a_document"),
    ],
)
def test_an_invoice_that_cannot_be_kept_says_why(
    finance: Client, changes: dict[str, Any], said: str
) -> None:
    answer = finance.post(reverse("invoice-new"), {**FORM, **changes})
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert not Invoice.objects.exists()


def test_a_difference_is_explained_and_withdrawn(finance: Client, person: User) -> None:
    run_import(make_connection(), [bill_line(3, "1"), bill_line(4, "2")])
    finance.post(reverse("invoice-new"), {**FORM, "total": "3.40"})
    invoice = invoice_by_reference("invoice:INV-1")
    address = reverse("invoice-explain", args=[invoice.pk])
    assert 'value="0.4"' in text_of(finance, "invoice-explain", invoice.pk)
    finance.post(address, {"reason": "missing_lines", "amount": "0.40", "note": "A fee."})
    variance = InvoiceVariance.objects.get()
    assert (variance.amount_nano, variance.recorded_by) == (400_000_000, person)
    assert "A fee." in text_of(finance, "invoice", invoice.pk)
    finance.post(reverse("explanation-withdraw", args=[variance.pk]))
    assert f"withdrawn by {person}" in text_of(finance, "invoice", invoice.pk)


def test_an_invoice_shows_where_its_money_went_and_its_lines_by_page(finance: Client) -> None:
    rows = [bill_line(1 + number % 28, "1", ResourceId=f"r{number}") for number in range(60)]
    run_import(make_connection(), rows)
    invoice = make_invoice("60")
    page = text_of(finance, "invoice", invoice.pk)
    assert "No rule matches" in page
    assert page.count("part-0.csv, line") == 50
    following = page.split('rel="next"')[0].rsplit("after=", 1)[1].split("#")[0]
    second = text_of(finance, "invoice", invoice.pk, after=following)
    assert second.count("part-0.csv, line") == 10


def test_a_superseded_version_says_so(finance: Client) -> None:
    old = make_invoice()
    make_invoice("4.00")
    assert "This version is superseded" in text_of(finance, "invoice", old.pk)


def test_the_journal_balances_and_tells_corrections(finance: Client, told: dict[str, Any]) -> None:
    answer = finance.get(reverse("close-journal"), {"month": "2026-05"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    by_invoice: dict[str, Decimal] = {}
    for row in rows:
        key = f"{row['invoice']} {row['status']}"
        by_invoice[key] = (
            by_invoice.get(key, Decimal(0)) + Decimal(row["debit"]) - Decimal(row["credit"])
        )
    assert by_invoice == {
        "B-1 closed": Decimal(0),
        "B-1 correction 1": Decimal(0),
        "O-1 open": Decimal(0),
    }
    payable = {
        row["invoice"]: row["credit"] for row in rows if row["account"] == "Accounts payable"
    }
    assert payable == {"B-1": "12.5", "O-1": "7.01"}


def test_the_workbook_has_every_amount_as_number_and_as_exact_text(
    finance: Client, told: dict[str, Any]
) -> None:
    make_invoice(issuer="=1+1", number="@SUM(1)", total="0.000000001")
    answer = finance.get(reverse("close-workbook"), {"month": "2026-05"})
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    assert book.sheetnames == ["Reconciliation", "Journal", "Corrections", "Checks"]
    rows = list(book["Reconciliation"].values)
    heads = list(rows[0])
    by_number = {row[3]: dict(zip(heads, row, strict=True)) for row in rows[1:]}
    assert by_number["O-1"]["figures"] == "open"
    # A closed month from its frozen figures; beside them, since they differ, those of now.
    of_closed = [dict(zip(heads, row, strict=True)) for row in rows[1:] if row[3] == "B-1"]
    wanted = ("figures", "unallocated (exact)", "invoice total", "residual (exact)")
    assert [tuple(row[name] for name in wanted) for row in of_closed] == [
        ("frozen", "12.5", 12.5, "0"),
        ("now", "12.75", 12.5, "-0.25"),
    ]
    strange = by_number["'@SUM(1)"]
    assert (strange["issuer"], strange["invoice total (exact)"]) == ("'=1+1", "0.000000001")
    formulas = [c for s in book for row in s.iter_rows() for c in row if c.data_type == "f"]
    assert all(str(cell.value).startswith("=ROUND(") for cell in formulas)  # no text became one


_SUMIFS = re.compile(r"SUMIFS\(Journal!(\w):\1,Journal!(\w):\2,(\w\d+)\)")


def _worked_out(formula: str, sheet: Any, journal: Any) -> float:
    """What a spreadsheet makes of a formula of ours: sums by a condition, and differences."""
    inner, _, places = formula.removeprefix("=ROUND(").removesuffix(")").rpartition(",")
    if found := _SUMIFS.fullmatch(inner):
        pairs = zip(journal[found[1]], journal[found[2]], strict=True)
        terms = [each.value for each, key in pairs if key.value == sheet[found[3]].value]
    else:
        first, *others = [sheet[name].value for name in inner.split("-")]
        terms = [first, *(-each for each in others)]
    return round(sum(terms), int(places))


def test_what_has_to_be_0_in_the_workbook_is_worked_out_there(
    finance: Client, told: dict[str, Any]
) -> None:
    content = finance.get(reverse("close-workbook"), {"month": "2026-05"}).content
    told_by_us = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
    worked = 0
    for sheet in openpyxl.load_workbook(io.BytesIO(content)):
        ours = told_by_us[sheet.title]
        for cell in (cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"):
            value = _worked_out(cell.value, ours, told_by_us["Journal"])
            exact = ours.cell(cell.row, cell.column + 1).value
            assert ours[cell.coordinate].value == value == float(exact), cell.coordinate
            worked += 1
    assert worked == 3 + 3  # residuals of B-1 twice and of O-1; debit, credit, difference of USD
    heads, *rows = told_by_us["Checks"].values
    (row,) = [dict(zip(heads, row, strict=True)) for row in rows]
    assert (row["currency"], row["debit"] > 0, row["difference (exact)"]) == ("USD", True, "0")


def test_a_rate_is_entered(finance: Client) -> None:
    data = {"day": "2026-05-29", "base": "USD", "quote": "EUR", "rate": "0.8734", "source": "ECB"}
    assert finance.post(reverse("exchange-rate-new"), data).status_code == 302
    assert "0.8734" in text_of(finance, "exchange-rates")
    wrong = finance.post(reverse("exchange-rate-new"), {**data, "rate": "0,87"})
    assert "a positive number" in wrong.content.decode()


def test_rates_are_those_that_were_known_at_a_moment(finance: Client) -> None:
    pair, keeper = Pair("USD", "EUR", dt.date(2026, 5, 29)), make_user(Role.FINANCE)
    for moment, rate in ((START, "0.8734"), (START + dt.timedelta(days=2), "0.8811")):
        enter_rate(pair=pair, rate=rate, source="ECB", actor=keeper, at=moment)
    now = text_of(finance, "exchange-rates")
    assert ("0.8734" in now, "0.8811" in now) == (False, True)
    day = START.date()
    then = text_of(finance, "exchange-rates", as_of=str(day + dt.timedelta(days=1)))
    assert ("0.8734" in then, "0.8811" in then) == (True, False)
    before = text_of(finance, "exchange-rates", as_of=str(day - dt.timedelta(days=1)))
    assert "No exchange rate then" in before
    file = finance.get(reverse("exchange-rates"), {"as_of": str(day), "export": "csv"})
    assert "0.8734" in b"".join(file).decode()


def test_months_need_no_more_queries_for_more_invoices(
    finance: Client, told: dict[str, Any], django_assert_max_num_queries: Any
) -> None:
    routes = ("reconciliation", "close-checklist")
    before = {}
    for route in routes:
        with django_assert_max_num_queries(60) as counted:
            text_of(finance, route, month="2026-05")
        before[route] = len(counted.captured_queries)
    for number in range(4):
        make_invoice(issuer=f"Issuer {number}", number=str(number))
    for route in routes:
        with django_assert_max_num_queries(before[route]):
            text_of(finance, route, month="2026-05")
