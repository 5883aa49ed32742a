"""The home page shows the panels that have something to say, or says that nothing waits."""

from __future__ import annotations

import pytest
from django.test import Client

from portal.registry import Registry
from portal.shell import panels
from portal.shell.panels import HomePanel


@pytest.fixture
def home_panels(monkeypatch: pytest.MonkeyPatch) -> Registry[HomePanel]:
    registry: Registry[HomePanel] = Registry("home panel")
    monkeypatch.setattr(panels, "home_panels", registry)
    return registry


def test_nothing_waiting_is_said(ada_client: Client, home_panels: Registry[HomePanel]) -> None:
    html = ada_client.get("/").content.decode()
    assert "Nothing needs you today" in html
    assert "Ada Brook" in html


def test_panels_come_in_order_and_only_when_they_have_something_to_say(
    ada_client: Client, home_panels: Registry[HomePanel]
) -> None:
    notice = "components/_notice.html"
    home_panels.register(HomePanel("b", 2, notice, lambda request: {"text": "second"}))
    home_panels.register(HomePanel("a", 1, notice, lambda request: {"text": "first"}))
    home_panels.register(HomePanel("c", 3, notice, lambda request: None))
    html = ada_client.get("/").content.decode()
    assert html.index("first") < html.index("second")
    assert "Nothing needs you today" not in html
    assert html.count('class="panel"') == 2


def test_the_home_page_is_not_open_without_sign_in(client: Client, db: None) -> None:
    assert client.get("/").headers["Location"] == "/sign-in/?next=/"


def test_the_frame_has_what_keyboard_and_screen_reader_need(ada_client: Client) -> None:
    html = ada_client.get("/").content.decode()
    assert html.index('class="skip-link" href="#main"') < html.index("<header")
    assert html.count('id="main"') == 1
    assert html.count("<h1") == 1
    assert 'aria-label="Main"' in html
    assert "<style" not in html
    assert " style=" not in html
    assert "<script>" not in html
