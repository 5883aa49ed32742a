"""The shell in a real browser: light and dark, narrow and wide, keyboard, axe, what is transferred.

The `page` fixture fails on any console error, CSP violation or foreign request by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from portal.models import User
from tests.browser.visits import some
from tests.plugins.sweeping import sampled

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("gallery")]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PAGES = ["/", "/gallery/", "/gallery/charts/", "/gallery/list/", "/gallery/people/?joined=x"]


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


@pytest.fixture
def open_page(
    page: Page, live_server: Any, sign_in: Callable[[Any], None], ada: User
) -> Callable[[str], Page]:
    """Open an address as a signed-in person."""
    sign_in(ada)

    def open_at(path: str) -> Page:
        page.goto(f"{live_server.url}{path}")
        return page

    return open_at


# What the visit of every page leaves out: its states, in the window that it does not use.
@pytest.mark.parametrize("every", sampled([False, True], False), ids=["some", "all"])
def test_states_of_pages_are_free_of_violations_and_fit_their_width(
    open_page: Callable[[str], Page], page: Page, every: bool
) -> None:
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 900})
    for path in some(PAGES, every=every):
        open_page(path)
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


@pytest.mark.sweep
def test_pages_reflow_to_320_pixels_as_at_400_per_cent_zoom(
    open_page: Callable[[str], Page], page: Page
) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    for path in PAGES:
        open_page(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path


@pytest.mark.sweep
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_sign_in_and_error_pages_are_free_of_violations(
    page: Page, live_server: Any, page_guard: Any, scheme: Any
) -> None:
    page_guard.allow("404")
    page.emulate_media(color_scheme=scheme)
    for path in ("/sign-in/", "/api-less/no-such-page/"):
        page.goto(f"{live_server.url}{path}")
        assert violations(page) == [], path


@pytest.mark.sweep
def test_a_person_signs_in_and_out_with_the_keyboard_alone(
    page: Page, live_server: Any, ada: User
) -> None:
    page.goto(f"{live_server.url}/gallery/list/")
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type("ada")
    page.keyboard.press("Tab")
    page.keyboard.type("a long pass phrase")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Gallery list")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.get_by_role("button", name="Ada Brook").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_filter_updates_the_list_while_typing_and_survives_going_back(
    open_page: Callable[[str], Page], make_people: Callable[[int], list[User]]
) -> None:
    make_people(40)
    page = open_page("/gallery/people/?sort=-username")
    page.get_by_role("searchbox").press_sequentially("person 3")
    expect(page.locator("#results .list-bar")).to_contain_text("1–5 of 5 people")
    assert page.url.endswith("?q=person%203&sort=-username")
    expect(page.locator("#results-said")).to_have_text("5 people")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.get_by_label("State").select_option("Not active")
    expect(page.locator("#results")).to_contain_text("Nothing matches these filters")
    page.go_back()
    expect(page.locator("#results .list-bar")).to_contain_text("1–5 of 5 people")
    expect(page.get_by_role("searchbox")).to_have_value("person 3")


@pytest.mark.sweep
def test_sorting_keeps_the_focus_on_the_heading_and_is_announced_by_it(
    open_page: Callable[[str], Page],
) -> None:
    page = open_page("/gallery/list/")
    page.get_by_role("link", name="Deliveries", exact=True).focus()
    page.keyboard.press("Enter")
    heading = page.get_by_role("columnheader", name="Deliveries")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    expect(page.get_by_role("link", name="Deliveries", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(heading).to_have_attribute("aria-sort", "descending")


def test_the_menu_of_a_narrow_screen_opens_by_keyboard_and_closes_with_escape(
    open_page: Callable[[str], Page], page: Page
) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    open_page("/")
    menu = page.get_by_role("navigation", name="Main")
    button = page.get_by_role("button", name="Menu")
    expect(menu).to_be_hidden()
    button.focus()
    page.keyboard.press("Enter")
    expect(menu).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()


@pytest.mark.sweep
def test_a_chosen_theme_wins_over_the_device(open_page: Callable[[str], Page], page: Page) -> None:
    page.emulate_media(color_scheme="light")
    open_page("/gallery/")
    bright = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Ada Brook").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != bright
    assert page.url.endswith("/gallery/")
    assert violations(page) == []


def test_every_control_is_at_least_24_pixels_high(open_page: Callable[[str], Page]) -> None:
    script = """() => [...document.querySelectorAll("main a, button, input, select, summary")]
      .filter((e) => e.type !== "hidden" && e.offsetParent && !e.closest("p, label, li, h1, dd"))
      .filter((e) => e.getBoundingClientRect().height < 24 && !(e.labels && e.labels.length))
      .map((e) => e.outerHTML.slice(0, 120))"""
    for path in ("/gallery/", "/gallery/list/", "/gallery/charts/"):
        assert open_page(path).evaluate(script) == [], path


@pytest.mark.usefixtures("_allow_django_beside_playwright")
def test_a_page_works_without_scripts(
    browser: Any, live_server: Any, client: Any, ada: User
) -> None:
    client.force_login(ada)
    plain = browser.new_context(java_script_enabled=False)
    cookie = client.cookies["sessionid"].value
    plain.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    page = plain.new_page()
    page.goto(f"{live_server.url}/gallery/people/")
    page.get_by_role("searchbox").fill("ada")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#results .list-bar")).to_contain_text("1–1 of 1 people")
    page.get_by_role("link", name="User name", exact=True).click()
    assert "sort=-username" in page.url
    assert "q=ada" in page.url
    plain.close()


def test_a_request_that_fails_is_said(
    open_page: Callable[[str], Page], page: Page, page_guard: Any
) -> None:
    page_guard.allow("500|Response Status Error")
    open_page("/gallery/list/")
    page.route("**/gallery/list/?sort=*", lambda route: route.fulfill(status=500, body="x"))
    page.get_by_role("link", name="Deliveries", exact=True).click()
    expect(page.locator("#request-status")).to_contain_text("could not be updated (error 500)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_names_of_a_wide_table_stay_in_sight_and_cover_no_focus(
    open_page: Callable[[str], Page], page: Page, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 800})
    open_page("/gallery/list/")
    region = page.get_by_role("region", name="Use cases of the gallery")
    measured = """box => {
      const rect = (element) => element.getBoundingClientRect();
      const name = box.querySelector("tbody th"), head = box.querySelector("thead .h");
      const focused = document.activeElement.closest("td") ? rect(document.activeElement) : null;
      const style = getComputedStyle(name);
      return {room: box.clientWidth, left: rect(name).left - rect(box).left,
              head: rect(head).left - rect(box).left, width: rect(name).width,
              edge: style.boxShadow, colour: style.backgroundColor, scrolled: box.scrollLeft,
              hidden: focused && focused.left < rect(name).right - 1}; }"""
    still = region.evaluate(measured)
    assert still["width"] <= 0.45 * still["room"]
    region.evaluate("box => { box.scrollLeft = 200 }")
    page.wait_for_timeout(50)  # the edge follows the next frame
    moved = region.evaluate(measured)
    assert moved["scrolled"] == 200
    assert (moved["left"], moved["head"]) == (1, 1)  # the border of the box
    assert "0px 0px 0px 0px" in still["edge"]  # nothing is beneath the names yet
    assert "0px 0px 0px 0px" not in moved["edge"]
    assert moved["colour"].startswith("rgb(")  # nothing shines through
    links = region.locator("tbody td a")
    links.nth(0).focus()
    region.evaluate("box => { box.scrollLeft = box.scrollWidth }")
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    assert region.evaluate(measured)["hidden"] is not True
    links.nth(1).focus()
    assert region.evaluate(measured)["hidden"] is False


def test_paper_shows_the_content_and_not_the_frame(
    open_page: Callable[[str], Page], page: Page
) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    open_page("/gallery/")
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    expect(page.locator(".topbar")).to_be_hidden()
    expect(page.get_by_role("heading", name="Figures")).to_be_visible()
    ink = page.evaluate("getComputedStyle(document.body).color")
    assert max(int(part) for part in ink[4:-1].split(",")) < 80
