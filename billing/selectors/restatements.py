"""What sources revised: old, new and why; and what has become of the new amount."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db.models import F, QuerySet

from billing.models import Charge, ClosedPart, Restatement
from billing.policies import may_see_costs
from portal.policies import AnyUser
from portal.shell.statuses import FigureStatus


def restatements_visible_to(user: AnyUser) -> QuerySet[Restatement]:
    """Every restatement, with `moved_nano`: by how much the billed sum of its day moved."""
    if not may_see_costs(user):
        return Restatement.objects.none()
    return Restatement.objects.annotate(
        moved_nano=F("new_billed_nano") - F("old_billed_nano"),
        moved_effective_nano=F("new_effective_nano") - F("old_effective_nano"),
    )


class _Invoiced(NamedTuple):
    """What a close freezes together within a slice."""

    issuer: str
    provider: str
    invoice_id: str


class _Lines(NamedTuple):
    """Lines of a slice that stand on one invoice and came and went together."""

    invoiced: _Invoiced
    recorded_at: dt.datetime
    superseded_at: dt.datetime | None

    def were_live(self, at: dt.datetime) -> bool:
        return self.recorded_at <= at and (self.superseded_at is None or self.superseded_at > at)


def new_amount_statuses(
    rows: Collection[Mapping[str, Any]], *, at: dt.datetime | None = None
) -> list[FigureStatus]:
    """How settled the new amounts of restatements are (at a moment: were), in their order.

    *Closed* when closes have taken in all of its lines before the source revised the slice again;
    else *restated*. A query, and two more where anything of these slices is closed.

    Args:
        rows: each with `slice_id` and `restated_at`.
    """
    parts = _parts({row["slice_id"] for row in rows}, at)
    if not parts:
        return [FigureStatus.RESTATED] * len(rows)
    revisions, lines = _revisions(parts), _lines(parts)
    return [
        FigureStatus.CLOSED
        if _is_closed(
            row["restated_at"],
            parts.get(row["slice_id"], {}),
            revisions.get(row["slice_id"], ()),
            lines.get(row["slice_id"], ()),
        )
        else FigureStatus.RESTATED
        for row in rows
    ]


def _is_closed(
    restated_at: dt.datetime,
    parts: Mapping[_Invoiced, dt.datetime],
    revisions: Sequence[dt.datetime],
    lines: Iterable[_Lines],
) -> bool:
    following = min((each for each in revisions if each > restated_at), default=None)
    closes = [parts.get(each.invoiced) for each in lines if each.were_live(restated_at)]
    return bool(closes) and all(
        closed_at is not None
        and closed_at >= restated_at
        and (following is None or closed_at < following)
        for closed_at in closes
    )


def _parts(
    slices: Collection[int], at: dt.datetime | None
) -> dict[int, dict[_Invoiced, dt.datetime]]:
    """By slice, what was closed of it and when."""
    rows = ClosedPart.objects.filter(slice_id__in=slices)
    if at is not None:
        rows = rows.filter(closed_at__lte=at)
    found: dict[int, dict[_Invoiced, dt.datetime]] = defaultdict(dict)
    for slice_id, *invoiced, closed_at in rows.values_list(
        "slice_id", "invoice_issuer", "provider", "invoice_id", "closed_at"
    ):
        found[slice_id][_Invoiced(*invoiced)] = closed_at
    return found


def _revisions(slices: Collection[int]) -> dict[int, list[dt.datetime]]:
    found: dict[int, list[dt.datetime]] = defaultdict(list)
    rows = Restatement.objects.filter(slice_id__in=slices).order_by()
    for slice_id, restated_at in rows.values_list("slice_id", "restated_at"):
        found[slice_id].append(restated_at)
    return found


def _lines(slices: Collection[int]) -> dict[int, list[_Lines]]:
    found: dict[int, list[_Lines]] = defaultdict(list)
    rows = Charge.objects.filter(slice_id__in=slices).order_by().values_list(
        "slice_id", "dimension__invoice_issuer", "dimension__provider", "dimension__invoice_id",
        "recorded_at", "superseded_at",
    )  # fmt: skip
    for slice_id, issuer, provider, invoice_id, recorded_at, superseded_at in rows.distinct():
        lines = _Lines(_Invoiced(issuer, provider, invoice_id), recorded_at, superseded_at)
        found[slice_id].append(lines)
    return found
