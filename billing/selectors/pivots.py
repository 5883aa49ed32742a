"""Costs in rows and columns: of one currency and basis at a time, exact in every cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from billing.selectors.costs import CostSum, Group, Kind

MOST_COLUMNS = 12
MOST_MONTHS = 36


@dataclass(slots=True)
class PivotRow:
    """A row: amounts by key of the column, in nano-units; None where no line states one.

    `rest` is what stands in columns that are not shown, `total` everything.
    """

    key: Any
    cells: dict[Any, int | None] = field(default_factory=dict)
    rest: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Pivot:
    """`columns` are keys, in order; `hidden` is how many more stand together in the rest.

    `total` sums all rows; its key is None.
    """

    kind: Kind
    columns: list[Any]
    hidden: int
    rows: list[PivotRow]
    total: PivotRow


def largest_kind(sums: Sequence[CostSum]) -> Kind | None:
    """The currency and basis with most lines: what a page shows when nobody chose."""
    lines: dict[Kind, int] = {}
    for each in sums:
        lines[each.kind] = lines.get(each.kind, 0) + each.lines
    ordered = sorted(lines, key=lambda kind: (-lines[kind], kind.currency, kind.basis))
    return ordered[0] if ordered else None


def pivot_of(sums: Sequence[CostSum], *, kind: Kind, across: Group, measure: str) -> Pivot:
    """Lay out sums whose keys are (row, column). Months stand in order, others the largest first;
    columns beyond the most that a page shows are summed as the rest."""
    wanted = [each for each in sums if each.kind == kind]
    sizes: dict[Any, int] = {}
    for each in wanted:
        sizes[each.key[1]] = sizes.get(each.key[1], 0) + abs(each.nano(measure) or 0)
    if across == Group.MONTH:
        ordered, most = sorted(sizes), MOST_MONTHS
        columns = ordered[-most:]
    else:
        ordered = sorted(sizes, key=lambda key: (-sizes[key], key is None, str(key)))
        columns = ordered[:MOST_COLUMNS]
    shown = set(columns)
    rows: dict[Any, PivotRow] = {}
    total = PivotRow(None)
    for each in wanted:
        nano = each.nano(measure)
        for row in (rows.setdefault(each.key[0], PivotRow(each.key[0])), total):
            row.total = _plus(row.total, nano)
            if each.key[1] in shown:
                row.cells[each.key[1]] = _plus(row.cells.get(each.key[1]), nano)
            else:
                row.rest = _plus(row.rest, nano)
    return Pivot(kind, columns, len(ordered) - len(columns), list(rows.values()), total)


def _plus(known: int | None, more: int | None) -> int | None:
    if known is None or more is None:
        return more if known is None else known
    return known + more
