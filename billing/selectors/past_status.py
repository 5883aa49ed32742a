"""How settled cost lines were at an earlier moment, from what is kept of each change.

The roll-up tells it of now. Everything that it goes by carries the moment at which it happened:
restatements, closes, what moved after a close, and the versions of the lines themselves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from django.db.models import Exists, F, OuterRef, QuerySet

from billing.allocation.sharing import Part
from billing.models import Charge, ChargeDimension, ChargeSlice, Restatement
from billing.selectors.costs import SumDraft, Surroundings
from billing.selectors.freshness import last_applied_runs
from billing.selectors.line_status import LineBook, LineFacts, SliceFacts, slice_facts
from billing.selectors.sums import MonthOf
from billing.selectors.trials import TrialCharge, recorded_at
from portal.shell.statuses import FigureStatus

_CHUNK = 5_000


class PastDimension(NamedTuple):
    """What a cost line is summed by, and the invoice that it stands on."""

    provider: str
    service_name: str
    model: str
    cost_center: str
    charge_category: str
    invoice_issuer: str
    invoice_id: str


def slices_recorded_at(charges: QuerySet[Charge], at: dt.datetime) -> SliceFacts:
    """What had happened by `at` to the slices of these charges. Four queries."""
    ids = charges.order_by().values("slice_id")
    return slice_facts(ChargeSlice.objects.filter(pk__in=ids), until=at)


def surroundings_at(at: dt.datetime) -> Surroundings:
    """What else decides about a sum: taken-back slices and the imports until then. Two queries."""
    live = Charge.objects.filter(recorded_at(at), slice_id=OuterRef("slice_id"))
    withdrawn = (
        Restatement.objects.filter(~Exists(live), restated_at__lte=at)
        .order_by()
        .annotate(month=MonthOf(F("day")))
        .values_list("slice__connection_id", "month")
        .distinct()
    )
    return Surroundings(set(withdrawn), last_applied_runs(until=at), at)


@dataclass(frozen=True, slots=True)
class PastBook:
    """What is needed to sum parts of charges as they were at a moment, status and all."""

    dimensions: Mapping[int, PastDimension]
    slices: SliceFacts
    around: Surroundings

    @classmethod
    def of(cls, charges: QuerySet[Charge], at: dt.datetime) -> Self:
        """The book for these charges, all of them recorded at `at`. Seven queries."""
        numbers = charges.order_by().values("dimension_id")
        rows = ChargeDimension.objects.filter(pk__in=numbers).order_by()
        found = rows.values_list("pk", *PastDimension._fields).iterator(chunk_size=_CHUNK)
        return cls(
            dimensions={pk: PastDimension(*rest) for pk, *rest in found},
            slices=slices_recorded_at(charges, at),
            around=surroundings_at(at),
        )

    def enter(self, charge: TrialCharge, part: Part, *, into: SumDraft) -> None:
        """Add a part of a charge to a sum."""
        self.slices.enter(self.facts_of(charge), into=into)
        into.billed += part.billed
        into.effective += part.effective or 0
        into.unknown += part.effective is None

    def facts_of(self, charge: TrialCharge) -> LineFacts:
        """What the status of a charge, or of a part of it, goes by."""
        said = self.dimensions[charge.line.dimension_id]
        return LineFacts(
            charge.slice_id, said.invoice_issuer, said.provider, said.invoice_id, charge.line.day
        )

    def statuses_of(self, charges: Iterable[TrialCharge]) -> list[FigureStatus]:
        """The status of each charge, or of a part of it, as it was."""
        return self.line_book().statuses_of_lines(
            (self.facts_of(each), each.basis) for each in charges
        )

    def line_book(self) -> LineBook:
        """The book for single lines: what was taken back beside one is no part of it."""
        return LineBook(self.slices, replace(self.around, withdrawn=()))
