"""How bad an incident is: the words of senders, and what becomes of it when it is said anew."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

UNKNOWN = "unknown"
SEVERITIES = ("critical", "high", "medium", "low", UNKNOWN)  # worst first
_RANK = {name: len(SEVERITIES) - place for place, name in enumerate(SEVERITIES)}
_WORDS = {
    "critical": (
        "critical",
        "blocker",
        "highest",
        "urgent",
        "sev0",
        "sev1",
        "p0",
        "p1",
        "s0",
        "s1",
    ),
    "high": ("high", "major", "error", "sev2", "p2", "s2"),
    "medium": ("medium", "moderate", "normal", "warning", "sev3", "p3", "s3"),
    "low": ("low", "minor", "lowest", "trivial", "info", "sev4", "sev5", "p4", "p5", "s4", "s5"),
}
_KNOWN = {word: name for name, words in _WORDS.items() for word in words}
Said = list[str]  # time, raw, severity


def severity_of(raw: str) -> str:
    """A sender's word in ours: `SEV-1` is critical, `P2` high. What no rule knows is `unknown`."""
    return _KNOWN.get("".join(each for each in raw.lower() if each.isalnum()), UNKNOWN)


def with_severity(said: Iterable[Said], at: datetime, raw: str, severity: str) -> list[Said]:
    """Everything said about the severity with one more, each once, oldest first."""
    new = [f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}", raw, severity]
    return sorted({tuple(each): each for each in (*map(list, said), new)}.values())


def current_severity(said: Iterable[Said]) -> Said:
    """The latest; of one moment the worst."""
    return max(said, key=lambda each: (each[0], _RANK[each[2]], each[1]))


def worst_of(severities: Iterable[str]) -> str:
    """The worst of them; `unknown` when nothing is known."""
    return max(severities, key=_RANK.__getitem__, default=UNKNOWN)


def downgraded(current: str, worst: str) -> str:
    """What it was before it was lowered; empty when it was not."""
    return worst if _RANK[worst] > _RANK[current] else ""
