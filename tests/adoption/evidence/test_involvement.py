"""AI, human or unknown: what outranks what, and that silence is never `human`."""

from __future__ import annotations

import itertools

import pytest

from adoption.choices import Strength
from adoption.evidence.declarations import DeclarationRules, Declared, read_declarations
from adoption.evidence.involvement import settle, strongest_of

RULES = DeclarationRules(
    ai_labels=["AI-assisted"], human_labels=["no-ai"], ai_boxes=["AI helped"],
    human_boxes=["No AI was used"],
)  # fmt: skip
BODY = "Text\n\n- [{0}] AI helped with this\n- [{1}] No AI was used\n"


@pytest.mark.parametrize(
    ("strength", "said", "settled"),
    [
        ("", {}, ("", "unknown")),
        ("inferred", {}, ("inferred", "unknown")),
        ("assisted", {}, ("assisted", "ai")),
        ("suggestion", {}, ("suggestion", "ai")),
        ("", {"pr_label": "ai"}, ("declared", "ai")),
        ("inferred", {"pr_body_checkbox": "ai"}, ("declared", "ai")),
        ("", {"pr_body_checkbox": "human"}, ("", "human")),
        ("", {"pr_label": "ai", "pr_body_checkbox": "human"}, ("declared", "ai")),
        # A tool's own trace outranks a box that came ticked with the template.
        ("assisted", {"pr_body_checkbox": "human"}, ("assisted", "ai")),
        # The author's word outranks everything.
        ("autonomous", {"correction": "human", "pr_label": "ai"}, ("", "human")),
        ("", {"correction": "ai", "pr_label": "human"}, ("declared", "ai")),
        ("assisted", {"correction": "ai"}, ("assisted", "ai")),
    ],
)
def test_what_counts(strength: str, said: dict[str, str], settled: tuple[str, str]) -> None:
    assert settle(strength, said) == settled


def test_human_is_only_ever_said_and_never_concluded() -> None:
    for strength in ("", *Strength.values):
        for channel, says in itertools.product(("pr_label", "correction"), ("ai", "human")):
            _, involvement = settle(strength, {channel: says})
            assert involvement != "human" or says == "human"
        assert settle(strength, {})[1] != "human"


def test_the_strongest_of_none_is_none() -> None:
    assert strongest_of([]) == ""
    assert strongest_of(["declared", "", "autonomous", "assisted"]) == "autonomous"


def test_labels_and_ticked_boxes_are_read_as_the_connection_says() -> None:
    assert read_declarations(RULES, labels=["ai-ASSISTED", "bug"], description="") == (
        Declared("pr_label", "ai", "ai-ASSISTED"),
    )
    assert read_declarations(RULES, labels=[], description=BODY.format("x", " ")) == (
        Declared("pr_body_checkbox", "ai", "AI helped with this"),
    )
    assert read_declarations(RULES, labels=["no-ai"], description=BODY.format(" ", "X")) == (
        Declared("pr_label", "human", "no-ai"),
        Declared("pr_body_checkbox", "human", "No AI was used"),
    )


@pytest.mark.parametrize("marks", [(" ", " "), ("x", "x"), ("-", "")])
def test_no_box_and_both_boxes_say_nothing(marks: tuple[str, str]) -> None:
    assert read_declarations(RULES, labels=["bug"], description=BODY.format(*marks)) == ()
    assert read_declarations(DeclarationRules(), labels=["ai"], description="- [x] AI helped") == ()
