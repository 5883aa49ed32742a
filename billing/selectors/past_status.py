"""How settled cost lines were at an earlier moment, from what is kept of each change.

The roll-up tells it of now. Everything that it goes by carries the moment at which it happened:
restatements, closes, what moved after a close, and the versions of the lines themselves.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from billing.allocation.sharing import Part
from billing.models import Charge, ChargeDimension, ChargeSlice, ClosedPart, Restatement
from billing.selectors.costs import SumDraft, Surroundings
from billing.selectors.freshness import last_applied_runs
from billing.selectors.sums import MonthOf
from billing.selectors.trials import TrialCharge, recorded_at

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


class _Invoiced(NamedTuple):
    """What a close freezes together: the lines of one slice and invoice."""

    slice_id: int
    issuer: str
    provider: str
    invoice_id: str


class _Close(NamedTuple):
    closed_at: dt.datetime
    has_moved: bool


@dataclass(frozen=True, slots=True)
class PastSlices:
    """What had happened to some slices by a moment."""

    restated: Mapping[int, dt.datetime]
    changed: Mapping[int, dt.datetime]
    closed: Mapping[_Invoiced, _Close]

    def changed_at(self, slice_id: int) -> dt.datetime | None:
        """When it had been written last."""
        return self.changed.get(slice_id)

    def settled(
        self, slice_id: int, *, issuer: str, provider: str, invoice_id: str
    ) -> tuple[bool, bool]:
        """Whether a line of it was restated, and whether it was closed."""
        close = self.closed.get(_Invoiced(slice_id, issuer, provider, invoice_id))
        newest = self.restated.get(slice_id)
        if close is None:
            return newest is not None, False
        is_later = newest is not None and newest > close.closed_at
        return close.has_moved or is_later, True


def slices_recorded_at(charges: QuerySet[Charge], at: dt.datetime) -> PastSlices:
    """What had happened by `at` to the slices of these charges. Four queries."""
    slices = charges.order_by().values("slice_id")
    restated = (
        Restatement.objects.filter(slice_id__in=slices, restated_at__lte=at)
        .order_by()
        .values_list("slice_id")
        .annotate(newest=Max("restated_at"))
    )
    parts = ClosedPart.objects.filter(slice_id__in=slices, closed_at__lte=at).values_list(
        "slice_id", "invoice_issuer", "provider", "invoice_id", "closed_at", "moved_at"
    )
    return PastSlices(
        restated=dict(restated),
        changed=_changes(slices, at),
        closed={
            _Invoiced(slice_id, issuer, provider, invoice): _Close(
                closed, moved is not None and moved <= at
            )
            for slice_id, issuer, provider, invoice, closed, moved in parts
        },
    )


def _changes(slices: QuerySet[Charge, Any], at: dt.datetime) -> dict[int, dt.datetime]:
    """When each slice had been written last. A slice that was written again since says only when
    that was, so the versions of its lines are asked."""
    rows = ChargeSlice.objects.filter(pk__in=slices)
    found = dict(rows.filter(changed_at__lte=at).values_list("pk", "changed_at"))
    later = rows.filter(changed_at__gt=at).values("pk")
    moments = (
        Charge.objects.filter(slice_id__in=later, recorded_at__lte=at)
        .order_by()
        .values_list("slice_id")
        .annotate(
            written=Max("recorded_at"),
            withdrawn=Max("superseded_at", filter=Q(superseded_at__lte=at)),
        )
    )
    for slice_id, written, withdrawn in moments:
        found[slice_id] = written if withdrawn is None else max(written, withdrawn)
    return found


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
    slices: PastSlices
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
        line = charge.line
        dimension = self.dimensions[line.dimension_id]
        is_restated, is_closed = self.slices.settled(
            charge.slice_id,
            issuer=dimension.invoice_issuer,
            provider=dimension.provider,
            invoice_id=dimension.invoice_id,
        )
        into.lines += 1
        into.billed += part.billed
        into.effective += part.effective or 0
        into.unknown += part.effective is None
        into.uninvoiced += not dimension.invoice_id
        into.restated += is_restated
        into.closed += is_closed
        into.newest_day = max(into.newest_day, line.day)
        into.connections.add(line.connection_id)
        changed = self.slices.changed_at(charge.slice_id)
        if changed is not None and (into.changed_at is None or changed > into.changed_at):
            into.changed_at = changed
