"""Sums of money as figures: label, basis, status, freshness, coverage, lineage."""

from __future__ import annotations

import datetime as dt

from billing.choices import CostBasis, Finality
from billing.selectors.costs import CostSum
from billing.selectors.finality import STALE_AFTER
from billing.selectors.references import FigureReference
from portal.shell.figures import Figure
from portal.shell.formats import number_text
from portal.shell.statuses import FigureStatus

MEASURE_LABELS = {"billed": "Billed", "effective": "Effective"}
NO_EFFECTIVE = "no line states an effective cost"
_GUESSED = (CostBasis.ESTIMATED, CostBasis.DERIVED)
_STATUSES = {
    Finality.OPEN: FigureStatus.PROVISIONAL,
    Finality.PROVISIONAL: FigureStatus.PROVISIONAL,
    Finality.RESTATED: FigureStatus.RESTATED,
    Finality.FINAL: FigureStatus.FINAL,
    Finality.CLOSED: FigureStatus.CLOSED,
}


def status_of(found: CostSum, *, now: dt.datetime) -> FigureStatus:
    """The status of a sum as known at `now`, in the one word that pages, files and API say.

    A running month whose data is old is stale, else provisional; a guess is estimated until a
    close confirms it. `billing.vocabularies.COST_STATUSES` lists and explains every word.
    """
    if found.finality == Finality.OPEN and (
        found.as_of is not None and now - found.as_of > STALE_AFTER
    ):
        return FigureStatus.STALE
    if found.kind.basis in _GUESSED and found.finality != Finality.CLOSED:
        return FigureStatus.ESTIMATED
    return _STATUSES[found.finality]


def word_of(finality: Finality) -> FigureStatus:
    """The word of what a document states or a close froze: no basis and no import is in it."""
    return _STATUSES[finality]


def coverage_note(found: CostSum, measure: str) -> str:
    """What must be said beside the sum; empty when nothing must."""
    notes = []
    if measure == "effective" and found.effective_unknown:
        notes.append(f"without {number_text(found.effective_unknown)} lines that state none")
    if found.finality == Finality.OPEN:
        notes.append("the month is still open")
    return ", ".join(notes)


def cost_figure(
    found: CostSum,
    reference: FigureReference,
    *,
    label: str = "",
    now: dt.datetime,
    window: str | None = None,
) -> Figure:
    """The figure of `reference.measure`, limited to the kind of `found` in its lineage link."""
    measure = reference.measure
    nano = found.nano(measure)
    text = label or MEASURE_LABELS[measure]
    if nano is None:
        return Figure.missing(text, NO_EFFECTIVE)
    kind = found.kind
    precise = reference.with_(currency=kind.currency, basis=kind.basis)
    return Figure.money(
        text,
        nano,
        kind.currency,
        status=status_of(found, now=now),
        basis=kind.basis_label,
        window=reference.window_text if window is None else window,
        as_of=found.as_of,
        note=coverage_note(found, measure),
        lineage_url=precise.lineage_url,
    )
