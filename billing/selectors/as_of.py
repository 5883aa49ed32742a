"""What a figure was at an earlier moment: charges and rules as they were recorded then.

The charges of that moment are allocated anew by the rules of that moment, so the answer does not
depend on what has happened to either since.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from billing.allocation.trial import Part, TrialRule
from billing.selectors.costs import Kind
from billing.selectors.references import Scope
from billing.selectors.trials import (
    TrialCharge,
    allocator_for,
    charges_in,
    rules_recorded_at,
    stream_charges,
)


class TooManyChargesError(ValueError):
    """More charges than a page may go through; the message says what to do instead."""


class PastPart(NamedTuple):
    """A part of a charge, as it was."""

    charge: TrialCharge
    part: Part


@dataclass(slots=True)
class PastSum:
    """A sum of one kind as it was recorded at a moment, in nano-units."""

    kind: Kind
    billed_nano: int = 0
    effective_known_nano: int = 0
    effective_unknown: int = 0
    lines: int = 0

    @property
    def effective_nano(self) -> int | None:
        return self.effective_known_nano if self.effective_unknown < self.lines else None

    def nano(self, measure: str) -> int | None:
        return self.billed_nano if measure == "billed" else self.effective_nano

    def add(self, part: Part) -> None:
        self.lines += 1
        self.billed_nano += part.billed
        if part.effective is None:
            self.effective_unknown += 1
        else:
            self.effective_known_nano += part.effective


@dataclass(frozen=True, slots=True)
class PastFigure:
    """A figure as it was: its sums, and the parts that were asked for."""

    sums: list[PastSum]
    parts: list[PastPart]
    rules: dict[int, TrialRule]


def parts_as_of(
    scope: Scope, at: dt.datetime, *, most: int | None = None
) -> tuple[Iterator[PastPart], dict[int, TrialRule]]:
    """Every part of the figure as recorded at `at`, by day and charge, and the rules of then.

    Raises:
        TooManyChargesError: there are more than `most` charges to go through.
    """
    rules = rules_recorded_at(at)
    charges = charges_in(scope, at=at)
    if most is not None and charges.order_by()[: most + 1].count() > most:
        raise TooManyChargesError(
            f"More than {most:,} charges lie in this window; choose a month or a service, or ask "
            f"on the command line: explain {str(scope.reference)!r} --as-of …"
        )
    allocator = allocator_for(charges, rules)

    def parts() -> Iterator[PastPart]:
        for charge in stream_charges(charges):
            for part in allocator.parts(charge.line):
                if _belongs(part, scope):
                    yield PastPart(charge, part)

    return parts(), {rule.match.rule_id: rule for rule in rules}


def _belongs(part: Part, scope: Scope) -> bool:
    if scope.is_unallocated and part.use_case_id is not None:
        return False
    if scope.use_case_id is not None and part.use_case_id != scope.use_case_id:
        return False
    return not scope.reference.reason or part.reason == scope.reference.reason


def figure_as_of(
    scope: Scope,
    at: dt.datetime,
    *,
    most: int | None = None,
    start: int = 0,
    limit: int | None = None,
) -> PastFigure:
    """The figure as recorded at `at`, with the parts `start` to `start + limit` of it.

    Raises:
        TooManyChargesError: there are more than `most` charges to go through.
    """
    sums: dict[Kind, PastSum] = {}
    stream, rules = parts_as_of(scope, at, most=most)

    def counted() -> Iterator[PastPart]:
        for found in stream:
            kind = Kind(found.charge.currency, found.charge.basis)
            sums.setdefault(kind, PastSum(kind)).add(found.part)
            yield found

    all_parts = counted()
    stop = None if limit is None else start + limit
    shown = list(islice(all_parts, start, stop))
    for _ in all_parts:
        pass  # the sums need every part, the page only some
    ordered = sorted(sums.values(), key=lambda each: (each.kind.currency, each.kind.basis))
    return PastFigure(ordered, shown, rules)
