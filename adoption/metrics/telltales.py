"""Telltales of gaming: what shifted, in whole groups. Pure; bounds are parameters with a version.

A shift needs both: it is larger than the bound, and the intervals of the two shares do not touch.
So a small group rarely says anything, and chance alone rarely does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from adoption.metrics.exact import wilson
from adoption.metrics.registry import NANO

SMALL_LINES = 10
LIMITS = (100, 200, 400, 500, 1_000)  # lines; sizes at which rules like to begin
PERCENT = NANO // 100
MINIMUM = 20


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def percent(self) -> int:
        """Rounded to whole percent."""
        return round(100 * self.part / self.whole) if self.whole else 0


@dataclass(frozen=True, slots=True)
class Found:
    """What a telltale says: a sentence, and the counts behind it."""

    said: str
    facts: dict[str, int]


def has_shifted(before: Share, now: Share, by_percent: int) -> bool:
    """Whether a share moved by more than the bound, and by more than chance."""
    if min(before.whole, now.whole) < MINIMUM:
        return False
    moved = abs(now.part * before.whole - before.part * now.whole) * 100
    if moved <= by_percent * before.whole * now.whole:
        return False
    first, second = wilson(before.part, before.whole), wilson(now.part, now.whole)
    return (first.high_nano or 0) < (second.low_nano or 0) or (second.high_nano or 0) < (
        first.low_nano or 0
    )


def small_change_drift(before: Iterable[int], now: Iterable[int]) -> Found | None:
    """The share of changes of at most ten lines rose by more than 20 points (A7)."""
    first, second = _small(before), _small(now)
    if second.percent <= first.percent or not has_shifted(first, second, 20):
        return None
    return Found(
        f"Changes of at most {SMALL_LINES} lines: {second.percent} % of {second.whole}, "
        f"{first.percent} % of {first.whole} before.",
        _facts(first, second),
    )


def _small(lines: Iterable[int]) -> Share:
    known = list(lines)
    return Share(sum(each <= SMALL_LINES for each in known), len(known))


def density_below_limits(lines: Iterable[int]) -> Found | None:
    """Many more changes just below a round limit of size than just above it (A8)."""
    known = list(lines)
    for limit in LIMITS:
        below = sum(limit * 9 // 10 <= each < limit for each in known)
        above = sum(limit <= each < limit * 11 // 10 for each in known)
        if below >= MINIMUM and below >= 4 * max(1, above):
            return Found(
                f"{below} changes just below {limit} lines, {above} just above.",
                {"limit": limit, "below": below, "above": above},
            )
    return None


def trailer_shift(before: Share, now: Share) -> Found | None:
    """The share of changes that show AI assistance moved by more than 30 points, either way (A9).

    No value rests on it; a reader of the share of unknown must know.
    """
    if not has_shifted(before, now, 30):
        return None
    return Found(
        f"Changes that show AI assistance: {now.percent} % of {now.whole}, "
        f"{before.percent} % of {before.whole} before.",
        _facts(before, now),
    )


def downgrade_rate(lowered: int, incidents: int) -> Found | None:
    """More than 30 % of at least ten incidents were called less severe afterwards (A19)."""
    if incidents < 10 or lowered * 100 <= 30 * incidents:
        return None
    return Found(
        f"The severity of {lowered} of {incidents} incidents was lowered afterwards.",
        {"lowered": lowered, "incidents": incidents},
    )


def _facts(before: Share, now: Share) -> dict[str, int]:
    return {
        "part_before": before.part,
        "whole_before": before.whole,
        "part_now": now.part,
        "whole_now": now.whole,
    }
