"""How what a rule takes is shared out: the same for a dry run and for what is written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from billing.allocation.people import People
from billing.allocation.split import split_by_weight
from billing.choices import SplitKind, UnallocatedReason

WHOLE = 1_000_000


class Line(NamedTuple):
    """The part of a charge that allocation looks at. Nano-units."""

    dimension_id: int
    connection_id: int
    day: dt.date
    billed: int
    effective: int | None
    currency: str = ""
    basis: str = ""

    @property
    def month(self) -> dt.date:
        """First day of its month."""
        return self.day.replace(day=1)


class Part(NamedTuple):
    """A part of a charge. `use_case_id` None comes with the reason."""

    rule_id: int | None
    use_case_id: int | None
    reason: str
    billed: int
    effective: int | None


class Rounding(StrEnum):
    """What became of the fraction of a nano-unit that an exact share has."""

    UP = "up"  # one of the largest remainders: it took a nano-unit that was left over
    DOWN = "down"
    EXACT = "exact"  # there was none


class Rounded(NamedTuple):
    """A part of a split, and how it was rounded. None: the line states no effective cost."""

    part: Part
    billed: Rounding
    effective: Rounding | None


class BaseKey(NamedTuple):
    """What a base is kept by: rule, first day of the month, currency, basis."""

    rule_id: int
    month: dt.date
    currency: str
    basis: str


Weights = tuple[tuple[int, int], ...]  # use case → weight, in a fixed order
Bases = Mapping[BaseKey, Weights]


class _Receiver(NamedTuple):
    use_case_id: int | None
    weight: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Sharing:
    """A rule's way of sharing. `shares`: use case → millionths of fixed shares, or who takes part
    in an even or proportional split (nobody named: whoever has direct cost)."""

    rule_id: int
    kind: str
    shares: Weights

    @property
    def whole(self) -> int | None:
        """The one use case that always gets everything, or None."""
        if len(self.shares) != 1:
            return None
        use_case, share = self.shares[0]
        is_all = self.kind == SplitKind.EVEN or (self.kind == SplitKind.FIXED and share == WHOLE)
        return use_case if is_all else None

    def base_of(self, direct: Mapping[int, int]) -> Weights:
        """The weights of a proportional split from direct cost by use case.

        Who has none, or whose credits outweigh it, weighs nothing.
        """
        asked = [use_case for use_case, _ in self.shares] or sorted(direct)
        return tuple((each, direct[each]) for each in asked if direct.get(each, 0) > 0)

    def _receivers(
        self, line: Line, principal: str, bases: Bases, people: People
    ) -> list[_Receiver]:
        if self.kind == SplitKind.EVEN:
            return [_Receiver(use_case, 1) for use_case, _ in self.shares]
        if self.kind == SplitKind.PROPORTIONAL:
            key = BaseKey(self.rule_id, line.month, line.currency, line.basis)
            weights = bases.get(key, ())
            return [_Receiver(*each) for each in weights] or [_nobody(UnallocatedReason.NO_BASE)]
        if self.kind == SplitKind.TEAM:
            teams = people.teams_on(principal, line.day)
            if not teams:
                return [_nobody(UnallocatedReason.UNKNOWN_TEAM)]
            found = people.use_cases_on(teams, line.day)
            no_use_case = [_nobody(UnallocatedReason.NO_TEAM_USE_CASE)]
            return [_Receiver(use_case, 1) for use_case in found] or no_use_case
        rest = WHOLE - sum(share for _, share in self.shares)
        found_shares = [_Receiver(use_case, share) for use_case, share in self.shares]
        left = [_Receiver(None, rest, UnallocatedReason.REMAINDER)] if rest else []
        return [*found_shares, *left]

    def parts(self, line: Line, *, principal: str, bases: Bases, people: People) -> list[Part]:
        """The parts of a line; they sum to it exactly, ties go to who stands first."""
        receivers = self._receivers(line, principal, bases, people)
        weights = [each.weight for each in receivers]
        billed = split_by_weight(line.billed, weights)
        effective: Sequence[int | None] = (
            [None] * len(weights)
            if line.effective is None
            else split_by_weight(line.effective, weights)
        )
        return [
            Part(self.rule_id, each.use_case_id, each.reason, billed[place], effective[place])
            for place, each in enumerate(receivers)
        ]

    def rounded(self, line: Line, *, principal: str, bases: Bases, people: People) -> list[Rounded]:
        """The same parts, each with how it was rounded."""
        weights = [each.weight for each in self._receivers(line, principal, bases, people)]
        parts = self.parts(line, principal=principal, bases=bases, people=people)
        billed = _roundings(line.billed, weights, [part.billed for part in parts])
        effective: Sequence[Rounding | None] = [None] * len(parts)
        if line.effective is not None:
            shares = [part.effective or 0 for part in parts]
            effective = _roundings(line.effective, weights, shares)
        return [Rounded(*each) for each in zip(parts, billed, effective, strict=True)]


def _roundings(amount: int, weights: Sequence[int], parts: Sequence[int]) -> list[Rounding]:
    total = sum(weights)
    found = []
    for weight, part in zip(weights, parts, strict=True):
        down, remainder = divmod(amount * weight, total)
        if not remainder:
            found.append(Rounding.EXACT)
        else:
            found.append(Rounding.UP if part > down else Rounding.DOWN)
    return found


def _nobody(reason: str) -> _Receiver:
    return _Receiver(None, 1, reason)
