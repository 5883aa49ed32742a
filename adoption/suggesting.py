"""Which use case a change may have been for, and why: pure, the same input gives the same order.

What speaks for a use case adds up to points; the weights are data. Signs of AI on the change say
how worth asking it is, never for which use case. Nothing here makes a delivery: a person does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from adoption.choices import MarkKind, Strength

WEIGHTS: Mapping[str, int] = {
    "named": 60,  # the change names the use case itself: a trailer, or a label `uc:…`
    "label": 45,
    "ticket": 45,
    "path": 35,
    "repository": 25,
    "history": 20,  # times the share of the person's latest deliveries from that repository
}
EVIDENCE_WEIGHTS: Mapping[str, int] = {
    Strength.AUTONOMOUS: 15,
    Strength.ASSISTED: 15,
    Strength.DECLARED: 15,
    Strength.SUGGESTION: 8,
    Strength.INFERRED: 0,  # a seat was active: usage, which says nothing
}
# A repository alone, without a sign of AI and without history, is no reason to ask anybody.
LEAST_SCORE = 30
LATEST = 5  # deliveries of one's own history that count
MOST_CANDIDATES = 5
EXPIRES_AFTER = timedelta(days=14)

_TICKET = re.compile(r"(?<![A-Za-z0-9])([A-Za-z][A-Za-z0-9]{1,9})-(\d{1,7})(?![A-Za-z0-9])")
_NAMED = re.compile(r"^\s*use-case:\s*(?P<slug>[a-z0-9][a-z0-9-]{1,79})\s*$", re.I | re.M)
_LABEL_PREFIXES = ("uc:", "use-case:")


class Reason(NamedTuple):
    """One thing that speaks for a use case or for asking, in words that a person reads."""

    kind: str
    text: str
    points: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A path, label or ticket key that stands for a use case."""

    use_case: int
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Place:
    """A use case that may be meant: `slug` as a trailer or a label would name it."""

    key: int
    slug: str
    title: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one change.

    Attributes:
        message: title and description; only whole trailers are read in it.
        linked: use cases to which its repository was linked when it was merged.
        history: use cases of the person's deliveries from this repository, newest first.
        strength: of the strongest sign of AI; empty when none was seen.
        agents: the tools that left signs.
    """

    repository: str
    title: str
    message: str = ""
    branch: str = ""
    labels: Sequence[str] = ()
    paths: Sequence[str] = ()
    linked: Sequence[int] = ()
    history: Sequence[int] = ()
    strength: str = ""
    agents: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A use case with what speaks for it, strongest reason first."""

    use_case: int
    points: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Candidates best first, what speaks for asking at all, and the sum by which to sort."""

    candidates: tuple[Candidate, ...]
    evidence: Reason
    score: int = field(default=0)

    @property
    def is_worth_asking(self) -> bool:
        return bool(self.candidates) and self.score >= LEAST_SCORE


def tickets_in(*texts: str) -> tuple[str, ...]:
    """Ticket keys named in a title or a branch, in upper case, each once."""
    found = (f"{key.upper()}-{number}" for text in texts for key, number in _TICKET.findall(text))
    return tuple(dict.fromkeys(found))


def rank(facts: Facts, places: Sequence[Place], marks: Sequence[Mark]) -> Ranked:
    """Rank the use cases that a change may have been for.

    Args:
        places: use cases that take deliveries; others are never proposed.
        marks: of those use cases.

    Of equal points the longer standing history wins, then the title, so that the order is fixed.
    """
    found: dict[int, list[Reason]] = {place.key: [] for place in places}
    for key, reason in (*_named(facts, places), *_marked(facts, marks), *_placed(facts)):
        if key in found:
            found[key].append(reason)
    titles = {place.key: place.title for place in places}
    candidates = [
        Candidate(
            key,
            sum(reason.points for reason in reasons),
            tuple(sorted(reasons, key=lambda each: (-each.points, each.kind, each.text))),
        )
        for key, reasons in found.items()
        if reasons
    ]
    candidates.sort(key=lambda each: (-each.points, titles[each.use_case], each.use_case))
    evidence = _evidence(facts)
    best = candidates[0].points if candidates else 0
    return Ranked(tuple(candidates[:MOST_CANDIDATES]), evidence, best + evidence.points)


def _named(facts: Facts, places: Sequence[Place]) -> list[tuple[int, Reason]]:
    by_slug = {place.slug: place.key for place in places}
    said = {
        match["slug"].lower(): "it names the use case itself"
        for match in _NAMED.finditer(facts.message)
    }
    for label in facts.labels:
        for prefix in _LABEL_PREFIXES:
            if label.lower().startswith(prefix):
                said.setdefault(label[len(prefix) :].strip().lower(), f"label “{label}”")
    return [
        (by_slug[slug], Reason("named", text, WEIGHTS["named"]))
        for slug, text in said.items()
        if slug in by_slug
    ]


def _marked(facts: Facts, marks: Sequence[Mark]) -> list[tuple[int, Reason]]:
    """What the marks of a use case recognise; of each kind the first that fits counts once."""
    labels = {label.lower(): label for label in facts.labels}
    tickets = tickets_in(facts.title, facts.branch)
    found: dict[tuple[int, str], Reason] = {}
    for mark in sorted(marks, key=lambda each: (each.use_case, each.kind, each.value)):
        text = ""
        if mark.kind == MarkKind.LABEL and mark.value in labels:
            text = f"label “{labels[mark.value]}”"
        elif mark.kind == MarkKind.TICKET:
            text = next((_ticket_words(each, facts) for each in tickets if _is_of(each, mark)), "")
        elif mark.kind == MarkKind.PATH and mark.use_case in facts.linked:
            text = _path_words(facts.paths, mark.value)
        if text:
            found.setdefault(
                (mark.use_case, mark.kind), Reason(mark.kind, text, WEIGHTS[mark.kind])
            )
    return [(use_case, reason) for (use_case, _), reason in found.items()]


def _is_of(ticket: str, mark: Mark) -> bool:
    return mark.value in (ticket, ticket.partition("-")[0])


def _ticket_words(ticket: str, facts: Facts) -> str:
    where = "title" if ticket in tickets_in(facts.title) else "branch"
    return f"ticket {ticket} in its {where}"


def _path_words(paths: Sequence[str], prefix: str) -> str:
    """Most of what it touches has to lie there: one file in passing says nothing."""
    inside = sum(path.startswith(prefix) for path in paths)
    if inside * 2 <= len(paths):
        return ""
    return f"{inside} of {len(paths)} files below {prefix}"


def _placed(facts: Facts) -> list[tuple[int, Reason]]:
    reasons = [
        (key, Reason("repository", f"linked repository {facts.repository}",
                     WEIGHTS["repository"]))
        for key in dict.fromkeys(facts.linked)
    ]  # fmt: skip
    latest = facts.history[:LATEST]
    for key, times in Counter(latest).items():
        points = WEIGHTS["history"] * times // len(latest)
        text = f"{times} of your last {len(latest)} from this repository"
        reasons.append((key, Reason("history", text, points)))
    return reasons


def _evidence(facts: Facts) -> Reason:
    """What speaks for asking at all. No sign is no sign, and says so."""
    if not facts.strength:
        return Reason("evidence", "no sign of AI was seen, which says nothing", 0)
    names = ", ".join(dict.fromkeys(facts.agents))
    who = f" ({names})" if names else ""
    words = {
        Strength.AUTONOMOUS: f"made by an agent{who}",
        Strength.ASSISTED: f"names a helper{who}",
        Strength.SUGGESTION: f"took over a suggestion{who}",
        Strength.DECLARED: "somebody declared AI",
        Strength.INFERRED: "only a seat was active, which says nothing",
    }
    return Reason(
        "evidence", words[Strength(facts.strength)], EVIDENCE_WEIGHTS[Strength(facts.strength)]
    )
