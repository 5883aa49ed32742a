"""Navigation, panels, URLs and freshness: what the rooms register is shown, and checked."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from portal.models import User
from portal.registry import Registry
from portal.shell import freshness, navigation, panels, urls_registry
from portal.shell.freshness import FreshnessSource, data_freshness
from portal.shell.navigation import NavigationEntry, check_entry, navigation_for
from portal.shell.panels import HomePanel, ObjectPanel, check_panel, render_panels
from portal.shell.urls_registry import UrlModule, check_module, registered_patterns


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> Registry[NavigationEntry]:
    registry: Registry[NavigationEntry] = Registry("navigation entry")
    monkeypatch.setattr(navigation, "navigation", registry)
    return registry


@pytest.fixture
def slots(monkeypatch: pytest.MonkeyPatch) -> Registry[ObjectPanel]:
    registry: Registry[ObjectPanel] = Registry("panel")
    monkeypatch.setattr(panels, "object_panels", registry)
    return registry


@pytest.fixture
def sources(monkeypatch: pytest.MonkeyPatch) -> Registry[FreshnessSource]:
    registry: Registry[FreshnessSource] = Registry("freshness source")
    monkeypatch.setattr(freshness, "freshness_sources", registry)
    return registry


def test_entries_are_grouped_ordered_and_hidden_from_who_may_not_see_them(
    entries: Registry[NavigationEntry],
) -> None:
    entries.register(NavigationEntry("a", "Theme", "theme", group="Costs", order=2))
    entries.register(NavigationEntry("b", "Way in", "sign-in", group="Costs", order=1))
    entries.register(NavigationEntry("c", "Home", "home"))
    entries.register(
        NavigationEntry("d", "Secret", "sign-out", group="Data", visible=lambda user: False)
    )
    groups = navigation_for(User(username="ada"), "/nowhere/")
    assert [(group.label, [link.label for link in group.links]) for group in groups] == [
        ("", ["Home"]),
        ("Costs", ["Way in", "Theme"]),
    ]


def test_nobody_signed_in_sees_no_navigation(entries: Registry[NavigationEntry]) -> None:
    entries.register(NavigationEntry("c", "Home", "home"))
    assert navigation_for(AnonymousUser(), "/") == []


@pytest.mark.parametrize(
    ("path", "current"),
    [("/", {"Home": "page"}), ("/theme/", {"Theme": "page"}), ("/theme/x/", {"Theme": "true"})],
)
def test_the_entry_around_the_page_is_marked(
    entries: Registry[NavigationEntry], path: str, current: dict[str, str]
) -> None:
    entries.register(NavigationEntry("c", "Home", "home"))
    entries.register(NavigationEntry("a", "Theme", "theme"))
    (group,) = navigation_for(User(username="ada"), path)
    assert {link.label: link.current for link in group.links if link.current} == current


def test_the_check_finds_unknown_groups_icons_and_addresses() -> None:
    entry = NavigationEntry("a", "A", "no-such-url", group="No such", icon="no-such")
    assert {problem.id for problem in check_entry(entry)} == {
        "portal.E211",
        "portal.E212",
        "portal.E213",
    }
    assert check_entry(NavigationEntry("a", "A", "home", group="Data", icon="home")) == []


def test_panels_of_a_slot_come_in_order_and_may_stay_away(
    slots: Registry[ObjectPanel], rf: RequestFactory
) -> None:
    def says(text: str) -> Any:
        return lambda request, obj: {"tone": "info", "text": f"{text} of {obj}"}

    template = "components/_notice.html"
    slots.register(ObjectPanel("room.second", "thing", 20, template, says("second")))
    slots.register(ObjectPanel("room.first_one", "thing", 10, template, says("first")))
    slots.register(ObjectPanel("room.none", "thing", 5, template, lambda request, obj: None))
    slots.register(ObjectPanel("room.other", "elsewhere", 1, template, says("other")))
    shown = render_panels(rf.get("/"), "thing", "it")
    assert [panel.anchor for panel in shown] == ["room-first-one", "room-second"]
    assert "first of it" in shown[0].html


def test_the_check_finds_a_panel_without_template() -> None:
    panel = HomePanel("room.p", 1, "no/such.html", lambda request: None)
    assert [problem.id for problem in check_panel(panel)] == ["portal.E221"]


def test_modules_are_mounted_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    registry: Registry[UrlModule] = Registry("URL module")
    monkeypatch.setattr(urls_registry, "url_modules", registry)
    urls_registry.register_urls("late/", "tests.portal.shell.gallery.urls", order=9)
    urls_registry.register_urls("", "portal.urls", order=1)
    urls_registry.register_urls("", "portal.urls", order=1)
    assert [str(pattern.pattern) for pattern in registered_patterns()] == ["", "late/"]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (UrlModule("portal.urls", "/costs/"), "portal.E231"),
        (UrlModule("portal.urls", "costs"), "portal.E231"),
        (UrlModule("no.such.module", "costs/"), "portal.E232"),
        (UrlModule("portal.registry", "costs/"), "portal.E233"),
    ],
)
def test_the_check_finds_modules_that_cannot_be_mounted(entry: UrlModule, problem: str) -> None:
    assert [found.id for found in check_module(entry)] == [problem]


def test_freshness_is_asked_once_and_nothing_yet_is_remembered_too(
    sources: Registry[FreshnessSource],
) -> None:
    asked: list[str] = []
    moment = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)

    def costs() -> dt.datetime | None:
        asked.append("costs")
        return moment

    def deliveries() -> dt.datetime | None:
        asked.append("deliveries")
        return None

    sources.register(FreshnessSource("deliveries", "Deliveries", deliveries, order=2))
    sources.register(FreshnessSource("costs", "Costs", costs, order=1))
    for _ in range(2):
        assert [(f.label, f.as_of) for f in data_freshness()] == [
            ("Costs", moment),
            ("Deliveries", None),
        ]
    assert sorted(asked) == ["costs", "deliveries"]
