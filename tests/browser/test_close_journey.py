"""Closing a month of one provider by keyboard alone: one person asks, another closes."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from billing.models import Invoice, PeriodClose
from portal.choices import Role
from tests.adoption.factories import make_use_case
from tests.billing.closing import bill_line
from tests.billing.factories import give_all
from tests.browser.keyboard import Keyboard
from tests.browser.test_journeys import sign_in
from tests.imports import make_connection, make_person, run_import

pytestmark = pytest.mark.django_db(transaction=True)


def test_finance_closes_a_month_that_ties_and_not_one_that_is_a_cent_off(
    page: Page, live_server: Any
) -> None:
    keys = Keyboard(page)
    make_person("fin", Role.FINANCE)
    make_person("app", Role.APPROVER)
    give_all(make_use_case(title="Ticket triage"))
    run_import(make_connection("cloud"), [bill_line(3, "1"), bill_line(4, "2")])
    menu = page.get_by_role("navigation", name="Main")

    sign_in(keys, f"{live_server.url}/costs/invoices/new/", "fin")
    keys.fill("Issuer", "Cloud Ltd")
    keys.fill("Invoice number", "INV-1")
    expect(page.get_by_label("Billing month")).to_have_value("2026-05")
    keys.fill("Billing account", "0042")
    keys.fill("Currency", "USD")
    keys.fill("Amount to pay", "3.01")
    keys.press("Keep it")
    expect(page.locator("main")).to_contain_text("Invoice INV-1 is kept.")

    # A cent off: it cannot even be asked for, and the page says what is missing.
    keys.follow("Close checklist", within=menu)
    expect(page.get_by_role("heading", name="Cloud Ltd")).to_be_visible()
    expect(page.locator("main")).to_contain_text("0.01")
    expect(page.get_by_role("link", name="Ask for the close", exact=False)).to_have_count(0)

    keys.follow("invoice INV-1")
    keys.follow("Change")
    keys.fill("Amount to pay", "3.00")
    keys.press("Keep this version")
    keys.follow("Close checklist", within=menu)
    keys.follow("Ask for the close", exact=False)
    expect(page.get_by_role("heading", name="What would be frozen")).to_be_visible()
    keys.fill("A word to the second person", "Ties to the document.")
    keys.press("Ask a second person")
    expect(page.locator("#decide")).to_contain_text("You cannot decide about it.")
    assert not PeriodClose.objects.exists()
    request = page.url.partition("#")[0]  # or going there again would load nothing

    page.context.clear_cookies()
    sign_in(keys, request, "app")
    expect(page.locator("main")).to_contain_text("Ties to the document.")
    keys.press("Approve")
    expect(page.get_by_role("heading", name="What became of it")).to_be_visible()
    keys.follow("Look at it")
    keys.follow("Frozen figures")
    expect(page.locator("main")).to_contain_text("INV-1")
    expect(page.locator("main")).to_contain_text("3.00")

    (frozen,) = PeriodClose.objects.all()
    assert (frozen.asked_by.username, frozen.closed_by.username) == ("fin", "app")
    assert Invoice.objects.filter(superseded_at__isnull=True).get().total_nano == 3 * 10**9
