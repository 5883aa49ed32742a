"""Statuses as words, an icon and a tone: never by colour alone.

A room declares a `StatusVocabulary` for each of its state fields and registers it; tables, tags
and figures then show every state of that field in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from django.core.checks import CheckMessage, Error
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal.registry import Registry
from portal.shell.icons import ICON_NAMES, icon


class Tone(StrEnum):
    """How a state should feel. A stopped use case is `NEUTRAL`: stopping can be a good outcome."""

    NEUTRAL = "neutral"
    INFO = "info"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Status:
    """One state: its stored key, its word, what it means in one sentence, its icon and tone."""

    key: str
    label: str
    meaning: str = ""
    icon: str = "dot"
    tone: Tone = Tone.NEUTRAL

    def html(self) -> SafeString:
        """A badge with icon and word; the meaning is its title."""
        return format_html(
            '<span class="status status-{}"{}>{}{}</span>',
            self.tone,
            format_html(' title="{}"', self.meaning) if self.meaning else "",
            icon(self.icon),
            self.label,
        )


@dataclass(frozen=True)
class StatusVocabulary:
    """All states of one field. A key that is not in it is shown as itself, plainly."""

    key: str
    statuses: tuple[Status, ...]
    _rendered: dict[str, SafeString] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_choices(
        cls,
        key: str,
        choices: Iterable[tuple[str, str]],
        looks: Mapping[str, tuple[str, Tone]],
        meanings: Mapping[str, str] | None = None,
    ) -> StatusVocabulary:
        """Make one from Django choices: `looks` gives icon and tone for each key.

        Raises:
            ValueError: a choice has no look, or a look names no choice.
        """
        pairs = list(choices)
        if unmatched := {str(code) for code, _ in pairs} ^ {str(code) for code in looks}:
            raise ValueError(f"vocabulary {key!r}: choices and looks differ in {sorted(unmatched)}")
        found = {str(code): look for code, look in looks.items()}
        texts = {str(code): text for code, text in (meanings or {}).items()}
        return cls(
            key,
            tuple(
                Status(str(code), str(label), texts.get(str(code), ""), *found[str(code)])
                for code, label in pairs
            ),
        )

    def get(self, key: str) -> Status:
        """The status with this key; an unknown key becomes a plain status of that word."""
        for status in self.statuses:
            if status.key == key:
                return status
        return Status(key, key, "This state is not described.", "dot", Tone.NEUTRAL)

    def html(self, key: str) -> SafeString:
        """The badge for `key`, rendered once."""
        text = str(key)
        if text not in self._rendered:
            self._rendered[text] = self.get(text).html()
        return self._rendered[text]

    def label(self, key: str) -> str:
        """The word for `key`, for exports and plain text."""
        return self.get(str(key)).label


def _check_vocabulary(vocabulary: StatusVocabulary) -> list[CheckMessage]:
    unknown = sorted({s.icon for s in vocabulary.statuses} - ICON_NAMES)
    keys = [status.key for status in vocabulary.statuses]
    problems: list[CheckMessage] = []
    if unknown:
        problems.append(
            Error(f"vocabulary {vocabulary.key!r}: no icon {', '.join(unknown)}", id="portal.E201")
        )
    if len(set(keys)) != len(keys):
        problems.append(
            Error(f"vocabulary {vocabulary.key!r} names a state twice", id="portal.E202")
        )
    return problems


vocabularies: Registry[StatusVocabulary] = Registry("status vocabulary", check=_check_vocabulary)


class FigureStatus(StrEnum):
    """How settled a figure is."""

    ESTIMATED = "estimated"
    PROVISIONAL = "provisional"
    FINAL = "final"
    RESTATED = "restated"
    CLOSED = "closed"
    STALE = "stale"


FIGURE_STATUSES = vocabularies.register(
    StatusVocabulary(
        "figure",
        (
            Status(
                FigureStatus.ESTIMATED,
                "Estimated",
                "Computed from rates or a sample; the source has not confirmed it.",
                "tilde",
                Tone.WARN,
            ),
            Status(
                FigureStatus.PROVISIONAL,
                "Provisional",
                "The source may still change it.",
                "clock",
                Tone.INFO,
            ),
            Status(
                FigureStatus.FINAL, "Final", "The source has closed the period.", "check", Tone.GOOD
            ),
            Status(
                FigureStatus.RESTATED,
                "Restated",
                "The source changed it after it was shown; the earlier value is kept.",
                "redo",
                Tone.WARN,
            ),
            Status(
                FigureStatus.CLOSED,
                "Closed",
                "It ties to the invoice, and a second person has closed the period.",
                "shield",
                Tone.GOOD,
            ),
            Status(
                FigureStatus.STALE,
                "Stale",
                "Its data is older than it should be.",
                "warn",
                Tone.BAD,
            ),
        ),
    )
)
