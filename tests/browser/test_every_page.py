"""Every page of the product in Chromium: light and dark, on a phone and on a desk.

The pages come from the URL configuration, so a page that is added without a row in
`addresses.py` fails here. Each is loaded once in every window and has to be free of complaints.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.addresses import ACTIONS, FRAGMENTS, PAGES, Visit, named_routes
from tests.browser.server import Site
from tests.plugins.browser import PageGuard

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
VISITS = [
    pytest.param(route, visit, id=f"{route}-{visit.label}" if visit.label else route)
    for route, visits in PAGES.items()
    for visit in visits
]
# Dark differs from light in colours alone, so only what looks at colours is asked there again.
RULES_OF_COLOUR = ["color-contrast", "link-in-text-block"]
KEEP_VIOLATIONS = """
window.violationsOfPolicy = [];
document.addEventListener("securitypolicyviolation", (event) => window.violationsOfPolicy.push(
  `${event.effectiveDirective} forbids ${event.blockedURI} ${event.sample}`));
"""
LOOK = """() => ({
  title: document.title,
  headings: [...document.querySelectorAll("h1")].map((h1) => h1.textContent.trim()),
  width: document.documentElement.scrollWidth,
  policy: window.violationsOfPolicy,
})"""
WIDEST = """(width) => [...document.querySelectorAll("body *")]
  .filter((element) => element.getBoundingClientRect().right > width + 0.5)
  .slice(0, 3).map((element) => element.outerHTML.slice(0, 160))"""


@dataclass
class Window:
    """A browser window of one width in one scheme, and another in which nobody is signed in."""

    page: Page
    stranger: Page
    guard: PageGuard
    scheme: str
    width: int

    def open(self, url: str, visit: Visit) -> list[str]:
        """Visit a page; everything that is wrong with it."""
        page = self.stranger if visit.anonymous else self.page
        answer = page.goto(url)
        problems = [] if answer and answer.status == 200 else [f"status {answer and answer.status}"]
        found = page.evaluate(LOOK)
        problems += [f"policy: {each}" for each in found["policy"]]
        if len(found["headings"]) != 1 or not all(found["headings"]):
            problems.append(f"h1: {found['headings']}")
        if not found["title"].endswith("Plumbline") or found["title"] == "Plumbline":
            problems.append(f"title: {found['title']!r}")
        if found["width"] > self.width:
            problems.append(f"{found['width']} px wide: {page.evaluate(WIDEST, self.width)}")
        rules = RULES if self.scheme == "light" else RULES_OF_COLOUR
        return problems + axe_violations(page, rules) + self.guard.take()


def axe_violations(page: Page, rules: list[str]) -> list[str]:
    """What axe finds, one line for each element."""
    options = {"runOnly": rules, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [f"axe {each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


def _session(site: Site, name: str = "session") -> Any:
    return {"name": "sessionid", "value": site.value(name), "url": site.url}


@pytest.fixture(
    scope="module",
    params=[(scheme, width) for scheme in ("light", "dark") for width in (360, 1400)],
    ids=lambda value: f"{value[0]}-{value[1]}",
)
def window(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Window]:
    scheme, width = request.param
    looks: Any = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    contexts = [browser.new_context(**looks), browser.new_context(**looks)]
    for context in contexts:
        context.add_init_script(KEEP_VIOLATIONS)
    contexts[0].add_cookies([_session(site)])
    guard = PageGuard()
    pages = [context.new_page() for context in contexts]
    for page in pages:
        guard.watch(page)
    yield Window(pages[0], pages[1], guard, scheme, width)
    for context in contexts:
        context.close()


@pytest.mark.parametrize(("route", "visit"), VISITS)
def test_page(window: Window, site: Site, route: str, visit: Visit) -> None:
    problems = window.open(site.url + visit.address(route, site), visit)
    assert not problems, "\n".join(problems)


def test_every_address_of_the_url_configuration_is_visited() -> None:
    known = {*PAGES, *FRAGMENTS, *ACTIONS}
    missing, gone = named_routes() - known, known - named_routes()
    assert not missing, f"add a row to tests/browser/addresses.py for {sorted(missing)}"
    assert not gone, f"these addresses are gone, remove their rows: {sorted(gone)}"


def test_fragments_are_parts_and_actions_take_no_look(browser: Browser, site: Site) -> None:
    context = browser.new_context()
    context.add_cookies([_session(site)])
    for route, visit in FRAGMENTS.items():
        url = site.url + visit.address(route, site)
        answer = context.request.get(url, headers={"HX-Request": "true"})
        assert answer.status == 200, url
        assert "<html" not in answer.text(), url
    for route, visit in ACTIONS.items():
        url = site.url + visit.address(route, site)
        assert context.request.get(url).status == 405, url
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_refusals_are_free_of_violations(
    browser: Browser, site: Site, scheme: Any
) -> None:
    """Not found for somebody signed in, and forbidden for somebody without a role."""
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    for session, path, status in (
        ("session", "/no-such-page/", 404),
        ("plain_session", "/imports/", 403),
    ):
        context.add_cookies([_session(site, session)])
        answer = page.goto(site.url + path)
        assert answer
        assert answer.status == status
        assert page.locator("h1").count() == 1
        assert axe_violations(page, RULES) == []
    context.close()


def test_the_use_case_page_costs_less_than_100_kib_with_an_empty_cache(
    browser: Browser, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everything that goes over the wire: the page and its files with their headers."""
    context = browser.new_context()
    context.add_cookies([_session(site)])
    page = context.new_page()
    wire = context.new_cdp_session(page)
    received: list[float] = []
    wire.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    wire.send("Network.enable")
    address = Visit(values={"slug": "use_case.slug"}).address("use-case", site)
    page.goto(site.url + address, wait_until="networkidle")
    total = sum(received)
    with capsys.disabled():
        print(f"\nuse-case page: {total / 1024:.1f} KiB in {len(received)} answers")  # noqa: T201
    assert len(received) >= 6
    assert total < 100 * 1024
    context.close()
