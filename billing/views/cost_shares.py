"""What share of a sum has found its use case, and what share nobody bears."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.urls import reverse

from billing.choices import UnallocatedReason
from billing.selectors.costs import CostSum
from billing.selectors.coverage import NO_SHARE, Coverage
from billing.selectors.figures import status_of
from billing.selectors.references import UNALLOCATED, FigureReference
from portal.shell.figures import Figure, FigureKind, share_of
from portal.shell.formats import nano_money_text


def coverage_figures(
    total: CostSum, found: Coverage | None, reference: FigureReference, *, now: dt.datetime
) -> list[Figure]:
    """Metric 20: allocated of effective cost, and apart the commitments that nobody used."""
    if found is None or found.share is None:
        return [Figure.missing("Allocation coverage", found.why_not if found else NO_SHARE)]
    facts: dict[str, Any] = {
        "kind": FigureKind.SHARE,
        "status": status_of(total, now=now),
        "definition_url": reverse("cost-definitions"),
    }
    unknown = f"without {found.unknown} lines that state none" if found.unknown else ""
    figures = [
        Figure(label="Allocation coverage", value=found.share,
               note=unknown or "of effective cost", **facts)
    ]  # fmt: skip
    if found.unused_nano:
        where = reference.with_(
            use_case=UNALLOCATED, reason=UnallocatedReason.UNUSED_COMMITMENT,
            currency=total.kind.currency, basis=total.kind.basis, measure="effective",
        )  # fmt: skip
        amount = nano_money_text(found.unused_nano, total.kind.currency)
        figures.append(
            Figure(label="Unused commitment", value=found.unused_share,
                   note=f"{amount} effective", lineage_url=where.lineage_url, **facts)
        )  # fmt: skip
    return figures


def unallocated_figure(
    total: CostSum, found: CostSum | None, reference: FigureReference, *, now: dt.datetime
) -> Figure:
    """The share of what was billed that no use case bears, linked to what it is."""
    nano = found.billed_nano if found else 0
    share = share_of(nano, total.billed_nano)
    if share is None or not 0 <= share <= 1:
        return Figure.missing("Unallocated", "credits outweigh charges: a share says nothing")
    kind = total.kind
    where = reference.with_(use_case=UNALLOCATED, currency=kind.currency, basis=kind.basis)
    return Figure(
        label="Unallocated",
        value=share,
        kind=FigureKind.SHARE,
        status=status_of(total, now=now),
        note=f"{nano_money_text(nano, kind.currency)} billed",
        lineage_url=f"{where.explorer_url}&group=service",
    )
