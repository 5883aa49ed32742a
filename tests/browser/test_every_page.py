"""Every page of the product in Chromium: light and dark, on a phone and on a desk.

The pages come from the URL configuration, so a page that is added without a row in
`addresses.py` fails here. By default every page is asked for, and one of each kind (`USUAL`) is
loaded in Chromium; a sweep loads them all. A page is loaded in one window, which is then made a
dark and wide one, so that both themes and both widths have been seen: themes and widths are matters
of the style sheet alone. `quickstart.py prove browser` loads each anew in the other three.
"""

from __future__ import annotations

import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.addresses import PAGES
from tests.browser.no_pages import ACTIONS, ELSEWHERE, FRAGMENTS
from tests.browser.server import Site
from tests.browser.visits import Visit, named_routes
from tests.plugins.browser import PageGuard
from tests.plugins.proofs import Figures
from tests.plugins.sweeping import sampled

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WINDOWS = [(scheme, width) for scheme in ("light", "dark") for width in (360, 1400)]
USUALLY = [("light", 360), ("dark", 1400)]  # both schemes and both widths, once each
VISITS = {
    "-".join(part for part in (route, visit.label) if part): (route, visit)
    for route, visits in PAGES.items()
    for visit in visits
}
# One of each kind: lists, forms, records, plans of what to do, matrices, charts, figures on paper.
USUAL = (
    *("home", "sign-in", "mfa_authenticate", "account-with a second factor"),
    *("portfolio-by team", "use-case-full", "log-delivery-chosen", "calibration"),
    *("registration-judged", "hook-refused", "service-dora", "dashboard-approved"),
    *(
        "dashboard-build-approved",
        "dashboard-print-approved",
        "metric-values-series",
        "target-at risk",
    ),
    *("connection-new-focus", "import-run-mixed", "rejected-row-waiting", "approval-to decide"),
    *("audit-event-changed", "work-item-held", "costs-columns", "cost-lineage-use case"),
    *("allocation-rule-edit", "budget-month", "anomaly-waiting", "close-checklist-month"),
)
ONE_HEADING = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)
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
  policy: window.violationsOfPolicy,
})"""
MEASURE = """() => ({
  width: document.documentElement.scrollWidth,
  window: [matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light", innerWidth],
})"""
WIDEST = """(width) => [...document.querySelectorAll("body *")]
  .filter((element) => element.getBoundingClientRect().right > width + 0.5)
  .slice(0, 3).map((element) => element.outerHTML.slice(0, 160))"""
VIOLATIONS = "async (options) => (await axe.run(options)).violations"
Size = tuple[Any, int]  # the colour scheme and the width of a window


@dataclass
class Visitor:
    """A browser window for each who looks."""

    pages: Mapping[str, Page]
    guard: PageGuard

    def open(self, url: str, visit: Visit, sizes: Sequence[Size]) -> list[str]:
        """Load a page in a window of the first size and give it the others in turn; everything
        that is wrong with it."""
        page = self.pages[visit.who]
        resize(page, sizes[0])
        answer = page.goto(url)
        problems = [] if answer and answer.status == 200 else [f"status {answer and answer.status}"]
        found = page.evaluate(LOOK)
        if len(found["headings"]) != 1 or not all(found["headings"]):
            problems.append(f"h1: {found['headings']}")
        if not found["title"].endswith("Plumbline") or found["title"] == "Plumbline":
            problems.append(f"title: {found['title']!r}")
        for number, size in enumerate(sizes):
            if number:
                resize(page, size)
            problems += [f"{size}: {problem}" for problem in look(page, size)]
        policy = page.evaluate(LOOK)["policy"]
        return problems + [f"policy: {each}" for each in policy] + self.guard.take()


def resize(page: Page, size: Size) -> None:
    scheme, width = size
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})


def look(page: Page, size: Size) -> list[str]:
    """What is wrong with a page in a window of this size."""
    scheme, width = size
    found = page.evaluate(MEASURE)
    problems = [] if found["window"] == [scheme, width] else [f"the window is {found['window']}"]
    if found["width"] > width:
        problems.append(f"{found['width']} px wide: {page.evaluate(WIDEST, width)}")
    return problems + axe_violations(page, RULES if scheme == "light" else RULES_OF_COLOUR)


def axe_violations(page: Page, rules: list[str]) -> list[str]:
    """What axe finds, one line for each element; the page's context has brought axe along."""
    found = page.evaluate(VIOLATIONS, {"runOnly": rules, "resultTypes": ["violations"]})
    return [f"axe {each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


def with_axe(browser: Browser, **options: Any) -> BrowserContext:
    """A context whose pages have axe; without movements, which would be caught half way."""
    context = browser.new_context(reduced_motion="reduce", **options)
    context.add_init_script(AXE_SCRIPT)
    return context


def _session(site: Site, who: str = "viewer") -> Any:
    return {"name": "sessionid", "value": site.value(f"sessions.{who}"), "url": site.url}


@pytest.fixture(scope="module")
def visitor(browser: Browser, site: Site) -> Iterator[Visitor]:
    """Who looks at all pages, in one window for each who is somebody else."""
    guard, pages = PageGuard(), dict[str, Page]()
    for who in sorted({visit.who for visits in PAGES.values() for visit in visits}):
        context = with_axe(browser)
        context.add_init_script(KEEP_VIOLATIONS)
        if who != "nobody":
            context.add_cookies([_session(site, who)])
        pages[who] = context.new_page()
        guard.watch(pages[who])
    yield Visitor(pages, guard)
    for page in pages.values():
        page.context.close()


@pytest.mark.parametrize("name", sampled(VISITS, *USUAL))
def test_page(visitor: Visitor, site: Site, name: str) -> None:
    route, visit = VISITS[name]
    problems = visitor.open(site.url + visit.address(route, site), visit, USUALLY)
    assert not problems, "\n".join(problems)


@pytest.mark.prove("every page loaded in the other windows", engine="sqlite")
def test_browser_sees_every_page_in_the_other_windows_too(
    visitor: Visitor, site: Site, figures: Figures
) -> None:
    others = [
        (window, route, visit)
        for window in WINDOWS
        if window != USUALLY[0]
        for route, visits in PAGES.items()
        for visit in visits
    ]
    found = []
    for window, route, visit in figures.progress(others, "pages"):
        problems = visitor.open(site.url + visit.address(route, site), visit, [window])
        found += [f"{route} {visit.label}: {problem}" for problem in problems]
    figures("pages", len(others), len(others))
    assert not found, "\n".join(found)


def test_every_page_answers_with_a_title_and_one_heading(site: Site) -> None:
    """Asked without a browser, whether or not this run loads them in one."""
    found = []
    for name, (route, visit) in VISITS.items():
        request = urllib.request.Request(site.url + visit.address(route, site))  # noqa: S310  (our own)
        if visit.who != "nobody":
            request.add_header("Cookie", f"sessionid={site.value(f'sessions.{visit.who}')}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  (our own)
                page = answer.read().decode()
        except urllib.error.HTTPError as error:
            found.append(f"{name}: status {error.code}")
            continue
        headings = [re.sub(r"<[^>]*>", "", text).strip() for text in ONE_HEADING.findall(page)]
        if len(headings) != 1 or not headings[0]:
            found.append(f"{name}: h1 {headings}")
        if not re.search(r"<title>\s*\S.*\bPlumbline\s*</title>", page, re.DOTALL):
            found.append(f"{name}: no title")
    assert not found, "\n".join(found)


def test_every_address_of_the_url_configuration_is_visited() -> None:
    known = {*PAGES, *FRAGMENTS, *ACTIONS, *ELSEWHERE}
    missing, gone = named_routes() - known, known - named_routes()
    assert not missing, (
        f"add a row to tests/browser/addresses.py or no_pages.py for {sorted(missing)}"
    )
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


@pytest.mark.parametrize("route", ELSEWHERE)
def test_what_is_no_page_answers_as_its_exception_says(
    browser: Browser, site: Site, route: str
) -> None:
    exception = ELSEWHERE[route]
    assert exception.why
    context = browser.new_context()
    if exception.visit.who != "nobody":
        context.add_cookies([_session(site, exception.visit.who)])
    answer = context.request.get(site.url + exception.visit.address(route, site), max_redirects=0)
    assert answer.status == exception.status
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_refusals_are_free_of_violations(
    browser: Browser, site: Site, scheme: Any
) -> None:
    """Not found for somebody signed in, and forbidden for somebody without a role."""
    context = with_axe(browser, color_scheme=scheme)
    page = context.new_page()
    for who, path, status in (
        ("viewer", "/no-such-page/", 404),
        ("colleague", "/imports/", 403),
    ):
        context.add_cookies([_session(site, who)])
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
