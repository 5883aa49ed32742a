"""Who was in which team on which days, and the use cases of teams: what team rules look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple


class Span(NamedTuple):
    """Days, half-open; None has no end."""

    start: date
    end: date | None

    def contains(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day < self.end)


def _earlier(first: date | None, second: date | None) -> date | None:
    """The earlier end."""
    if first is None or second is None:
        return first or second
    return min(first, second)


def common(first: Iterable[Span], second: Iterable[Span]) -> list[Span]:
    """The days that are in both."""
    others = list(second)
    found = []
    for one in first:
        for other in others:
            start, end = max(one.start, other.start), _earlier(one.end, other.end)
            if end is None or start < end:
                found.append(Span(start, end))
    return merged(found)


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """The days of the first that are in none of the second."""
    rest = list(spans)
    for cut in taken:
        rest = [part for span in rest for part in _around(span, cut)]
    return rest


def _around(span: Span, cut: Span) -> Iterator[Span]:
    """What is left of some days before and after others."""
    before = _earlier(span.end, cut.start)
    if before is None or span.start < before:
        yield Span(span.start, before)
    if cut.end is not None:
        after = max(span.start, cut.end)
        if span.end is None or after < span.end:
            yield Span(after, span.end)


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same days in order, without overlaps."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda each: each.start):
        last = found[-1] if found else None
        if last is None or (last.end is not None and last.end < span.start):
            found.append(span)
        elif last.end is not None:
            end = None if span.end is None else max(last.end, span.end)
            found[-1] = Span(last.start, end)
    return found


class Spell(NamedTuple):
    """Somebody's days in a team. `line`: its slug, then those of the teams above it."""

    days: Span
    line: tuple[str, ...]


class TeamUseCase(NamedTuple):
    """A use case of a team, and the days on which it takes cost."""

    use_case_id: int
    days: Span


@dataclass(frozen=True, slots=True)
class People:
    """`spells` by principal, `use_cases` by slug of a team."""

    spells: Mapping[str, tuple[Spell, ...]] = field(default_factory=dict)
    use_cases: Mapping[str, tuple[TeamUseCase, ...]] = field(default_factory=dict)

    def teams_on(self, principal: str, day: date) -> list[str]:
        """Slugs of the teams that the principal was in on a day, sorted."""
        spells = self.spells.get(principal, ())
        return sorted({spell.line[0] for spell in spells if spell.days.contains(day)})

    def use_cases_on(self, teams: Iterable[str], day: date) -> list[int]:
        """The use cases of these teams that were under way on a day, in order of their number."""
        return sorted(
            {
                each.use_case_id
                for team in teams
                for each in self.use_cases.get(team, ())
                if each.days.contains(day)
            }
        )


NOBODY = People()
