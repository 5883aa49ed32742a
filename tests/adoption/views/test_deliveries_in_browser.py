"""Pages of deliveries in a real browser: light and dark, narrow and wide, by keyboard alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from adoption.models import Delivery, Repository, UseCase
from adoption.services.deliveries import log_delivery
from adoption.services.use_cases import link_repository
from portal.choices import Role
from portal.models import User
from tests.adoption.factories import NOW, make_use_case, make_user
from tests.adoption.importing import History, change, commit, tag
from tests.browser.visits import some
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db(transaction=True)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DOCUMENT = "https://docs.example.com/plan"


@pytest.fixture
def lead() -> User:
    return make_user(Role.PROGRAMME_LEAD, name="Lea Lead")


@pytest.fixture
def use_case(tmp_path: Path, lead: User) -> UseCase:
    found = make_use_case(title="Draft replies")
    history = History(tmp_path, url="https://git.example.com/shop")
    commits = [commit(n, *([0] if n == 1 else []), on=n, ai=n != 4) for n in range(1, 9)]
    history.bring([*commits, commit(9, on=9, message='Revert "Change 3"')], [tag("1.0", 5, 6)])
    link_repository(
        use_case_id=found.pk, repository=Repository.objects.get(),
        starts_on=dt.date(2026, 1, 1), ends_on=None, actor=found.owner, at=NOW,
    )  # fmt: skip
    for number in (1, 3, 7):
        log_delivery(use_case=found, actor=lead, at=NOW, change=change(number))
    log_delivery(use_case=found, actor=make_user(), at=NOW, link=DOCUMENT, title="Training plan")
    return found


@pytest.fixture
def open_page(
    page: Page, live_server: Any, sign_in: Callable[[Any], None], use_case: UseCase, lead: User
) -> Callable[[str], Page]:
    sign_in(lead)

    def open_at(path: str) -> Page:
        page.goto(f"{live_server.url}{path}")
        return page

    return open_at


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


# What the visit of every page leaves out: its states, in the window that it does not use.
@pytest.mark.parametrize("every", sampled([False, True], False), ids=["some", "all"])
def test_states_of_pages_are_free_of_violations_and_fit_their_width(
    open_page: Callable[[str], Page], page: Page, use_case: UseCase, every: bool
) -> None:
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 900})
    own = Delivery.objects.get(title="Change 1").pk
    other = Delivery.objects.get(title="Training plan").pk
    base = f"/use-cases/{use_case.slug}"
    paths = (
        "/", "/deliveries/", f"/deliveries/{own}/", f"/deliveries/{own}/withdraw/",
        "/deliveries/log/", f"/deliveries/log/?use_case={use_case.slug}&link={DOCUMENT}",
        "/deliveries/review/", f"/deliveries/{other}/review/", f"{base}/deliveries/",
        f"{base}/deliveries/?state=reverted", f"{base}/changes/", f"{base}/",
    )  # fmt: skip
    for path in some(paths, every=every):
        open_page(path)
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


@pytest.mark.sweep
def test_a_pasted_link_shows_what_it_leads_to_while_the_form_stays(
    open_page: Callable[[str], Page], use_case: UseCase
) -> None:
    page = open_page(f"/deliveries/log/?use_case={use_case.slug}")
    link = page.get_by_label("Link to what was delivered")
    link.fill(change(2).url)
    expect(page.locator("#leads-to")).to_contain_text("Change 2")
    expect(page.locator("#leads-to")).to_contain_text("First deployed as 1.0")
    expect(page.locator("#leads-to")).to_contain_text("Assisted")
    link.fill("https://docs.example.com/other")
    expect(page.locator("#leads-to")).to_contain_text("Not imported")
    page.get_by_label("What it is").fill("Handbook")
    assert violations(page) == []
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main")).to_contain_text("Logged. Waits for a reviewer.")
    expect(page.get_by_role("link", name="Handbook", exact=True)).to_be_visible()


def test_a_change_is_picked_and_saved_by_keyboard_alone(
    open_page: Callable[[str], Page], use_case: UseCase
) -> None:
    page = open_page(f"/deliveries/log/?use_case={use_case.slug}")
    page.get_by_label("Search these changes").focus()
    page.keyboard.type("change 5")
    expect(page.locator(".pick")).to_have_count(2)
    page.keyboard.press("Tab")
    expect(page.get_by_label("The link above")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".pick input").nth(1)).to_be_checked()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Not stated")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("AI helped")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("Logged. In production since 6 Oct 2026")
    logged = Delivery.objects.get(title="Change 5")
    assert logged.assistance == "assisted"


@pytest.mark.sweep
def test_another_use_case_brings_its_own_changes(
    open_page: Callable[[str], Page], use_case: UseCase
) -> None:
    make_use_case(title="Another one")
    page = open_page(f"/deliveries/log/?use_case={use_case.slug}")
    expect(page.locator("#waiting")).to_contain_text("Change 5")
    page.get_by_label("For which use case").select_option(label="Another one")
    expect(page.locator("#waiting")).to_contain_text("Paste a link instead")


@pytest.mark.sweep
def test_the_use_case_page_stays_small(
    open_page: Callable[[str], Page], page: Page, use_case: UseCase
) -> None:
    path = f"/use-cases/{use_case.slug}/"
    # A body is read here and not in a listener: a listener may run when the page is gone.
    with page.expect_response(lambda answer: answer.url.endswith(path)) as waited:
        open_page(path)
    assert 0 < len(waited.value.body()) < 60_000  # the HTML itself, before it is packed
