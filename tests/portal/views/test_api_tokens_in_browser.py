"""Tokens by keyboard, and credentials on a narrow page, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from portal.choices import Role
from portal.models import ApiToken, User
from portal.token_text import TOKEN
from tests.imports import make_person
from tests.portal.credentials.conftest import forge, make_forge
from tests.portal.shell.test_in_browser import violations

__all__ = ["forge"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ann(transactional_db: None) -> User:
    return make_person("ann", Role.ADMINISTRATOR)


def test_a_credential_fits_the_page_of_its_connection(
    ann: User, page: Page, live_server: Any, sign_in: Callable[[Any], None]
) -> None:
    """Its other pages are looked at by `tests/browser`; no source of the story needs one."""
    make_forge(ann)
    sign_in(ann)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 900})
    for path in ("", "edit/"):
        page.goto(f"{live_server.url}/imports/connections/forge-one/{path}")
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_a_token_is_made_and_ended_by_keyboard(
    ann: User, page: Page, live_server: Any, sign_in: Callable[[Any], None]
) -> None:
    sign_in(ann)
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(f"{live_server.url}/tokens/")
    page.get_by_role("link", name="New token").first.press("Enter")
    page.get_by_label("What it is for").fill("Nightly report")
    page.get_by_label("Read deliveries").press("Space")
    page.get_by_role("button", name="Make the token").press("Enter")
    text = page.get_by_role("region", name="Nightly report").inner_text()
    assert TOKEN.fullmatch(text.strip())
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("link", name="I have copied it").press("Enter")
    expect(page.get_by_text(text.strip())).to_have_count(0)
    page.get_by_role("link", name="Revoke").press("Enter")
    page.get_by_label("Why").fill("Only a test")
    page.get_by_role("button", name="Revoke").press("Enter")
    expect(page.get_by_role("main").get_by_text("Revoked").first).to_be_visible()
    assert ApiToken.objects.get().revoked_reason == "Only a test"
