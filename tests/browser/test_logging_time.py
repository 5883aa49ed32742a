"""How long it takes to log a delivery: done in Chromium, timed by the keystroke-level model.

The model of Card, Moran and Newell ("The Keystroke-Level Model for User Performance Time with
Interactive Systems", Communications of the ACM 23(7), 1980) gives an expert's time as a sum of
operators. The script below really does each step in the browser and adds its operator; waiting for
the portal is measured, not modelled. The model knows no reading, so what a person has to read is
added at 238 words a minute (Brysbaert, "How many words do we read per minute?", 2019).
"""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from adoption.models import Delivery, UseCase
from adoption.services.suggestions import refresh_suggestions
from portal.models import User
from tests.adoption.factories import make_use_case, make_user
from tests.adoption.suggestion_stories import link, make_request

pytestmark = pytest.mark.django_db(transaction=True)

K = 0.28  # one key, average typist who does not look things up
P = 1.1  # point with a mouse
B = 0.1  # press or release its button
H = 0.4  # a hand from keyboard to mouse, or back
M = 1.35  # make up one's mind
WORDS_A_SECOND = 238 / 60
SUGGESTION_LIMIT, LINK_LIMIT = 10.0, 25.0  # seconds
ANSWERS = 2.0  # of these are left for what the portal takes; printed, not asserted


class Person:
    """Does it, and keeps the time of the model and of the portal."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.steps: list[tuple[str, float]] = []
        self._on_mouse = False

    @property
    def seconds(self) -> float:
        return sum(seconds for _, seconds in self.steps)

    @property
    def own_seconds(self) -> float:
        """Without the portal's answers, which other tests on the machine make longer."""
        return sum(seconds for what, seconds in self.steps if not what.startswith("R "))

    def _note(self, what: str, seconds: float) -> None:
        self.steps.append((what, seconds))

    def wait(self, what: str, act: Callable[[], Any]) -> None:
        """Something that the portal has to answer."""
        before = time.perf_counter()
        act()
        self._note(f"R {what}", time.perf_counter() - before)

    def read(self, target: Locator) -> None:
        words = len(target.inner_text().split())
        self._note(f"read {words} words", words / WORDS_A_SECOND)

    def click(self, target: Locator, then: Callable[[], Any], *, decides: bool = True) -> None:
        """Make up one's mind, reach for the mouse, point, press, release."""
        hand = 0 if self._on_mouse else H
        self._note(
            "M" * decides + "H" * (not self._on_mouse) + "PBB", M * decides + hand + P + 2 * B
        )
        self._on_mouse = True

        def act() -> None:
            target.click()
            then()

        self.wait("answer", act)

    def keys(self, what: str, count: int, act: Callable[[], Any], *, decides: bool = False) -> None:
        """So many keys, one of them at most a chord."""
        hand = H if self._on_mouse else 0
        self._note(f"{what}: {'M' * decides}{count}K", M * decides + hand + count * K)
        self._on_mouse = False
        act()

    def report(self, what: str, limit: float) -> str:
        lines = [f"    {seconds:5.2f} s  {step}" for step, seconds in self.steps]
        head = f"\n{what}: {self.seconds:.1f} s by the keystroke-level model (limit {limit:.0f} s)"
        return "\n".join([head, *lines, ""])


@pytest.fixture
def mira() -> User:
    return make_user(name="Mira")


@pytest.fixture
def use_case(mira: User) -> UseCase:
    """Two use cases; a change of Mira's in production belongs to the second."""
    make_use_case(title="Another use case")
    return make_use_case(title="Answer drafts")


@pytest.fixture
def open_page(
    page: Page, live_server: Any, sign_in: Callable[[Any], None], mira: User
) -> Callable[[str], Page]:
    sign_in(mira)

    def open_at(path: str) -> Page:
        page.goto(f"{live_server.url}{path}")
        return page

    return open_at


def _make(mira: User, use_case: UseCase) -> Any:
    now = timezone.now()
    change = make_request(
        mira, 1, title="Dunning mails in two languages", strength="assisted", involvement="ai",
        merged_at=now - dt.timedelta(days=3), delivered_at=now - dt.timedelta(days=2),
    )  # fmt: skip
    link(use_case)
    refresh_suggestions(at=now)
    return change


def test_a_suggestion_takes_one_click_and_ten_seconds(
    open_page: Callable[[str], Page],
    page: Page,
    mira: User,
    use_case: UseCase,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change = _make(mira, use_case)
    open_page("/deliveries/")  # the first page of a fresh process is no everyday one
    person = Person(page)
    person.wait("open My deliveries", lambda: open_page("/deliveries/"))
    offer = page.locator("[data-offer]").first
    for part in (".offer-title", ".offer-for", ".offer-why"):
        person.read(offer.locator(part))
    person.click(
        offer.get_by_role("button", name="Confirm"),
        lambda: expect(page.locator("main")).to_contain_text("Logged for “Answer drafts”."),
    )
    with capsys.disabled():
        sys.stdout.write(person.report("Logging a suggestion, one click", SUGGESTION_LIMIT))
    assert Delivery.objects.get().change == change
    assert sum("PBB" in step for step, _ in person.steps) == 1
    assert person.own_seconds <= SUGGESTION_LIMIT - ANSWERS


def test_a_suggestion_is_answered_by_keys_alone_and_only_from_within_the_inbox(
    open_page: Callable[[str], Page], page: Page, mira: User, use_case: UseCase
) -> None:
    _make(mira, use_case)
    open_page("/deliveries/")
    page.keyboard.press("c")  # the focus is not in the list: nothing happens
    page.wait_for_timeout(100)
    assert not Delivery.objects.exists()
    open_page("/deliveries/#inbox")
    expect(page.locator("[data-offer='1']")).to_be_focused()
    page.keyboard.press("u")
    expect(page.get_by_label("Another use case")).to_be_focused()
    page.locator("[data-offer='1']").focus()
    page.keyboard.press("1")
    page.keyboard.press("c")
    expect(page.locator("main")).to_contain_text("Logged for “Answer drafts”.")
    assert Delivery.objects.count() == 1


def test_a_pasted_link_fills_the_form_and_takes_less_than_twenty_five_seconds(
    open_page: Callable[[str], Page],
    page: Page,
    mira: User,
    use_case: UseCase,
    capsys: pytest.CaptureFixture[str],
) -> None:
    change = _make(mira, use_case)
    open_page("/deliveries/log/")
    person = Person(page)
    person.wait("open Log a delivery", lambda: open_page("/deliveries/log/"))
    field = page.get_by_label("Link to what was delivered")
    person.click(field, lambda: expect(field).to_be_focused())
    lead = page.locator("#leads-to")
    person.keys("paste", 2, lambda: field.fill(f"{change.url}/files"), decides=True)
    person.wait(
        "what it leads to", lambda: expect(lead).to_contain_text("Dunning mails in two languages")
    )
    person.read(lead)
    chosen = page.get_by_label("For which use case")
    expect(chosen).to_have_value(use_case.slug)  # the portal filled it in
    person.click(
        page.get_by_role("button", name="Save"),
        lambda: expect(page.locator("main")).to_contain_text("Logged."),
    )
    with capsys.disabled():
        sys.stdout.write(person.report("Logging by a pasted link", LINK_LIMIT))
    made = Delivery.objects.get()
    assert (made.change, made.use_case) == (change, use_case)
    assert person.own_seconds <= LINK_LIMIT - ANSWERS
