"""What an import says about itself when another source seems to bring the same money."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from billing.selectors.open_suspicions import suspicions_of_source
from portal.imports.contracts import Note
from portal.shell.periods import Month

SEEMS_DOUBLE = "seems_double"  # the code of the note


def notes_on_suspicions(connection_id: int, days: Collection[dt.date]) -> list[Note]:
    """A note for each source with which this one seems to share money on these days' months.

    Called when the roll-ups of the run are written, within its transaction. It stops nothing: that
    two bills look alike is no proof, and holding every one of them would stop honest imports.
    """
    if not days:
        return []
    first, last = Month.of(min(days)), Month.of(max(days))
    found = suspicions_of_source(connection_id, first=first, last=last)
    return [
        Note(
            SEEMS_DOUBLE,
            f"{each.other_than(connection_id).name} seems to bring the same money: {each.amount} "
            f"of {each.suspect.provider} in {each.suspect.window} ({each.suspect.why}). Sums hold "
            "it twice until finance says which source counts, or that it is different money "
            "(Costs, Overlaps).",
        )
        for each in found
    ]
