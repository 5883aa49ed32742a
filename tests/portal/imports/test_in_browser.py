"""The import pages in a real browser: both schemes, both widths, keyboard, and a run that goes on.

The `page` fixture fails on any console error, CSP violation or foreign request by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from portal.choices import Role
from portal.imports.runner import execute_run
from portal.models import ImportRun, RejectedRow, User
from tests.billing.sources.focus.focus_files import csv_bytes
from tests.browser.visits import some
from tests.imports import Clock, line, make_connection, make_person, request, run_import
from tests.plugins.sweeping import sampled
from tests.portal.shell.test_in_browser import violations

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lea(transactional_db: None) -> User:
    """Somebody who may do everything on these pages."""
    return make_person("lea", Role.PROGRAMME_LEAD, Role.ADMINISTRATOR)


@pytest.fixture
def open_page(
    page: Page, live_server: Any, sign_in: Callable[[Any], None], lea: User
) -> Callable[[str], Page]:
    sign_in(lea)

    def open_at(path: str) -> Page:
        page.goto(f"{live_server.url}{path}")
        return page

    return open_at


@pytest.fixture
def pages(transactional_db: None) -> list[str]:
    """Every page in every state worth a look."""
    cloud = make_connection("cloud", hold_jump_percent=50, hold_jump_floor=100)
    make_connection("other", hold_jump_percent=50, hold_jump_floor=100)
    mixed = run_import(cloud, [line(1, "100"), line(2), line(3, ChargePeriodStart="soon" * 40)])
    refused = run_import(cloud, [line(1), line(4, "1e400")])
    held = run_import(cloud, [line(1, "90000"), line(2)])
    dry = run_import(cloud, [line(1, "101"), line(2)], is_dry_run=True)
    waiting = request(cloud, [line(5)])
    first, second = RejectedRow.objects.order_by("pk")
    RejectedRow.objects.filter(pk=second.pk).update(
        state="repaired", repaired_text="x,y", decision_reason="seen", decided_at=mixed.finished_at
    )
    RejectedRow.objects.update(decided_by=User.objects.first())
    return [
        "/",
        "/imports/",
        "/imports/?q=nothing-like-it",
        "/imports/connections/new/",
        "/imports/connections/new/?source=focus",
        "/imports/connections/new/?source=git",
        "/imports/connections/cloud/",
        "/imports/connections/other/",
        "/imports/connections/cloud/edit/",
        "/imports/connections/cloud/upload/",
        "/imports/runs/",
        *(f"/imports/runs/{run.pk}/" for run in (mixed, refused, held, dry, waiting)),
        "/imports/quarantine/",
        f"/imports/quarantine/{first.pk}/",
        f"/imports/quarantine/{second.pk}/",
    ]


# What the visit of every page leaves out: its states, in the window that it does not use.
@pytest.mark.parametrize("every", sampled([False, True], False), ids=["some", "all"])
def test_states_of_pages_are_free_of_violations_and_fit_their_width(
    lea: User,
    pages: list[str],
    open_page: Callable[[str], Page],
    page: Page,
    every: bool,
) -> None:
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 900})
    for path in some(pages, every=every):
        open_page(path)
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_an_upload_is_followed_to_its_end_without_loading_the_page_again(
    open_page: Callable[[str], Page], tmp_path: Path, sent: list[int]
) -> None:
    make_connection("cloud")
    file = tmp_path / "may.csv"
    file.write_bytes(csv_bytes([line(1), line(2)]))
    page = open_page("/imports/connections/cloud/")
    page.get_by_role("link", name="Import files").press("Enter")
    page.get_by_label("Files").set_input_files(file)
    page.get_by_role("button", name="Import").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Run")
    expect(page.get_by_role("progressbar")).to_be_visible()
    page.evaluate("window.sameDocument = true")
    run = ImportRun.objects.get()
    assert sent == [run.pk]
    execute_run(run.pk, clock=Clock())
    expect(page.get_by_role("status").filter(has_text="Applied")).to_be_visible(timeout=6000)
    expect(page.get_by_role("row", name="Inserted 2")).to_be_visible()
    assert page.evaluate("window.sameDocument")
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url))
    page.wait_for_timeout(2500)
    assert asked == []


@pytest.mark.sweep
def test_a_row_is_mended_and_replayed_by_keyboard_alone(
    open_page: Callable[[str], Page], sent: list[int]
) -> None:
    run_import(make_connection("cloud"), [line(1), line(2, ChargePeriodStart="soon")])
    row = RejectedRow.objects.get()
    page = open_page(f"/imports/quarantine/{row.pk}/")
    page.get_by_label("Mended row").focus()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(row.raw_text.replace("soon", "2026-05-02T00:00:00Z").strip())
    page.keyboard.press("Tab")
    page.keyboard.type("seen in the console")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved. Replay the run")).to_be_visible()
    page.get_by_role("button", name="Replay the run").press("Enter")
    expect(page.get_by_role("progressbar")).to_be_visible()
    execute_run(sent[0], clock=Clock())
    expect(page.get_by_role("row", name="Unchanged 1")).to_be_visible(timeout=6000)
    expect(page.get_by_role("row", name="Inserted 1")).to_be_visible()
    expect(page.get_by_text("Replay of")).to_be_visible()


@pytest.mark.sweep
def test_without_scripts_a_run_is_followed_by_loading_the_page_again(
    browser: Browser, live_server: Any, lea: User, client: Client
) -> None:
    run = request(make_connection("cloud"), [line(1)])
    client.force_login(lea)
    context = browser.new_context(java_script_enabled=False)
    cookie = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}/imports/runs/{run.pk}/")
    expect(page.get_by_text("load the page again")).to_be_visible()
    execute_run(run.pk, clock=Clock())
    page.reload()
    expect(page.get_by_role("row", name="Inserted 1")).to_be_visible()
    context.close()
