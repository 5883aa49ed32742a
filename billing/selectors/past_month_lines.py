"""The lines of a billing month at an earlier moment, in the groups that reconciling looks at.

The lines of then are allocated by the rules of then, as `as_of.py` does for a figure. It reads
lines and not sums, so it is bounded.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db.models import Max, QuerySet

from billing.allocation.sharing import Part
from billing.allocation.trial import TrialRule
from billing.models import Charge, ChargeSlice, Restatement
from billing.selectors.as_of import TooManyChargesError
from billing.selectors.costs import SumDraft
from billing.selectors.line_status import LineBook
from billing.selectors.month_lines import (
    Destination,
    LineGroup,
    LineKey,
    MonthLines,
    Place,
    of_month,
)
from billing.selectors.past_status import PastBook
from billing.selectors.trials import (
    TrialCharge,
    allocator_for,
    recorded_at,
    rules_recorded_at,
    stream_charges,
)
from portal.shell.periods import Month

_CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class PastLines:
    """Lines of a billing month as they were, and the facts of them by key and place."""

    lines: MonthLines
    book: LineBook
    drafts: Mapping[LineKey, Mapping[Destination, SumDraft]]


def past_charges_of_month(month: Month, at: dt.datetime, *, most: int | None) -> QuerySet[Charge]:
    """The cost lines of a billing month as they were recorded at `at`.

    Args:
        most: how many there may be; None for any number.

    Raises:
        TooManyChargesError: there are more.
    """
    charges = Charge.objects.filter(of_month(month, "slice__"), recorded_at(at))
    if most is not None and charges.order_by()[: most + 1].count() > most:
        raise TooManyChargesError(
            f"More than {most:,} charges lie in {month.label}. The month is not worked out as of "
            "a moment here; for one invoice ask on the command line: explain 'invoice:NUMBER' "
            "--as-of …"
        )
    return charges


def past_month_lines(month: Month, at: dt.datetime, *, most: int | None) -> PastLines:
    """What `month_lines` said at `at`. About fifteen queries.

    Its digests of content are empty: they are for asking for a close, which is of now.

    Raises:
        TooManyChargesError: there are more than `most` charges to go through.
    """
    charges = past_charges_of_month(month, at, most=most)
    book = PastBook.of(charges, at)
    reading = _Reading(book, _origins(month))
    rules = rules_recorded_at(at)
    allocator = allocator_for(charges, rules, at=at)
    by_number = {rule.match.rule_id: rule for rule in rules}
    for charge in stream_charges(charges):
        reading.enter(charge, allocator.parts(charge.line), by_number)
    groups = [reading.groups[key] for key in sorted(reading.groups)]
    revised = _revised(month, at)
    return PastLines(MonthLines(month, groups, revised, {}), book.line_book(), reading.drafts)


def destination_of(part: Part, cost_center: str, rules: Mapping[int, TrialRule]) -> Destination:
    """Where a part of a line went."""
    rule = None if part.rule_id is None else rules[part.rule_id]
    return Destination(
        part.use_case_id,
        cost_center,
        part.reason,
        rule.key if rule else "",
        rule.version if rule else None,
    )


class _Origin(NamedTuple):
    connection_id: int
    source: str
    account: str


def _origins(month: Month) -> dict[int, _Origin]:
    rows = ChargeSlice.objects.filter(of_month(month)).order_by()
    columns = ("pk", "connection_id", "connection__source", "billing_account_id")
    found = rows.values_list(*columns).iterator(chunk_size=_CHUNK)
    return {pk: _Origin(*rest) for pk, *rest in found}


@dataclass(slots=True)
class _Reading:
    """The groups of a month while its lines go by."""

    book: PastBook
    origins: Mapping[int, _Origin]
    groups: dict[LineKey, LineGroup] = field(default_factory=dict)
    drafts: dict[LineKey, dict[Destination, SumDraft]] = field(default_factory=dict)

    def enter(self, charge: TrialCharge, parts: list[Part], rules: Mapping[int, TrialRule]) -> None:
        """A line, and where its parts went."""
        line, said = charge.line, self.book.dimensions[charge.line.dimension_id]
        origin = self.origins[charge.slice_id]
        key = LineKey(
            origin.connection_id, origin.source, said.invoice_issuer, said.provider,
            said.invoice_id, origin.account, charge.currency, charge.basis, said.charge_category,
        )  # fmt: skip
        group = self.groups.setdefault(key, LineGroup(key, 0, 0, 0, 0))
        group.lines += 1
        group.billed_nano += line.billed
        group.effective_nano += line.effective or 0
        group.effective_lines += line.effective is not None
        drafts = self.drafts.setdefault(key, {})
        for part in parts:
            place = destination_of(part, said.cost_center, rules)
            group.went_to[place] = group.went_to.get(place, 0) + part.billed
            self.book.enter(charge, part, into=drafts.setdefault(place, SumDraft()))


def _revised(month: Month, at: dt.datetime) -> dict[Place, dt.datetime]:
    """By place, its newest revision until then."""
    rows = Restatement.objects.filter(of_month(month, "slice__"), restated_at__lte=at).order_by()
    newest = rows.values_list(
        "slice__connection_id", "slice__billing_account_id", "slice__currency"
    ).annotate(newest=Max("restated_at"))
    return {Place(*row[:3]): row[3] for row in newest}
