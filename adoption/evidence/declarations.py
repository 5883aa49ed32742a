"""Reads what a pull request declares about AI: its labels, and boxes ticked in its description.

Which labels and boxes mean what is said by each connection; there is no standard. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

# The codes of `DeclarationChannel` and `Involvement`, without Django: sources know this module.
Channel = Literal["pr_label", "pr_body_checkbox"]
Says = Literal["ai", "human"]

_BOX = re.compile(r"^\s*[-*+]\s+\[[xX]\]\s+(?P<text>\S.*?)\s*$", re.MULTILINE)
_MOST_RAW = 500


@dataclass(frozen=True, slots=True)
class DeclarationRules:
    """Labels by their whole name, boxes by how their text begins; case does not matter."""

    ai_labels: Sequence[str] = ()
    human_labels: Sequence[str] = ()
    ai_boxes: Sequence[str] = ()
    human_boxes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Declared:
    """One statement; `raw` is the label or the text of the box."""

    channel: Channel
    says: Says
    raw: str


def read_declarations(
    rules: DeclarationRules, *, labels: Iterable[str], description: str
) -> tuple[Declared, ...]:
    """What is declared, at most one statement a channel. Who says both says nothing."""
    by_label = _one_of(
        [each for each in labels if each.lower() in _lowered(rules.ai_labels)],
        [each for each in labels if each.lower() in _lowered(rules.human_labels)],
    )
    ticked = [match["text"] for match in _BOX.finditer(description)]
    by_box = _one_of(
        [each for each in ticked if each.lower().startswith(_lowered(rules.ai_boxes))],
        [each for each in ticked if each.lower().startswith(_lowered(rules.human_boxes))],
    )
    said: tuple[tuple[Channel, tuple[Says, str] | None], ...] = (
        ("pr_label", by_label),
        ("pr_body_checkbox", by_box),
    )
    return tuple(Declared(channel, *found) for channel, found in said if found is not None)


def _lowered(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(text.lower() for text in texts)


def _one_of(ai: Sequence[str], human: Sequence[str]) -> tuple[Says, str] | None:
    if bool(ai) == bool(human):
        return None
    return ("ai" if ai else "human"), (*ai, *human)[0][:_MOST_RAW]
