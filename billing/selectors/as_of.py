"""What a figure was at an earlier moment: charges and rules as they were recorded then.

The charges of that moment are allocated anew by the rules of that moment, so the answer does not
depend on what has happened to either since.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from django.db.models import QuerySet

from billing.allocation.sharing import Part
from billing.allocation.trial import TrialRule
from billing.choices import UnallocatedReason
from billing.models import Charge
from billing.selectors.costs import CostSum, Kind, SumDraft, finish_sums
from billing.selectors.past_status import PastBook
from billing.selectors.references import Scope
from billing.selectors.trials import (
    TrialCharge,
    allocator_for,
    charges_in,
    rules_recorded_at,
    stream_charges,
)
from portal.shell.statuses import FigureStatus


class TooManyChargesError(ValueError):
    """More charges than a page may go through; the message says what to do instead."""


class PastPart(NamedTuple):
    """A part of a charge, as it was."""

    charge: TrialCharge
    part: Part


class PartPlace(NamedTuple):
    """Where a part stands in its figure: day, charge, and which part of it."""

    day: dt.date
    charge: int
    part: int


@dataclass(slots=True)
class PartPage:
    """The parts to keep while all go by: the first ones, or those next to a place.

    Attributes:
        limit: how many at most; None for all.
        start: how many to leave out first.
        after, before: only those behind this place; the last ones ahead of that.
        kept: what was kept, each with its place.
        has_more: whether there are more on the side that the page goes to.
    """

    limit: int | None
    start: int = 0
    after: PartPlace | None = None
    before: PartPlace | None = None
    kept: deque[tuple[PartPlace, PastPart]] = field(default_factory=deque)
    has_more: bool = False

    def see(self, place: PartPlace, found: PastPart) -> None:
        """The next part, in order."""
        if self.after is not None and place <= self.after:
            return
        if self.before is not None and place >= self.before:
            return
        if self.start:
            self.start -= 1
            return
        if self.limit is not None and len(self.kept) >= self.limit:
            self.has_more = True
            if self.before is None:
                return
            self.kept.popleft()
        self.kept.append((place, found))


@dataclass(frozen=True, slots=True)
class PastFigure:
    """A figure as it was: its sums, and the parts that were asked for with the status of each."""

    sums: list[CostSum]
    parts: list[PastPart]
    rules: dict[int, TrialRule]
    statuses: list[FigureStatus]


def parts_as_of(
    scope: Scope, at: dt.datetime, *, most: int | None = None
) -> tuple[Iterator[PastPart], dict[int, TrialRule]]:
    """Every part of the figure as recorded at `at`, by day and charge, and the rules of then.

    Raises:
        TooManyChargesError: there are more than `most` charges to go through.
    """
    return parts_of_charges(scope, past_charges(scope, at, most=most), at)


def past_charges(
    scope: Scope,
    at: dt.datetime,
    *,
    most: int | None,
    start: dt.date | None = None,
    end: dt.date | None = None,
) -> QuerySet[Charge]:
    """The charges that a figure has to go through, as they were recorded at `at`.

    Args:
        most: how many there may be; None for any number.
        start, end: only days from `start` up to, not including, `end`, within the figure's months.

    Raises:
        TooManyChargesError: there are more than `most`.
    """
    charges = charges_in(scope, at=at)
    if start is not None:
        charges = charges.filter(day__gte=start)
    if end is not None:
        charges = charges.filter(day__lt=end)
    if most is not None and charges.order_by()[: most + 1].count() > most:
        raise TooManyChargesError(
            f"More than {most:,} charges lie in this window; choose a month or a service, or ask "
            f"on the command line: explain {str(scope.reference)!r} --as-of …"
        )
    return charges


def parts_of_charges(
    scope: Scope, charges: QuerySet[Charge], at: dt.datetime
) -> tuple[Iterator[PastPart], dict[int, TrialRule]]:
    """The parts that belong to the figure, of charges recorded at `at`, by the rules of then."""
    rules = rules_recorded_at(at)
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
    page: PartPage | None = None,
) -> PastFigure:
    """The figure as recorded at `at`, with the parts that `page` keeps; all of them without one.

    Raises:
        TooManyChargesError: there are more than `most` charges to go through.
    """
    charges = past_charges(scope, at, most=most)
    stream, rules = parts_of_charges(scope, charges, at)
    book = PastBook.of(charges, at)
    drafts: dict[tuple[tuple[Any, ...], Kind], SumDraft] = {}
    wanted = page or PartPage(None)
    place = PartPlace(dt.date.min, 0, 0)
    for found in stream:  # the sums need every part, the page only some
        charge = found.charge
        kind = Kind(charge.currency, charge.basis)
        book.enter(charge, found.part, into=drafts.setdefault(((), kind), SumDraft()))
        number = place.part + 1 if charge.pk == place.charge else 0
        place = PartPlace(charge.line.day, charge.pk, number)
        wanted.see(place, found)
    # As now: what was taken back whole is no part of a day that still has lines.
    around = replace(book.around, withdrawn=()) if scope.reference.day else book.around
    sums = finish_sums(drafts, by=(), around=around)
    parts = [found for _, found in wanted.kept]
    statuses = book.statuses_of(found.charge for found in parts)
    return PastFigure(sums, parts, rules, statuses)


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
