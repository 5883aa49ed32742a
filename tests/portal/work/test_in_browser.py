"""The pages about background work in a real browser: both schemes, both widths, by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from portal.choices import Role, WorkStatus
from portal.models import User, WorkItem
from portal.services.work import note_sign_of_life
from tests.browser.visits import some
from tests.imports import make_connection, make_person, request
from tests.plugins.sweeping import sampled
from tests.portal.shell.test_in_browser import violations

pytestmark = pytest.mark.django_db(transaction=True)
KIND = "follow-up:adoption.outcomes"


@pytest.fixture
def root(transactional_db: None) -> User:
    return make_person("root", Role.ADMINISTRATOR)


def make(status: WorkStatus, **fields: Any) -> WorkItem:
    now = timezone.now()
    given = {"kind": KIND, "queue": "default", "look_at": now, "requested_at": now, "attempt": 1}
    return WorkItem.objects.create(status=status, **{**given, **fields})


@pytest.fixture
def pages(root: User) -> list[str]:
    """Work in every state, a queue that nobody serves, an open import."""
    now = timezone.now()
    note_sign_of_life(name="queue:default", at=now - timedelta(hours=3))
    request(make_connection("cloud"), b"nonsense\n")
    problem = "Given up after 3 attempts. The last: The database failed: disk full."
    ended = {"finished_at": now, "started_at": now - timedelta(seconds=40), "worker": "host:4711"}
    items = [
        make(WorkStatus.DONE, **ended),
        make(WorkStatus.HELD, attempt=3, problem=problem, requested_by=root, key="a", **ended),
        make(WorkStatus.FAILED, problem="There is no such rule.", payload={"rule": 7}, **ended),
        make(WorkStatus.QUEUED, key="k", requests=3, not_before=now + timedelta(minutes=1)),
        make(
            WorkStatus.RUNNING,
            token="1" * 32,
            started_at=now,
            heartbeat_at=now,
            progress_done=1200,
            progress_total=4000,
            phase="Measuring milestones",
        ),
    ]
    listed = reverse("work-list")
    return [
        "/",
        listed,
        f"{listed}?status=discarded",
        *(reverse("work-item", args=[item.pk]) for item in items),
    ]


# What the visit of every page leaves out: its states, in the window that it does not use.
@pytest.mark.parametrize("every", sampled([False, True], False), ids=["some", "all"])
def test_states_of_pages_are_free_of_violations_and_fit_their_width(
    root: User,
    pages: list[str],
    page: Page,
    live_server: Any,
    sign_in: Callable[[Any], None],
    every: bool,
) -> None:
    sign_in(root)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 900})
    for path in some(pages, every=every):
        page.goto(f"{live_server.url}{path}")
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_held_work_is_tried_again_by_keyboard_alone(
    root: User, pages: list[str], page: Page, live_server: Any, sign_in: Callable[[Any], None]
) -> None:
    sign_in(root)
    held = WorkItem.objects.get(status=WorkStatus.HELD)
    page.goto(f"{live_server.url}/")
    page.get_by_role("link", name=f"Work {held.pk}").press("Enter")
    page.get_by_label("Why").press_sequentially("The disk has room again.")
    page.get_by_label("Why").press("Enter")
    expect(page.get_by_text("Queued again.")).to_be_visible()
    expect(page.get_by_text("The disk has room again.")).to_be_visible()
    held.refresh_from_db()
    assert held.status == WorkStatus.QUEUED
