"""What was unallocated at an earlier moment: the charges of then, by the rules of then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from billing.choices import UnallocatedReason
from billing.selectors.as_of import parts_of_charges, past_charges
from billing.selectors.costs import CostSum, Group, Kind, SumDraft, finish_sums
from billing.selectors.past_costs import MOST_CHARGES_AS_OF, check_months
from billing.selectors.past_status import PastBook
from billing.selectors.references import UNALLOCATED, FigureReference, scope_of
from billing.selectors.unallocated import (
    MOST_CANDIDATES,
    Candidate,
    Gathering,
    largest_first,
    what_dimensions_say,
)
from portal.shell.periods import Month


@dataclass(frozen=True, slots=True)
class PastUnallocated:
    """What was unallocated in some months at a moment.

    Attributes:
        by_reason: sums by the reason, currency and basis.
        candidates: what no rule took, the largest first.
        is_cut: whether there were more of them.
        had_lines: whether any cost line of these months had been recorded.
    """

    by_reason: list[CostSum]
    candidates: list[Candidate]
    is_cut: bool
    had_lines: bool


def past_unallocated(
    *,
    fields: Sequence[str],
    first: Month,
    last: Month,
    at: dt.datetime,
    limit: int = MOST_CANDIDATES,
) -> PastUnallocated:
    """What `unallocated_candidates` and the sums by reason said at `at`. About a dozen queries.

    Raises:
        TooManyMonthsError: more months than are worked out as of a moment.
        TooManyChargesError: more charges than that.
    """
    check_months(first, last)
    scope = scope_of(FigureReference(use_case=UNALLOCATED, first=first, last=last), None)
    charges = past_charges(scope, at, most=MOST_CHARGES_AS_OF)
    book = PastBook.of(charges, at)
    said = what_dimensions_say(charges.order_by().values("dimension_id"), fields)
    gathered = [Gathering(each) for each in fields]
    reasons: dict[tuple[tuple[Any, ...], Kind], SumDraft] = {}
    parts, _ = parts_of_charges(scope, charges, at)
    for found in parts:
        part, charge = found.part, found.charge
        kind, draft = Kind(charge.currency, charge.basis), SumDraft()
        book.enter(charge, part, into=draft)
        reasons.setdefault(((part.reason,), kind), SumDraft()).absorb(draft)
        if part.reason == UnallocatedReason.NO_RULE:
            for one, own in zip(gathered, said[charge.line.dimension_id], strict=True):
                one.enter(own, kind, draft)
    candidates, is_cut = largest_first(gathered, book.around, limit=limit)
    return PastUnallocated(
        by_reason=finish_sums(reasons, by=(Group.REASON,), around=book.around),
        candidates=candidates,
        is_cut=is_cut,
        had_lines=bool(book.dimensions),
    )
