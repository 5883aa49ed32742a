"""What a figure was at an earlier moment: charges and rules as they were recorded then.

The charges of that moment are allocated anew by the rules of that moment, so the answer does not
depend on what has happened to either since.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from billing.allocation.sharing import Part
from billing.allocation.trial import TrialRule
from billing.choices import UnallocatedReason
from billing.models import Charge
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
    allocator = allocator_for(charges, rules, at=at)

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
    if scope.reference.team and part.use_case_id not in scope.team_use_cases:
        return False
    if scope.reference.reason:
        return part.reason == scope.reference.reason
    return part.reason != UnallocatedReason.NOT_COUNTED


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


def past_lines(past: PastFigure) -> list[dict[str, object]]:
    """The parts of a past figure as rows of the same shape as `lineage.lines_of`. One query."""
    numbers = {found.charge.pk for found in past.parts}
    details = {
        row["pk"]: row
        for row in Charge.objects.filter(pk__in=numbers).values(
            "pk",
            "line",
            "run_id",
            "file__name",
            "dimension__service_name",
            "dimension__provider",
            "dimension__sub_account_name",
            "dimension__charge_description",
        )
    }
    return [_past_line(found, details[found.charge.pk], past.rules) for found in past.parts]


def _past_line(
    found: PastPart, detail: Mapping[str, object], rules: Mapping[int, TrialRule]
) -> dict[str, object]:
    charge, part = found
    return {
        "charge_number": charge.pk,
        "day": charge.line.day,
        "use_case_id": part.use_case_id,
        "billed_nano": part.billed,
        "effective_nano": part.effective,
        "unallocated_reason": part.reason,
        "service": detail["dimension__service_name"],
        "provider": detail["dimension__provider"],
        "sub_account": detail["dimension__sub_account_name"],
        "description": detail["dimension__charge_description"],
        "currency": charge.currency,
        "basis": charge.basis,
        "charge_billed": charge.line.billed,
        "line": detail["line"],
        "file_name": detail["file__name"],
        "run": detail["run_id"],
        **_past_rule(rules.get(part.rule_id) if part.rule_id else None),
    }


def _past_rule(rule: TrialRule | None) -> dict[str, object]:
    if rule is None:
        return {"rule_name": None, "rule_key": None, "rule_version": None}
    return {"rule_name": rule.name, "rule_key": rule.key, "rule_version": rule.version}
