"""Which use case a name could mean: a hint for whoever makes the rule, never a rule by itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from rapidfuzz import fuzz, process

LEAST = 70.0  # of 100; below it a hint misleads more often than it helps
_SHORTEST = 3
_BREAKS = re.compile(r"[\W_]+")
_NOISE = frozenset(
    ("ws", "workspace", "project", "proj", "key", "api", "prod", "production", "dev", "test",
     "staging", "default", "team", "app", "service", "svc", "ai", "llm")
)  # fmt: skip


class Named(NamedTuple):
    """A use case with the names that it goes by."""

    use_case_id: int
    slug: str
    title: str


class Hint(NamedTuple):
    """The use case whose name is nearest, how near (0 to 100), and why in words."""

    named: Named
    score: int
    why: str


def words_of(text: str) -> str:
    """The words of a name in small letters, without those that say nothing."""
    words = [word for word in _BREAKS.split(text.casefold()) if word]
    return " ".join(word for word in words if word not in _NOISE) or " ".join(words)


class Suggester:
    """Compares names with those of all use cases."""

    def __init__(self, use_cases: Sequence[Named]) -> None:
        self._spelled = [
            (words_of(text), what, each)
            for each in use_cases
            for text, what in ((each.slug, "address"), (each.title, "title"))
        ]
        self._texts = [text for text, _, _ in self._spelled]

    def hint(self, *texts: str) -> Hint | None:
        """The nearest use case to any of these names; None when none is near, or two are alike.

        Words count whatever their order; the score is rapidfuzz's token sort ratio, or its token
        set ratio less a tenth when one name holds the other.
        """
        best: list[tuple[float, str, Named, str]] = []
        for text in texts:
            words = words_of(text)
            if len(words) < _SHORTEST:
                continue
            best += self._near(words, text)
        if not best:
            return None
        best.sort(key=lambda each: (-each[0], each[2].slug))
        score, what, named, text = best[0]
        if any(other[0] == score and other[2] != named for other in best):
            return None
        why = f"“{text}” is like its {what} “{named.slug if what == 'address' else named.title}”"
        return Hint(named, round(score), why)

    def _near(self, words: str, text: str) -> list[tuple[float, str, Named, str]]:
        found: dict[int, float] = {}
        for scorer, weight in ((fuzz.token_sort_ratio, 1.0), (fuzz.token_set_ratio, 0.9)):
            for _, score, place in process.extract(
                words, self._texts, scorer=scorer, score_cutoff=LEAST / weight, limit=5
            ):
                found[place] = max(found.get(place, 0.0), score * weight)
        return [
            (score, self._spelled[place][1], self._spelled[place][2], text)
            for place, score in found.items()
        ]
