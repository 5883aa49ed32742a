"""Which stored values of a window are withheld: over all its scopes, its states and all readers.

`metrics/privacy.py` decides about one state of a window for one floor. A row of a value may stand
in several states (the value of one scope is revised, the rows of the others stay), and readers have
different floors, so three differences would be left: of two moments, of two people, and of both.
The rules here close them:

1. A row that is withheld in any state in which it stood is withheld in all of them. Otherwise a
   moment at which it was shown would uncover the small group that it covered at another.
2. Who sees larger groups only sees nothing that the others do not. Otherwise what one of them sees
   would uncover what covered a small group for the other.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from adoption.metrics.privacy import Cell, floor_of, withheld
from adoption.models import MetricVersion

_HOUSE: tuple[Hashable, ...] = ("house",)


@dataclass(frozen=True, slots=True)
class StoredRow:
    """What of a stored value matters for who may see it.

    Attributes:
        contributors: distinct people; None when nobody said.
        computed_at, superseded_at: since when and until when (exclusive) it stood; None: it stands.
    """

    pk: int
    scope: tuple[str, int]
    window: tuple[dt.date, dt.date]
    has_value: bool
    contributors: int | None
    size: int
    computed_at: dt.datetime
    superseded_at: dt.datetime | None

    def stood_at(self, moment: dt.datetime) -> bool:
        return self.computed_at <= moment and (
            self.superseded_at is None or moment < self.superseded_at
        )


def smallest_group(version: MetricVersion, *, for_managers: bool) -> int:
    """Fewest contributors of a version for such a reader; 0 for what is not about people.

    As the stored definition says; what says nothing is held to be about people.
    """
    k = int(version.definition.get("catalogue", {}).get("k", 5))
    return floor_of(k, for_managers=for_managers)


def floors_for(version: MetricVersion, *, for_managers: bool) -> tuple[int, ...]:
    """The floors that hold for such a reader: rule 2 adds those of everybody else."""
    floors = {smallest_group(version, for_managers=each) for each in {False, for_managers}}
    return tuple(sorted(floors - {0}))


def withheld_rows(
    rows: Iterable[StoredRow],
    floors: Sequence[int],
    families: Mapping[tuple[str, int], tuple[Hashable, ...]],
) -> dict[int, str]:
    """The rows that are not shown, with the reason code.

    Args:
        rows: every row of the windows, of all scopes and states.
        floors: as of `floors_for`; none withholds nothing.
        families: of each scope, the totals that it is part of; the house for one that is gone.
    """
    windows: dict[tuple[dt.date, dt.date], list[StoredRow]] = defaultdict(list)
    for row in rows:
        windows[row.window].append(row)
    found: dict[int, str] = {}
    for held in windows.values() if floors else ():
        cells = {row.pk: _cell(row, families.get(row.scope, _HOUSE)) for row in held}
        if not withheld(cells.values(), floors[-1]):
            continue  # no group was ever small
        for moment in sorted({row.computed_at for row in held}):
            state = [cells[row.pk] for row in held if row.stood_at(moment)]
            for floor in floors:
                found |= withheld(state, floor)
    return found


def _cell(row: StoredRow, families: tuple[Hashable, ...]) -> Cell:
    return Cell(
        key=row.pk,
        families=families,
        has_value=row.has_value,
        contributors=row.contributors,
        size=row.size,
    )
