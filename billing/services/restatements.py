"""Writing down what a source revised."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from billing.models import Restatement
from portal.models import ImportRun

if TYPE_CHECKING:
    from billing.services.staged_slices import StagedSlice


def record_restatements(
    *, run: ImportRun, slices: Sequence[StagedSlice], at: datetime
) -> list[Restatement]:
    """One restatement for each slice that had been imported before and now differs.

    Call it before the stored slices are rewritten: they still hold the old sums.
    """
    rows: list[Restatement] = []
    for part in slices:
        stored = part.stored
        if stored is None:
            continue
        rows.append(
            Restatement(
                slice=stored,
                run=run,
                day=stored.day,
                currency=stored.currency,
                old_billed_nano=stored.billed_nano,
                new_billed_nano=part.billed,
                old_effective_nano=stored.effective_nano,
                new_effective_nano=part.effective,
                rows_inserted=part.inserted,
                rows_updated=part.updated,
                rows_superseded=part.superseded,
                reason=_reason(part),
                restated_at=at,
            )
        )
    return Restatement.objects.bulk_create(rows, batch_size=500)


def _reason(part: StagedSlice) -> str:
    said = [
        f"{count} {word}"
        for count, word in (
            (part.updated, "changed"),
            (part.inserted, "added"),
            (part.superseded, "withdrawn"),
        )
        if count
    ]
    return f"The source now sends other rows: {', '.join(said) or 'the same amounts'}."
