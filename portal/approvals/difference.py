"""What a request would change, so that a person can read it: field by field, long texts by word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

LONG = 60  # characters from which a text is compared by word
_WORDS = re.compile(r"\s+|[^\s]+")


class Mark(StrEnum):
    """What happens to a field or to a piece of a text."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


MARK_WORDS = {
    Mark.SAME: "Stays",
    Mark.ADDED: "Added",
    Mark.REMOVED: "Removed",
    Mark.CHANGED: "Changed",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text that stays, comes or goes."""

    mark: Mark
    text: str


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field: what it is, what it would be. `pieces` is filled for long texts only."""

    label: str
    mark: Mark
    before: str | None
    after: str | None
    pieces: tuple[Piece, ...] = ()

    @property
    def word(self) -> str:
        """The mark in a word: colour alone says nothing."""
        return MARK_WORDS[self.mark]


def changes_of(content: Mapping[str, Any]) -> list[FieldChange]:
    """The fields of a stored content, those that change first, else in the order of the kind."""
    before: Mapping[str, str | None] = content["before"]
    after: Mapping[str, str | None] = content["after"]
    labels = list(dict.fromkeys([*before, *after]))
    found = [_change(label, before.get(label), after.get(label)) for label in labels]
    return sorted(found, key=lambda change: change.mark == Mark.SAME)


def _change(label: str, before: str | None, after: str | None) -> FieldChange:
    if before == after:
        return FieldChange(label, Mark.SAME, before, after)
    if before is None:
        return FieldChange(label, Mark.ADDED, None, after)
    if after is None:
        return FieldChange(label, Mark.REMOVED, before, None)
    pieces: tuple[Piece, ...] = ()
    if max(len(before), len(after)) >= LONG:
        pieces = tuple(compare_words(before, after))
    return FieldChange(label, Mark.CHANGED, before, after, pieces)


def compare_words(before: str, after: str) -> Iterator[Piece]:
    """Both texts as one: what stays, what goes and what comes, by word.

    Joining all but the added pieces gives `before`, all but the removed ones `after`.
    """
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for what, a, b, c, d in matcher.get_opcodes():
        if what == "equal":
            yield Piece(Mark.SAME, "".join(old[a:b]))
            continue
        if b > a:
            yield Piece(Mark.REMOVED, "".join(old[a:b]))
        if d > c:
            yield Piece(Mark.ADDED, "".join(new[c:d]))
