"""Statuses are words with an icon; a vocabulary covers its choices."""

from __future__ import annotations

import pytest
from django.template import engines

from portal.registry import Registry
from portal.shell.icons import ICON_NAMES, icon
from portal.shell.statuses import (
    FIGURE_STATUSES,
    FigureStatus,
    Status,
    StatusVocabulary,
    Tone,
    vocabularies,
)

CHOICES = [("pilot", "Pilot"), ("live", "Live")]
LOOKS = {"pilot": ("clock", Tone.INFO), "live": ("check", Tone.GOOD)}


def test_a_badge_says_its_state_in_words_beside_an_icon() -> None:
    html = StatusVocabulary.from_choices("stage", CHOICES, LOOKS, {"live": "In use."}).html("live")
    assert "Live" in html
    assert "<svg" in html
    assert 'title="In use."' in html
    assert "status-good" in html


def test_an_unknown_state_is_shown_as_itself_and_escaped() -> None:
    html = StatusVocabulary("stage", ()).html("<new>")
    assert "&lt;new&gt;" in html
    assert "status-neutral" in html


@pytest.mark.parametrize("looks", [{}, {**LOOKS, "gone": ("dot", Tone.NEUTRAL)}])
def test_looks_must_match_the_choices(looks: dict[str, tuple[str, Tone]]) -> None:
    with pytest.raises(ValueError, match="differ in"):
        StatusVocabulary.from_choices("stage", CHOICES, looks)


def test_the_start_up_check_finds_unknown_icons_and_repeated_keys() -> None:
    registry: Registry[StatusVocabulary] = Registry("vocabulary", check=vocabularies._check)
    registry.register(StatusVocabulary("bad", (Status("a", "A", icon="no-such"), Status("a", "A"))))
    assert {problem.id for problem in registry.problems()} == {"portal.E201", "portal.E202"}


def test_every_figure_status_has_its_own_icon_and_meaning() -> None:
    statuses = [FIGURE_STATUSES.get(key) for key in FigureStatus]
    assert len({status.icon for status in statuses}) == len(FigureStatus)
    assert all(status.meaning for status in statuses)


def test_tags_show_badges_and_icons() -> None:
    template = engines["django"].from_string(
        '{% load shell %}{% status "figure" "stale" %}{% figure_status "final" %}{% icon "check" %}'
    )
    html = template.render({})
    assert "Stale" in html
    assert "Final" in html


def test_icons_are_hidden_from_screen_readers() -> None:
    assert all('aria-hidden="true"' in icon(name) for name in ICON_NAMES)
    assert icon("") == ""
