"""The registry in a real browser: light and dark, narrow and wide, keyboard, axe, bytes, paper.

The `page` fixture fails on any console error, CSP violation or foreign request by itself.
"""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from adoption.metrics.registry import NANO
from adoption.models import Membership, UseCase
from adoption.services.milestones import measure_milestones
from portal.choices import Role
from portal.models import User
from tests.adoption.factories import (
    NOW,
    make_milestone,
    make_team,
    make_use_case,
    make_user,
    move_stage,
    registered_metric,
)
from tests.browser.visits import some
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db(transaction=True)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LONG = "Supplier onboarding questionnaires that nobody has ever read to the end Überlänge"


@pytest.fixture
def use_case() -> Iterator[UseCase]:
    """One with everything: long names, three milestones in three states, a decision."""
    lead = make_user(Role.PROGRAMME_LEAD, name="Dr. Maximiliane von Habsburg-Lothringen")
    with registered_metric() as things:
        team = make_team("Invoice handling, Iberia and Latin America", make_team("Finance"))
        Membership.objects.create(team=team, user=lead, starts_on=dt.date(2026, 1, 1))
        found = make_use_case(
            title=LONG, owner=lead, team=team, problem="It is slow.", stop_rule="When it fails."
        )
        make_use_case(title="Nothing yet", owner=lead, team=team, hypothesis="")
        make_milestone(found, due_on=dt.date(2026, 10, 1), threshold_nano=1 * NANO)
        make_milestone(found, due_on=dt.date(2026, 10, 2), threshold_nano=9 * NANO)
        make_milestone(found, title=LONG, threshold_nano=9 * NANO)
        things.set(found, 1, 2)
        measure_milestones(use_case_ids=[found.pk], at=NOW)
        move_stage(found, "approved", actor=lead, at=NOW)
        yield found


@pytest.fixture
def open_page(
    page: Page, live_server: Any, sign_in: Callable[[Any], None], use_case: UseCase
) -> Callable[[str], Page]:
    """Open an address as a programme lead."""
    sign_in(use_case.owner)

    def open_at(path: str) -> Page:
        page.goto(f"{live_server.url}{path}")
        return page

    return open_at


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


def _addresses(use_case: UseCase) -> list[str]:
    slug = use_case.slug
    milestone = use_case.milestones.order_by("-pk")[0].pk
    return [
        "/",
        "/portfolio/",
        "/portfolio/?group=stage",
        "/portfolio/?q=nothing-like-this",
        f"/use-cases/{slug}/",
        "/use-cases/nothing-yet/",
        "/use-cases/new/",
        f"/use-cases/{slug}/edit/",
        f"/use-cases/{slug}/stage/",
        f"/use-cases/{slug}/repositories/new/",
        f"/use-cases/{slug}/milestones/new/",
        f"/use-cases/{slug}/milestones/{milestone}/edit/",
        f"/use-cases/{slug}/milestones/{milestone}/remove/",
        "/programmes/",
        f"/programmes/{use_case.programme.slug}/",
        "/programmes/new/",
        "/teams/",
        f"/teams/{use_case.team.slug}/",
        "/teams/new/",
        f"/teams/{use_case.team.slug}/members/new/",
        "/metrics/",
        "/metrics/things/",
        f"/metrics/things/{slug}/",
    ]


# What the visit of every page leaves out: its states, in the window that it does not use.
@pytest.mark.parametrize("every", sampled([False, True], False), ids=["some", "all"])
def test_states_of_pages_are_free_of_violations_and_fit_their_width(
    open_page: Callable[[str], Page], page: Page, use_case: UseCase, every: bool
) -> None:
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 900})
    for path in some(_addresses(use_case), every=every):
        open_page(path)
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


@pytest.mark.sweep
def test_the_use_case_page_is_light_and_prints_on_one_sheet(
    open_page: Callable[[str], Page], page: Page, use_case: UseCase
) -> None:
    answers: list[Any] = []
    page.on("response", lambda answer: answers.append(answer))
    open_page(f"/use-cases/{use_case.slug}/")
    page.wait_for_load_state("networkidle")
    # The test server sends files as they are; the real one compresses at least this well.
    assert len(answers) >= 5
    assert sum(len(gzip.compress(answer.body(), 6)) for answer in answers) < 100 * 1024
    # A4 less the margins of 14 mm, at 96 pixels an inch.
    page.set_viewport_size({"width": 688, "height": 1017})
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollHeight") <= 1017


def test_a_use_case_is_registered_with_the_keyboard_and_near_duplicates_show(
    open_page: Callable[[str], Page], page: Page, use_case: UseCase
) -> None:
    open_page("/use-cases/new/")
    page.get_by_label("Title").focus()
    page.keyboard.type("Supplier onboarding questionnaires")
    expect(page.get_by_text("Is it one of these?")).to_be_visible()
    expect(page.get_by_role("link", name=LONG)).to_be_visible()
    for _ in range(2):  # the link of the near duplicate, then the problem
        page.keyboard.press("Tab")
    page.keyboard.type("They take a week.")
    page.keyboard.press("Tab")
    page.keyboard.type("Quality")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("Finance")
    page.get_by_role("button", name="Save as a draft").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Supplier onboarding questionnaires")
    expect(page.get_by_text("Its registration is not finished")).to_be_visible()


@pytest.mark.sweep
def test_filters_change_the_list_and_the_address_together(
    open_page: Callable[[str], Page], page: Page, use_case: UseCase
) -> None:
    open_page("/portfolio/")
    page.get_by_label("Stage", exact=True).select_option("approved")
    expect(page.locator("#results tbody tr")).to_have_count(1)
    assert "stage=approved" in page.url
    page.reload()
    expect(page.locator("#results tbody tr")).to_have_count(1)
    page.get_by_label("Group by").select_option("team")
    expect(page.locator("#results tr.group-row")).to_have_count(1)
    page.go_back()
    expect(page.locator("#results tr.group-row")).to_have_count(0)


def test_a_stale_edit_is_said_loudly_and_keeps_the_text(
    open_page: Callable[[str], Page], page: Page, page_guard: Any, use_case: UseCase
) -> None:
    page_guard.allow("409")
    open_page(f"/use-cases/{use_case.slug}/edit/")
    page.get_by_label("Problem").fill("What I typed")
    UseCase.objects.filter(pk=use_case.pk).update(version=7)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").filter(has_text="Somebody was faster")).to_be_visible()
    expect(page.get_by_label("Problem")).to_have_value("What I typed")
    page.get_by_role("link", name="Open the current version").click()
    expect(page.get_by_label("Problem")).to_have_value("It is slow.")


@pytest.mark.sweep
def test_pages_work_without_scripts(
    browser: Any, live_server: Any, client: Any, use_case: UseCase
) -> None:
    owner: User = use_case.owner
    client.force_login(owner)
    context = browser.new_context(java_script_enabled=False)
    cookie = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}/portfolio/")
    page.get_by_label("Stage", exact=True).select_option("approved")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#results tbody tr")).to_have_count(1)
    context.close()
