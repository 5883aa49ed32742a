"""Every page of the product in Chromium: light and dark, on a phone and on a desk.

The pages come from the URL configuration, so a page that is added without a row in
`addresses.py` fails here. By default each is loaded in two windows, so that both themes and both
widths have been seen; `quickstart.py prove browser` loads the other two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.addresses import PAGES
from tests.browser.no_pages import ACTIONS, ELSEWHERE, FRAGMENTS
from tests.browser.server import Site
from tests.browser.visits import Visit, named_routes
from tests.plugins.browser import PageGuard
from tests.plugins.proofs import Figures

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WINDOWS = [(scheme, width) for scheme in ("light", "dark") for width in (360, 1400)]
USUALLY = [("light", 360), ("dark", 1400)]  # both schemes and both widths, once each
VISITS = [
    pytest.param(
        window,
        route,
        visit,
        id="-".join(str(part) for part in (*window, route, visit.label) if part),
    )
    for window in USUALLY
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
    """Browser windows of one width in one scheme, one for each who looks."""

    pages: Mapping[str, Page]
    guard: PageGuard
    scheme: str
    width: int

    def open(self, url: str, visit: Visit) -> list[str]:
        """Visit a page; everything that is wrong with it."""
        page = self.pages[visit.who]
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


def _session(site: Site, who: str = "viewer") -> Any:
    return {"name": "sessionid", "value": site.value(f"sessions.{who}"), "url": site.url}


@pytest.fixture(scope="module")
def open_window(browser: Browser, site: Site) -> Iterator[Callable[[str, int], Window]]:
    """Gives the window of a scheme and a width; each is opened once."""
    windows: dict[tuple[str, int], Window] = {}

    def window(scheme: Any, width: int) -> Window:
        if (scheme, width) not in windows:
            guard, pages = PageGuard(), {}
            for who in sorted({visit.who for visits in PAGES.values() for visit in visits}):
                size: Any = {"width": width, "height": 900}
                context = browser.new_context(color_scheme=scheme, viewport=size)
                context.add_init_script(KEEP_VIOLATIONS)
                if who != "nobody":
                    context.add_cookies([_session(site, who)])
                pages[who] = context.new_page()
                guard.watch(pages[who])
            windows[scheme, width] = Window(pages, guard, scheme, width)
        return windows[scheme, width]

    yield window
    for each in windows.values():
        for page in each.pages.values():
            page.context.close()


@pytest.mark.parametrize(("window", "route", "visit"), VISITS)
def test_page(
    open_window: Callable[[str, int], Window],
    site: Site,
    window: tuple[str, int],
    route: str,
    visit: Visit,
) -> None:
    problems = open_window(*window).open(site.url + visit.address(route, site), visit)
    assert not problems, "\n".join(problems)


@pytest.mark.prove("every page in the other two windows", engine="sqlite")
def test_browser_sees_every_page_in_the_other_windows_too(
    open_window: Callable[[str, int], Window], site: Site, figures: Figures
) -> None:
    others = [
        (window, route, visit)
        for window in WINDOWS
        if window not in USUALLY
        for route, visits in PAGES.items()
        for visit in visits
    ]
    found = []
    for window, route, visit in figures.progress(others, "pages"):
        problems = open_window(*window).open(site.url + visit.address(route, site), visit)
        found += [f"{window} {route} {visit.label}: {problem}" for problem in problems]
    figures("pages", len(others), len(others))
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
    context = browser.new_context(color_scheme=scheme)
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
