"""Two people at work, by keyboard alone, from signing in to the figure they wanted to see."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from adoption.services.follow_up import refresh_outcomes
from portal.choices import Role
from portal.imports.runner import execute_run
from tests.adoption.factories import make_programme, make_team, make_use_case
from tests.adoption.importing import History, commit, tag
from tests.approving import approve_all
from tests.billing.sources.focus.focus_files import csv_bytes
from tests.browser.keyboard import Keyboard
from tests.imports import line, make_connection, make_person

pytestmark = pytest.mark.django_db(transaction=True)
BAD = {"ChargePeriodStart": "soon"}
PASSWORD = "a long pass phrase"  # of everybody that `make_person` makes


@pytest.fixture
def keys(page: Page) -> Keyboard:
    return Keyboard(page)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs that the queue was told about; the test is the worker."""
    from portal.tasks import run_import

    told: list[int] = []
    monkeypatch.setattr(
        run_import, "apply_async", lambda *, kwargs, **_: told.append(kwargs["run_id"])
    )
    return told


def sign_in(keys: Keyboard, url: str, name: str) -> None:
    """Ask for a page, be asked who one is, and land on the page."""
    page = keys.page
    page.goto(url)
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(url)


def panel(page: Page, heading: str) -> Locator:
    """A panel of a use case's page, by its heading."""
    return page.locator(".panel-lent").filter(
        has=page.get_by_role("heading", name=heading, exact=True)
    )


def ask_for(keys: Keyboard, page: Page, stage: str) -> None:
    """Ask for the next stage of the use case that is open; somebody else approves it."""
    keys.follow("Change stage")
    keys.pick(stage)
    keys.press("Go on")
    expect(page.locator("main")).to_contain_text("It waits for a second person")
    approve_all()
    page.reload()
    expect(page.locator(".step-now")).to_contain_text(stage)


@pytest.mark.sweep  # its steps are looked at one by one below `tests/adoption/views`
def test_a_lead_takes_a_use_case_from_an_idea_to_a_logged_delivery(
    keys: Keyboard, page: Page, live_server: Any, tmp_path: Path
) -> None:
    lead = make_person("lea", Role.PROGRAMME_LEAD)
    make_programme(name="Adoption", owner=lead, starts_on=dt.date(2026, 1, 1), ends_on=None)
    make_team("Finance")
    History(tmp_path).bring([commit(1), commit(2, ai=True, on=2)], [tag("1.0", 2, on=3)])

    sign_in(keys, f"{live_server.url}/use-cases/new/", "lea")
    keys.fill("Title", "Invoice matching")
    keys.fill("Problem", "One invoice in five needs manual matching.")
    keys.choose("Value type", "Manual work")
    keys.choose("Programme", "Adoption")
    keys.choose("Team", "Finance")
    keys.press("Save and go on")
    keys.fill("Hypothesis", "Suggested matches halve the manual share.")
    keys.fill("Unit", "% of invoices")
    keys.fill("Today", "20")
    keys.fill("Expected", "10")
    keys.press("Save and go on")
    keys.choose("Risk tier", "Limited")
    keys.choose("Data class", "Confidential")
    keys.fill("Stop rule", "At the first wrong payment.")
    keys.press("Register")
    expect(page.get_by_role("heading", level=1)).to_have_text("Invoice matching")
    expect(page.locator("#gate")).to_contain_text("All there")
    ask_for(keys, page, "Approved")

    keys.follow("Link a repository")
    keys.choose("Repository", "shop")
    keys.fill_day("From", dt.date(2026, 9, 1))
    keys.press("Link")
    expect(page.locator("#repositories")).to_contain_text("shop")

    keys.follow("Promise a milestone", exact=True)
    keys.fill("Title", "First change in production")
    keys.pick("Production deployments with an AI-assisted change")
    keys.fill("Threshold", "1")
    keys.fill_day("Due on", timezone.now().date() + dt.timedelta(days=40))
    keys.press("Promise")
    expect(page.locator("#milestones")).to_contain_text("First change in production")
    ask_for(keys, page, "Pilot")

    keys.follow("Log a delivery", within=page.locator("main"))
    expect(page.get_by_label("For which use case")).to_have_value("invoice-matching")
    keys.pick("Change 2")
    keys.pick("AI helped")
    keys.press("Save")
    expect(page.locator("main")).to_contain_text("Logged. In production since 3 Oct 2026")
    refresh_outcomes(at=timezone.now())  # what the schedule does every hour
    keys.follow("Invoice matching")
    deliveries = page.locator(".panel-lent").filter(
        has=page.get_by_role("heading", name="Deliveries")
    )
    expect(deliveries).to_contain_text("Change 2")
    expect(deliveries).to_contain_text("In production since 3 Oct 2026, not undone for 14 days.")
    expect(page.locator("#milestones")).to_contain_text("reached on 3 Oct 2026")


def test_finance_takes_a_bill_from_a_file_to_a_figure_and_back_to_its_line(
    keys: Keyboard, page: Page, live_server: Any, tmp_path: Path, sent: list[int]
) -> None:
    make_person("fin", Role.FINANCE)
    make_connection("cloud")
    use_case = make_use_case(title="Ticket triage")
    bill = tmp_path / "may.csv"
    bill.write_bytes(csv_bytes([line(1, "10.25"), line(2, "4"), line(3, "5.5", **BAD)]))

    sign_in(keys, f"{live_server.url}/imports/", "fin")
    keys.follow("Cloud")
    keys.follow("Import files")
    keys.choose_file("Files", bill)
    keys.press("Import")
    expect(page.get_by_role("progressbar")).to_be_visible()
    execute_run(sent.pop(), clock=timezone.now)
    expect(page.get_by_role("row", name="Rejected 1")).to_be_visible()
    expect(page.get_by_role("row", name="Inserted 2")).to_be_visible()

    keys.follow("1 rejected row")
    keys.go_to(page.locator("#results tbody").get_by_role("link").first)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("may.csv, line 4")
    mend_the_row(keys)
    keys.press("Replay the run")
    expect(page.get_by_role("progressbar")).to_be_visible()
    execute_run(sent.pop(), clock=timezone.now)
    expect(page.get_by_role("row", name="Inserted 1")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="Applied")).to_be_visible()

    give_the_money_to(keys, "Ticket triage")
    page.goto(f"{live_server.url}/use-cases/{use_case.slug}/")
    cost = panel(page, "Cost")
    expect(cost).to_contain_text("19.75 USD")

    keys.follow("19.75 USD", within=cost, exact=False)
    expect(page.get_by_role("heading", level=1)).to_have_text("Where this figure comes from")
    keys.go_to(page.locator("#lines tbody tr").filter(has_text="5.50").get_by_role("link").first)
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("may.csv, line 4")
    expect(page.get_by_role("heading", name="The record in the file")).to_be_visible()


def mend_the_row(keys: Keyboard) -> None:
    """Put the day right in the raw text and say why."""
    page = keys.page
    keys.go_to(page.get_by_label("Mended row"))
    text = page.get_by_label("Mended row").input_value()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text.strip().replace("soon", "2026-05-03T00:00:00Z"))
    page.keyboard.press("Tab")
    page.keyboard.type("Seen in the provider's console.")
    keys.press("Save repair")
    expect(page.get_by_text("Saved. Replay the run")).to_be_visible()


def give_the_money_to(keys: Keyboard, title: str) -> None:
    """Make a rule from the work list, look at what it would move, and save it."""
    page = keys.page
    keys.follow("Unallocated", within=page.get_by_role("navigation", name="Main"))
    keys.choose("By", "Tag")
    keys.press("Show")
    keys.follow("Make a rule for use_case: triage")
    keys.fill("Use case", title)
    keys.fill("Per cent", "100")
    keys.press("Preview")
    expect(page.locator("#preview")).to_contain_text("19.75")
    keys.press("Ask for this rule")
    expect(page.locator("main")).to_contain_text("Another person approves it")
    approve_all()
