"""Allocating without writing: for dry runs, and for what a figure was at an earlier moment.

Pure, and the same result to the nano-unit as the allocation in SQL; a test holds the two together.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from billing.allocation.match import Attributes, RuleMatch, matching_rules
from billing.allocation.split import split_by_weight
from billing.choices import UnallocatedReason

WHOLE = 1_000_000


@dataclass(frozen=True, slots=True)
class TrialRule:
    """A rule with its shares: use case → millionths; and how people know it."""

    match: RuleMatch
    shares: tuple[tuple[int, int], ...]
    key: str = ""
    name: str = ""
    version: int = 0

    @property
    def receivers(self) -> list[tuple[int | None, int]]:
        """Who gets how many millionths; None is what the rule leaves over."""
        rest = WHOLE - sum(share for _, share in self.shares)
        return [*self.shares, (None, rest)] if rest else list(self.shares)


class Line(NamedTuple):
    """The part of a charge that allocation looks at. Nano-units."""

    dimension_id: int
    connection_id: int
    day: dt.date
    billed: int
    effective: int | None


class Part(NamedTuple):
    """A part of a charge. `use_case_id` None comes with the reason."""

    rule_id: int | None
    use_case_id: int | None
    reason: str
    billed: int
    effective: int | None


class TrialAllocator:
    """Allocates charges by rules given in the order in which they apply."""

    def __init__(self, rules: Sequence[TrialRule], attributes: Mapping[int, Attributes]) -> None:
        """`attributes`: by dimension id."""
        self._rules = {rule.match.rule_id: rule for rule in rules}
        self._ordered = [rule.match for rule in rules]
        self._attributes = attributes
        self._matching: dict[int, list[RuleMatch]] = {}

    def matching(self, dimension_id: int) -> list[RuleMatch]:
        """Rules whose condition a dimension fulfils, dates and connection aside."""
        found = self._matching.get(dimension_id)
        if found is None:
            found = matching_rules(self._ordered, self._attributes[dimension_id])
            self._matching[dimension_id] = found
        return found

    def rule_for(self, line: Line) -> TrialRule | None:
        """The first rule that takes the line."""
        for match in self.matching(line.dimension_id):
            if match.connection_id not in (None, line.connection_id):
                continue
            if match.starts_on <= line.day and (match.ends_on is None or line.day < match.ends_on):
                return self._rules[match.rule_id]
        return None

    def parts(self, line: Line) -> list[Part]:
        """The parts of a line; they sum to it exactly."""
        rule = self.rule_for(line)
        if rule is None:
            return [Part(None, None, UnallocatedReason.NO_RULE, line.billed, line.effective)]
        receivers = rule.receivers
        if len(receivers) == 1:
            return [_part(rule, receivers[0][0], line.billed, line.effective)]
        weights = [weight for _, weight in receivers]
        billed = split_by_weight(line.billed, weights)
        effective: Sequence[int | None] = (
            [None] * len(weights)
            if line.effective is None
            else split_by_weight(line.effective, weights)
        )
        return [
            _part(rule, receiver, billed[place], effective[place])
            for place, (receiver, _) in enumerate(receivers)
        ]


def _part(rule: TrialRule, use_case_id: int | None, billed: int, effective: int | None) -> Part:
    reason = "" if use_case_id else UnallocatedReason.REMAINDER
    return Part(rule.match.rule_id, use_case_id, reason, billed, effective)
