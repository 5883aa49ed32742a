"""Allocating without writing: for dry runs, and for what a figure was at an earlier moment.

Pure, and the same result to the nano-unit as the allocation in SQL; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from billing.allocation.match import Attributes, Exclusion, RuleMatch, days_taken
from billing.allocation.people import NOBODY, People, Span
from billing.allocation.sharing import Bases, Line, Part, Rounded, Sharing, Weights
from billing.choices import SplitKind, UnallocatedReason


@dataclass(frozen=True, slots=True)
class TrialRule:
    """A rule with its shares: use case → millionths; and how people know it."""

    match: RuleMatch
    shares: Weights
    key: str = ""
    name: str = ""
    version: int = 0
    split: str = SplitKind.FIXED

    @property
    def sharing(self) -> Sharing:
        return Sharing(self.match.rule_id, self.split, self.shares)

    @property
    def needs_people(self) -> bool:
        """Whether it asks for the team of the principal."""
        return self.split == SplitKind.TEAM or self.match.needs_people


@dataclass(frozen=True, slots=True)
class Setting:
    """What allocation looks at besides rules and charges.

    Attributes:
        connections: address of each source by its number.
        bases: what proportional splits go by.
        exclusions: what another source counts.
    """

    connections: Mapping[int, str] = field(default_factory=dict)
    bases: Bases = field(default_factory=dict)
    people: People = NOBODY
    exclusions: Sequence[Exclusion] = ()


class TrialAllocator:
    """Allocates charges by rules given in the order in which they apply."""

    def __init__(
        self,
        rules: Sequence[TrialRule],
        attributes: Mapping[int, Attributes],
        setting: Setting,
    ) -> None:
        """`attributes`: by dimension id."""
        self._rules = rules
        self._sharings = {rule.match.rule_id: rule.sharing for rule in rules}
        self._attributes = attributes
        self._setting = setting
        self._matching: dict[tuple[int, int], list[tuple[TrialRule, list[Span]]]] = {}

    def matching(self, dimension_id: int, connection_id: int) -> list[tuple[TrialRule, list[Span]]]:
        """Rules that take such charges of a source, with the days on which they do."""
        found = self._matching.get((dimension_id, connection_id))
        if found is None:
            found = list(self._look(dimension_id, connection_id))
            self._matching[dimension_id, connection_id] = found
        return found

    def _look(
        self, dimension_id: int, connection_id: int
    ) -> Iterable[tuple[TrialRule, list[Span]]]:
        attributes = self._attributes[dimension_id]
        slug = self._setting.connections.get(connection_id, "")
        for rule in self._rules:
            if rule.match.connection_id not in (None, connection_id):
                continue
            days = days_taken(rule.match, attributes, connection=slug, people=self._setting.people)
            if days:
                yield rule, days

    def rule_for(self, line: Line) -> TrialRule | None:
        """The first rule that takes the line."""
        for rule, days in self.matching(line.dimension_id, line.connection_id):
            if any(span.contains(line.day) for span in days):
                return rule
        return None

    def parts(self, line: Line) -> list[Part]:
        """The parts of a line; they sum to it exactly."""
        attributes = self._attributes[line.dimension_id]
        if any(
            each.covers(line.connection_id, attributes.provider, line.day)
            for each in self._setting.exclusions
        ):
            return [_untaken(UnallocatedReason.NOT_COUNTED, line)]
        rule = self.rule_for(line)
        if rule is None:
            unused = attributes.is_unused_commitment
            reason = UnallocatedReason.UNUSED_COMMITMENT if unused else UnallocatedReason.NO_RULE
            return [_untaken(reason, line)]
        return self._sharings[rule.match.rule_id].parts(
            line,
            principal=attributes.principal_id,
            bases=self._setting.bases,
            people=self._setting.people,
        )

    def rounded(self, line: Line) -> list[Rounded]:
        """The parts that a rule makes of a line, each with how it was rounded; none when no rule
        takes it."""
        rule = self.rule_for(line)
        if rule is None:
            return []
        return self._sharings[rule.match.rule_id].rounded(
            line,
            principal=self._attributes[line.dimension_id].principal_id,
            bases=self._setting.bases,
            people=self._setting.people,
        )


def _untaken(reason: str, line: Line) -> Part:
    return Part(None, None, reason, line.billed, line.effective)
