"""What a rule would change, worked out month by month and written nowhere.

It is compared with what is stored: putting the rule in force allocates the same charges anew, also
where people, teams or stages have changed since they were last allocated. Charges that the change
does not concern stay as they are stored, here and there.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet

from billing.allocation.match import Attributes, days_taken
from billing.allocation.sharing import BaseKey, Bases, Line, Part
from billing.allocation.trial import Setting, TrialAllocator, TrialRule
from billing.choices import SplitKind
from billing.models import Allocation, AllocationRule, Charge
from billing.selectors.closed_lines import ClosedLines, ClosedMonth
from billing.selectors.costs import Kind
from billing.selectors.references import FigureReference, Scope
from billing.selectors.trials import (
    attributes_of,
    charges_in,
    rules_recorded_at,
    setting_for,
    stream_stored,
)
from portal.shell.periods import Month

NEW_RULE = 0  # stands for the rule that has no number yet
_FEW_DIMENSIONS = 5_000  # up to here the database picks their charges


class Receiver(NamedTuple):
    """Where money is: a use case, or nowhere with the reason."""

    use_case_id: int | None
    reason: str


@dataclass(slots=True)
class Move:
    """Money of one kind that would go from one receiver to another, in nano-units."""

    source: Receiver
    target: Receiver
    kind: Kind
    billed_nano: int = 0
    effective_nano: int = 0


@dataclass(slots=True)
class Taken:
    """What the rule would take in the month, moved or not, in nano-units."""

    kind: Kind
    lines: int = 0
    billed_nano: int = 0
    effective_nano: int = 0


@dataclass(frozen=True, slots=True)
class DryRun:
    """The result.

    Attributes:
        month: the month looked at (UTC).
        moves: largest first; empty when nothing would change.
        taken: by currency and basis; empty when the rule takes nothing.
        corrected: closes whose lines would move: each gets a correction.
        untouched: the other closes with lines on days of the month.
    """

    month: Month
    moves: list[Move]
    taken: list[Taken]
    corrected: list[ClosedMonth]
    untouched: list[ClosedMonth]


def dry_run(
    *, month: Month, draft: TrialRule | None, priority: int = 0, replaces: int | None = None
) -> DryRun:
    """What would move in `month` if the draft came into force, or the old rule went.

    Args:
        draft: the rule to try, numbered `NEW_RULE`; None tries to do without `replaces`.
        priority: of the draft.
        replaces: number of the live rule that it replaces.
    """
    return dry_runs(months=[month], draft=draft, priority=priority, replaces=replaces)[0]


def dry_runs(
    *,
    months: Iterable[Month],
    draft: TrialRule | None,
    priority: int = 0,
    replaces: int | None = None,
) -> list[DryRun]:
    """The same for several months, one after the other, with the rules read once."""
    before = rules_recorded_at()
    after = _rules_after(before, draft, priority, replaces)
    old = next((rule for rule in before if rule.match.rule_id == replaces), None)
    touched = [rule for rule in (draft, old) if rule is not None]
    counted = NEW_RULE if draft is not None else replaces
    return [_try(month, before, after, touched, counted, replaces) for month in months]


def _try(
    month: Month,
    before: Sequence[TrialRule],
    after: Sequence[TrialRule],
    touched: Sequence[TrialRule],
    counted: int | None,
    replaces: int | None,
) -> DryRun:
    """One month; `counted` is the rule whose takings are summed."""
    charges = charges_in(Scope(FigureReference(first=month, last=month)))
    attributes = attributes_of(charges)
    setting = setting_for([*before, *touched], attributes, at=None)
    concern = _Concern(touched, attributes, setting, replaces)
    then = TrialAllocator(after, attributes, setting)
    if any(rule.split == SplitKind.PROPORTIONAL for rule in [*before, *after]):
        # Whatever moves can change what is split by: every charge of the month is looked at.
        bases = _bases_after(charges, then, after, concern)
        concern.note_bases(bases)
        then = TrialAllocator(after, attributes, replace(setting, bases=bases))
    else:
        charges = _only(charges, _reached(touched, attributes, setting), replaces)
    tally, closed = _Tally(counted), ClosedLines(month)
    for charge, stored in stream_stored(charges):
        if not concern.is_split_anew(charge.line, stored) and not concern.reaches(
            charge.line, stored
        ):
            continue
        kind = Kind(charge.currency, charge.basis)
        if tally.add(kind, stored, then.parts(charge.line)):
            closed.note(charge.slice_id, charge.line.dimension_id)
    return DryRun(month, tally.moves(), tally.taken(), *closed.moved_and_not())


class _Concern:
    """Which charges are allocated anew when the touched rules change: as `reallocate` has it."""

    def __init__(
        self,
        touched: Sequence[TrialRule],
        attributes: Mapping[int, Attributes],
        setting: Setting,
        replaces: int | None,
    ) -> None:
        self._touched = TrialAllocator(touched, attributes, setting)
        self._replaces = replaces
        self._kept = setting.bases
        self._changed: set[BaseKey] = set()

    def note_bases(self, bases: Bases) -> None:
        """What proportional rules would split by: the charges of those that change follow."""
        keys = self._kept.keys() | bases.keys()
        self._changed = {key for key in keys if self._kept.get(key, ()) != bases.get(key, ())}

    def reaches(self, line: Line, stored: Sequence[Part]) -> bool:
        """Whether the replaced rule has taken the charge, or a touched one would."""
        if self._replaces is not None and stored[0].rule_id == self._replaces:
            return True
        return self._touched.rule_for(line) is not None

    def is_split_anew(self, line: Line, stored: Sequence[Part]) -> bool:
        """Whether a proportional rule has taken it whose base would change."""
        if not self._changed:
            return False
        rule = stored[0].rule_id
        return (
            rule is not None
            and BaseKey(rule, line.month, line.currency, line.basis) in self._changed
        )


def _reached(
    rules: Sequence[TrialRule], attributes: Mapping[int, Attributes], setting: Setting
) -> list[int]:
    """The dimensions that one of the rules takes on some day."""
    return [
        pk
        for pk, each in attributes.items()
        if any(
            days_taken(rule.match, each, connection=None, people=setting.people) for rule in rules
        )
    ]


def _bases_after(
    charges: QuerySet[Charge],
    allocator: TrialAllocator,
    rules: Sequence[TrialRule],
    concern: _Concern,
) -> Bases:
    """What proportional rules would split by: the direct cost that is stored, or that the allocator
    gives where the change reaches."""
    sharings = {
        rule.match.rule_id: rule.sharing for rule in rules if rule.split == SplitKind.PROPORTIONAL
    }
    direct: dict[tuple[dt.date, Kind], dict[int, int]] = {}
    for charge, stored in stream_stored(charges):
        line = charge.line
        parts = allocator.parts(line) if concern.reaches(line, stored) else stored
        if parts[0].rule_id is None or parts[0].rule_id in sharings:
            continue
        found = direct.setdefault((line.month, Kind(line.currency, line.basis)), {})
        for part in parts:
            if part.use_case_id is not None:
                amount = part.billed if part.effective is None else part.effective
                found[part.use_case_id] = found.get(part.use_case_id, 0) + amount
    return {
        BaseKey(rule_id, month, kind.currency, kind.basis): sharing.base_of(found)
        for rule_id, sharing in sharings.items()
        for (month, kind), found in direct.items()
    }


def _only(
    charges: QuerySet[Charge], dimensions: Sequence[int], replaces: int | None
) -> QuerySet[Charge]:
    """Charges that a touched rule could take, or has taken; all when the list would be too long."""
    if len(dimensions) > _FEW_DIMENSIONS:
        return charges
    wanted = Q(dimension_id__in=dimensions)
    if replaces is not None:
        # Who it has taken once can have left the team since.
        wanted |= Q(Exists(Allocation.objects.filter(charge=OuterRef("pk"), rule_id=replaces)))
    return charges.filter(wanted)


def _rules_after(
    before: Sequence[TrialRule], draft: TrialRule | None, priority: int, replaces: int | None
) -> list[TrialRule]:
    """The rules as they would apply: a new version comes after its equals in priority."""
    kept = [rule for rule in before if rule.match.rule_id != replaces]
    if draft is None:
        return kept
    priorities = dict(
        AllocationRule.objects.filter(pk__in=[rule.match.rule_id for rule in kept]).values_list(
            "pk", "priority"
        )
    )
    place = sum(priorities[rule.match.rule_id] <= priority for rule in kept)
    return [*kept[:place], draft, *kept[place:]]


class _Tally:
    """Adds up what moves, charge by charge."""

    def __init__(self, rule_id: int | None) -> None:
        self._rule_id = rule_id
        self._moves: dict[tuple[Receiver, Receiver, Kind], Move] = {}
        self._taken: dict[Kind, Taken] = {}

    def add(self, kind: Kind, before: Sequence[Part], after: Sequence[Part]) -> bool:
        """Whether billed money of this charge moves: closes are about billed money."""
        self._count_taken(kind, after if self._rule_id == NEW_RULE else before)
        billed = list(_transfers(_by_receiver(before, "billed"), _by_receiver(after, "billed")))
        for source, target, amount in billed:
            self._move(source, target, kind).billed_nano += amount
        effective = _transfers(_by_receiver(before, "effective"), _by_receiver(after, "effective"))
        for source, target, amount in effective:
            self._move(source, target, kind).effective_nano += amount
        return bool(billed)

    def _count_taken(self, kind: Kind, parts: Sequence[Part]) -> None:
        if parts[0].rule_id != self._rule_id:
            return
        found = self._taken.setdefault(kind, Taken(kind))
        found.lines += 1
        found.billed_nano += sum(part.billed for part in parts)
        found.effective_nano += sum(part.effective or 0 for part in parts)

    def _move(self, source: Receiver, target: Receiver, kind: Kind) -> Move:
        return self._moves.setdefault((source, target, kind), Move(source, target, kind))

    def moves(self) -> list[Move]:
        return sorted(
            self._moves.values(), key=lambda move: (move.kind.currency, -abs(move.billed_nano))
        )

    def taken(self) -> list[Taken]:
        return sorted(self._taken.values(), key=lambda each: (each.kind.currency, each.kind.basis))


def _by_receiver(parts: Sequence[Part], measure: str) -> dict[Receiver, int]:
    found: dict[Receiver, int] = defaultdict(int)
    for part in parts:
        found[Receiver(part.use_case_id, part.reason)] += getattr(part, measure) or 0
    return found


def _transfers(
    before: Mapping[Receiver, int], after: Mapping[Receiver, int]
) -> Iterator[tuple[Receiver, Receiver, int]]:
    """Who hands how much to whom, so that `before` becomes `after`; both have the same sum.

    A credit moves as a negative amount. Those who hand over and those who receive are paired in
    order, so the number of transfers is small and their sums are exact.
    """
    receivers = list(dict.fromkeys([*before, *after]))
    change = {each: after.get(each, 0) - before.get(each, 0) for each in receivers}
    sign = -1 if sum(before.values()) < 0 else 1
    givers = [(each, -change[each]) for each in receivers if change[each] * sign < 0]
    takers = [(each, change[each]) for each in receivers if change[each] * sign > 0]
    while givers and takers:
        (giver, owed), (taker, wanted) = givers[0], takers[0]
        amount = min(owed, wanted, key=abs)
        yield giver, taker, amount
        givers[0], takers[0] = (giver, owed - amount), (taker, wanted - amount)
        if not givers[0][1]:
            givers.pop(0)
        if not takers[0][1]:
            takers.pop(0)
