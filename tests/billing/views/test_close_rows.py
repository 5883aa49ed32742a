"""What the pages of reconciling and closing list: lines on no invoice, frozen figures, moves."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from billing.services.overlaps import OverlapDraft, declare_overlap
from portal.choices import Role
from portal.models import Connection
from tests.adoption.factories import make_use_case, make_user
from tests.approving import approve_all
from tests.billing.closing import MAY, bill_line, close, make_invoice, tell_a_close
from tests.billing.factories import give_all, retire_rule
from tests.imports import START, make_connection, run_import

pytestmark = pytest.mark.django_db


@pytest.fixture
def finance(client: Client) -> Client:
    client.force_login(make_user(Role.FINANCE))
    return client


@pytest.fixture
def told() -> dict[str, Any]:
    return tell_a_close()


def text_of(client: Client, route: str, *args: Any, **query: str) -> str:
    answer = client.get(reverse(route, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_frozen_figures_show_what_was_explained_and_lead_to_the_invoice(
    finance: Client, told: dict[str, Any]
) -> None:
    asked = finance.post(reverse("close-ask", args=[told["ready"].key]), {"reason": "Month end."})
    assert asked.status_code == 302
    approve_all()
    page = text_of(finance, "close", told["ready"].key)
    assert "Explained differences in them" in page
    for said in ("A fee on page 2.", "0.01 USD", "Cost lines that the source does not send",
                 told["variance"].recorded_by.username):  # fmt: skip
        assert said in page
    assert page.count(f'href="{reverse("invoice", args=[told["open_invoice"].pk])}"') > 1


def test_providers_without_an_invoice_are_on_the_checklist_with_what_is_missing(
    finance: Client, told: dict[str, Any]
) -> None:
    other = {"BillingAccountId": "0099", "InvoiceIssuerName": "Forgotten Ltd", "InvoiceId": ""}
    run_import(make_connection("forgotten"), [bill_line(9, "5", **other)])
    run_import(make_connection("more"), [
        bill_line(9, "2", BillingAccountId="0098", InvoiceIssuerName="Open Ltd", InvoiceId="O-2")
    ])  # fmt: skip
    page = text_of(finance, "close-checklist", month="2026-05")
    for said in ("Forgotten Ltd", "No invoice has been entered.", "1 line carries no invoice id",
                 "they carry O-2"):  # fmt: skip
        assert said in page


def test_a_month_without_any_invoice_lists_its_providers(finance: Client) -> None:
    run_import(make_connection(), [bill_line(9, "5")])
    estimate = make_connection("guess", cost_basis="estimated")
    run_import(estimate, [bill_line(9, "4", BillingAccountId="guess")])
    page = text_of(finance, "close-checklist", month="2026-05")
    for said in ("Cloud Ltd", "No invoice has been entered.", "Nothing: an estimate is not billed"):
        assert said in page
    assert "No invoice for this month" not in page


def test_lines_on_no_invoice_say_their_category_and_what_is_not_counted(finance: Client) -> None:
    for slug, account in (("direct", "0042"), ("gateway", "9999")):
        rows = [bill_line(day, f"{day}.5", BillingAccountId=account) for day in range(3, 10)]
        rows.append(bill_line(10, "-2", BillingAccountId=account, ChargeCategory="Credit"))
        run_import(make_connection(slug), rows)
    warned = text_of(finance, "reconciliation", month="2026-05")
    assert "Perhaps counted twice" in warned
    assert "45.50" in warned
    assert "Perhaps counted twice" in text_of(finance, "close-checklist", month="2026-05")
    draft = OverlapDraft(
        counted=Connection.objects.get(slug="direct"),
        other=Connection.objects.get(slug="gateway"),
        first=MAY,
        reason="The same key.",
    )
    declare_overlap(draft=draft, actor=make_user(Role.FINANCE), at=START)
    page = text_of(finance, "reconciliation", month="2026-05")
    assert "Perhaps counted twice" not in page
    for said in ("Usage", "Credit", "Not counted", "all counts", "Gateway"):
        assert said in page
    overlaps = text_of(finance, "cost-overlaps")
    link = overlaps.partition('aria-label="Its lines: Gateway"')[0].rpartition('href="')[2]
    lines = finance.get(link.partition('"')[0].replace("&amp;", "&")).content.decode()
    assert "43.50" in lines
    assert lines.count("part-0.csv, line") == 8
    listed = text_of(finance, "costs", reason="not_counted")
    assert "It is in no sum." in listed


def test_a_reallocation_shows_how_much_moved_by_which_rule(finance: Client) -> None:
    rule = give_all(make_use_case(), value="triage")
    run_import(make_connection(), [bill_line(3, "1.00"), bill_line(4, "2.00")])
    frozen = close(make_invoice())
    retire_rule(rule_id=rule.pk, reason="over", actor=make_user(Role.FINANCE), at=START)
    assert f"by {rule.name}, version 1, retired" in frozen.corrections.get().reason
    page = text_of(finance, "close", frozen.key)
    assert "Moved: 3.00" in page
    assert "−3 USD" in page  # the difference of the place that lost it, with its currency
    answer = finance.get(reverse("corrections"), {"export": "csv"})
    (row,) = csv.DictReader(io.StringIO(b"".join(answer).decode()))
    assert (row["Difference"], row["Moved"], row["Moved (currency)"]) == ("0", "3", "USD")
    # An invoice that asks for less moves no line, and yet money.
    make_invoice("2.50", at=START + dt.timedelta(days=1))
    assert "Moved: 0.50" in text_of(finance, "close", frozen.key)
    answer = finance.get(reverse("corrections"), {"export": "csv"})
    (row, _) = csv.DictReader(io.StringIO(b"".join(answer).decode()))
    assert (row["Difference"], row["Moved"], row["To pay"]) == ("0", "0.5", "-0.5")
