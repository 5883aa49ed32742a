"""The cost pages in a real browser: light and dark, narrow and wide, axe, keyboard, bytes, paper.

The `page` fixture fails on any console error, CSP violation or foreign request by itself.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page, expect

from billing.models import AllocationRule
from billing.views import lineage
from tests.approving import approve_all
from tests.billing.closing import bill_line, make_invoice
from tests.billing.views.conftest import Bill, make_bill
from tests.browser.visits import some
from tests.imports import make_connection, run_import
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db(transaction=True)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def bill(transactional_db: None) -> Bill:
    """Made for each test: after one of real transactions the database is emptied."""
    return make_bill()


@pytest.fixture
def open_page(
    page: Page, live_server: Any, sign_in: Callable[[Any], None], bill: Bill
) -> Callable[[str], Page]:
    """Open an address as finance."""
    sign_in(bill.finance)

    def open_at(path: str) -> Page:
        page.goto(f"{live_server.url}{path}")
        return page

    return open_at


def addresses(bill: Bill) -> list[str]:
    lineage = bill.url("cost-lineage")
    return [
        f"{reverse('costs')}?from=2026-01&to=2026-05",
        f"{reverse('costs')}?group=service",
        f"{reverse('costs')}?group=use_case&use_case=nobody",
        reverse("costs-unallocated"),
        f"{reverse('costs-unallocated')}?by=tag",
        f"{reverse('costs-unallocated')}?month=2025-01",
        reverse("cost-definitions"),
        lineage,
        f"{lineage}&measure=effective&as_of={bill.superseded.recorded_at:%Y-%m-%dT%H:%M:%SZ}",
        f"{lineage}&month=2025-01",
        bill.url("charge"),
        reverse("charge", args=[bill.superseded.pk]),
        reverse("restatements"),
        reverse("allocation-rules"),
        bill.url("allocation-rule"),
        bill.url("allocation-rule-edit"),
        bill.url("allocation-rule-retire"),
        f"{reverse('allocation-rule-new')}?field=tag&tag_key=team&value=search",
        bill.url("use-case"),
        reverse("use-case", args=[bill.empty.slug]),
        reverse("portfolio"),
    ]


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


# What the visit of every page leaves out: its states, in the window that it does not use.
@pytest.mark.parametrize("every", sampled([False, True], False), ids=["some", "all"])
def test_states_of_pages_are_free_of_violations_and_fit_their_width(
    open_page: Callable[[str], Page], page: Page, bill: Bill, every: bool
) -> None:
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 900})
    for path in some(addresses(bill), every=every):
        open_page(path)
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


@pytest.mark.sweep
def test_a_rule_is_made_from_the_work_list_with_the_keyboard(
    open_page: Callable[[str], Page], page: Page, bill: Bill
) -> None:
    open_page(f"{reverse('costs-unallocated')}?by=tag")
    page.get_by_role("link", name="Make a rule for team: search").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Value")).to_have_value("search")
    page.get_by_label("Use case").first.focus()
    page.keyboard.type("answer-drafts")
    page.keyboard.press("Tab")
    page.keyboard.type("50")
    page.get_by_role("button", name="Preview").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What would move in May 2026")).to_be_visible()
    expect(page.locator("#preview")).to_contain_text("3.50")
    page.get_by_role("button", name="Ask for this rule").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Another person approves it")).to_be_visible()
    approve_all()
    assert AllocationRule.objects.count() == 2


@pytest.mark.sweep
def test_the_explorer_narrows_down_and_keeps_its_address(
    open_page: Callable[[str], Page], page: Page, bill: Bill
) -> None:
    open_page(reverse("costs"))
    assert "from=2025-12&to=2026-05" in page.url
    page.get_by_label("Group by").select_option("use_case")
    expect(page.locator("#results tbody th a").filter(has_text="Unallocated")).to_be_visible()
    assert "group=use_case" in page.url
    page.locator("#results tbody th a").filter(has_text="Answer drafts").click()
    expect(page.get_by_label("Use case", exact=True)).to_have_value("answer-drafts")
    page.locator("#results td.n a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Where this figure comes from")
    page.locator("#lines tbody th a").first.click()
    expect(page.get_by_role("heading", name="The record in the file")).to_be_visible()


@pytest.mark.parametrize("total", ["1.00", "184258.84"])
def test_the_whole_equation_of_an_invoice_is_in_sight_at_1200_pixels(
    open_page: Callable[[str], Page], page: Page, total: str
) -> None:
    page.set_viewport_size({"width": 1200, "height": 900})
    rows = [
        bill_line(3, total),
        bill_line(4, "9120.005", ChargeCategory="Tax"),
        bill_line(5, "-12000.0042", ChargeCategory="Credit"),
    ]
    run_import(make_connection("equation"), rows)
    make_invoice(total)
    open_page(f"{reverse('reconciliation')}?month=2026-05")
    region = page.get_by_role("region", name="Reconciliation by invoice")
    room = region.evaluate("box => box.getBoundingClientRect().right")
    headings = region.get_by_role("columnheader")
    names = ["Invoice", "Residual", "Allocated", "Unallocated", "Tax", "Credits", "Rounding",
             "Explained", "To pay"]  # fmt: skip
    assert headings.all_inner_texts()[: len(names)] == names
    assert headings.nth(len(names) - 1).evaluate("e => e.getBoundingClientRect().right") <= room
    assert violations(page) == []


@pytest.mark.sweep
def test_the_use_case_page_with_cost_is_light(
    open_page: Callable[[str], Page], page: Page, bill: Bill
) -> None:
    answers: list[Any] = []
    page.on("response", lambda answer: answers.append(answer))
    open_page(bill.url("use-case"))
    page.wait_for_load_state("networkidle")
    assert len(answers) >= 5
    assert sum(len(gzip.compress(answer.body(), 6)) for answer in answers) < 100 * 1024


def test_rules_and_files_of_many_lines_follow_the_page(
    open_page: Callable[[str], Page], bill: Bill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineage, "MOST_LINES_AT_ONCE", 0)
    page = open_page(bill.url("cost-lineage"))
    section = page.locator("#origins")
    expect(section).to_contain_text("Drafts by tag, version 1")
    expect(section).not_to_have_attribute("aria-busy", "true")
    expect(section).to_have_count(1)
    assert violations(page) == []
