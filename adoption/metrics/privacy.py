"""Which values of a window are withheld, decided over all scopes at once and for nobody's query.

Whoever knows a total and all parts but one knows the part that was hidden. A total may be known
from elsewhere (another metric, a slide), so it is taken as known here. The rule, in each family of
scopes that add up to something, is:

1. A value to which fewer than k people contributed is withheld.
2. Where anything is withheld, so is at least one value to which k or more contributed: what the
   total less all shown values gives away is then never about fewer than k people. Adding up the
   contributors of several small groups would not do, because they may be the same people.
3. So two or more are withheld wherever one is, or there is nothing else in the family to take.

Which values are withheld depends on the window alone: never on filters, the range asked for, the
order or the format, so no two queries differ by a group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from adoption.metrics.registry import K_FLOOR

K_MANAGERS = 10
SMALL_GROUP = "small_group"
UNKNOWN_GROUP = "contributors_unknown"


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a window, as far as it matters for who may see it.

    Attributes:
        key: of its row, by which it is known in the answer.
        families: the totals that it is part of.
        has_value: whether there is a number at all.
        contributors: distinct people; None when nobody said.
        size: by which the smallest is found where one more must be withheld.
    """

    key: int
    families: tuple[Hashable, ...]
    has_value: bool
    contributors: int | None
    size: int


def floor_of(k: int, *, for_managers: bool) -> int:
    """Fewest contributors for this reader: 0 for what is not about people."""
    if k == 0:
        return 0
    return max(k, K_MANAGERS if for_managers else K_FLOOR)


def withheld(cells: Iterable[Cell], k: int) -> dict[int, str]:
    """The cells of one window that are not shown, with the reason code.

    Args:
        k: as of `floor_of`; 0 withholds nothing.
    """
    if k == 0:
        return {}
    found = list(cells)
    hidden: dict[int, str] = {cell.key: reason for cell in found if (reason := _too_small(cell, k))}
    members: dict[Hashable, list[Cell]] = defaultdict(list)
    for cell in found:
        for family in cell.families:
            members[family].append(cell)
    # Hiding one more in one family can uncover nothing in another, but asks for cover there.
    while added := _cover(members, hidden, k):
        hidden.update(added)
    return hidden


def _too_small(cell: Cell, k: int) -> str:
    if cell.contributors is None:
        return UNKNOWN_GROUP if cell.has_value else ""
    # Without a number there is still n, and that nobody worked is about a group as well.
    return SMALL_GROUP if cell.contributors < k else ""


def _order(cell: Cell) -> tuple[int, int, int]:
    return cell.contributors or 0, cell.size, cell.key


def _cover(members: dict[Hashable, list[Cell]], hidden: dict[int, str], k: int) -> dict[int, str]:
    """One more cell for the first family that lacks one; empty when no family does."""
    # The narrowest first: what covers a part of a total covers the total as well.
    for cells in sorted(members.values(), key=len):
        inside = [cell for cell in cells if cell.key in hidden]
        if not inside or any((cell.contributors or 0) >= k for cell in inside):
            continue
        # A cell without a number covers nothing: its part of a total is known to be nothing.
        free = [cell for cell in cells if cell.key not in hidden and cell.has_value]
        if free:
            smallest = min(free, key=_order)
            return {smallest.key: SMALL_GROUP}
    return {}
