"""What a person set stays set: filters and sort live in the address, the theme in a cookie, and an
export holds what the list shows."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.server import Site
from tests.browser.visits import Visit
from tests.plugins.sweeping import sampled

LISTS: Mapping[str, tuple[str, Visit]] = {
    "portfolio": ("portfolio", Visit(query="stage=live")),
    "deliveries": (
        "use-case-deliveries",
        Visit(values={"slug": "use_case.slug"}, query="state=held"),
    ),
    "changes": ("use-case-changes", Visit(values={"slug": "use_case.slug"}, query="q=Change")),
    "own deliveries": ("my-deliveries", Visit(query="state=reverted")),
    "runs": ("import-run-list", Visit(query="status=applied")),
    "quarantine": ("rejected-row-list", Visit(query="state=waiting")),
    "costs": ("costs", Visit(query="group=service&currency=USD")),
    "rules": ("allocation-rules", Visit(query="q=Antwort")),
    "restatements": ("restatements", Visit()),
    "teams": ("team-list", Visit()),
    "metrics": ("metric-list", Visit()),
}
FIRST_CELLS = """() => [...document.querySelectorAll("#results .grid tbody tr")]
  .filter((row) => !row.classList.contains("group-row"))
  .map((row) => { const cell = row.firstElementChild;
    return (cell.querySelector("a") || cell).firstChild.textContent.trim(); })"""


def as_exported(text: str) -> str:
    """A cell as an export writes it: a day in its ISO form, everything else as it is."""
    try:
        return dt.datetime.strptime(text, "%d %b %Y").date().isoformat()  # noqa: DTZ007  (a day)
    except ValueError:
        return text


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """Signed in at the served story."""
    context = browser.new_context(color_scheme="light", accept_downloads=True)
    cookie: Any = {"name": "sessionid", "value": site.value("sessions.viewer"), "url": site.url}
    context.add_cookies([cookie])
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", sampled(LISTS, "changes", "costs"))
def test_an_export_holds_the_rows_that_are_shown(page: Page, site: Site, name: str) -> None:
    route, visit = LISTS[name]
    page.goto(site.url + visit.address(route, site))
    shown = [as_exported(each) for each in page.evaluate(FIRST_CELLS)]
    assert shown, "the story has nothing to show here"
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    text = download.value.path().read_text("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))[1:]
    assert [row[0].lstrip("'") for row in rows] == shown


def test_filters_and_sort_survive_a_reload_and_coming_back(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/costs/?group=service")
    page.get_by_label("Currency", exact=True).select_option("EUR")
    page.wait_for_url("**currency=EUR**")
    page.get_by_role("link", name="Lines", exact=True).click()
    page.wait_for_url("**sort=lines**")
    before = page.evaluate(FIRST_CELLS)
    assert len(before) == 3
    page.reload()
    assert page.evaluate(FIRST_CELLS) == before
    page.locator("#results .grid tbody th a").first.click()
    expect(page.get_by_label("Group by", exact=True)).to_have_value("use_case")
    page.go_back()
    expect(page.get_by_label("Group by", exact=True)).to_have_value("service")
    expect(page.get_by_label("Currency", exact=True)).to_have_value("EUR")
    heading = page.get_by_role("columnheader", name="Lines")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    assert page.evaluate(FIRST_CELLS) == before
    page.get_by_role("link", name="Remove the filter Currency").click()
    expect(page.get_by_label("Currency", exact=True)).to_have_value("")
    expect(page.locator("#results .grid tbody tr")).to_have_count(10)


def test_a_chosen_theme_holds_on_every_page_and_after_signing_out(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/portfolio/?stage=live")
    page.get_by_role("button", name="Habsburg").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.url.endswith("/portfolio/?stage=live")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto(f"{site.url}/costs/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.context.clear_cookies(name="sessionid")
    page.goto(f"{site.url}/portfolio/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
