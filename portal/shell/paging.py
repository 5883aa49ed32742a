"""Pages of a long list at a bounded price.

Counting and skipping grow with the list, so both are bounded: a count stops at `COUNT_BOUND`, pages
beyond it are not offered, and the last page is read from the other end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from portal.shell.formats import number_text

COUNT_BOUND = 10_000
LAST = "last"
Record = Mapping[str, Any]
Source = QuerySet[Any, Any] | Sequence[Record]


@dataclass(frozen=True, slots=True)
class PageOfRecords:
    """One page.

    Attributes:
        records: its rows.
        number: from 1; 0 for a last page that was read from the other end.
        size: rows a page.
        count: rows in all, at most `COUNT_BOUND`; more when `is_bounded`.
        is_bounded: there are more rows than were counted.
    """

    records: Sequence[Record]
    number: int
    size: int
    count: int
    is_bounded: bool

    @property
    def last_number(self) -> int:
        """The last page that can be reached by its number; at least 1."""
        return max(1, -(-self.count // self.size))

    @property
    def has_next(self) -> bool:
        return 0 < self.number < self.last_number

    @property
    def count_text(self) -> str:
        """`1,240` or `10,000+`."""
        return number_text(self.count) + ("+" if self.is_bounded else "")

    @property
    def range_text(self) -> str:
        """`26–50 of 1,240`, in words where the numbers are not known."""
        if not self.records:
            return "0"
        if self.number == 0:
            return f"the last {len(self.records)} of {self.count_text}"
        first = (self.number - 1) * self.size + 1
        last = first + len(self.records) - 1
        return f"{number_text(first)}\N{EN DASH}{number_text(last)} of {self.count_text}"

    @property
    def numbers(self) -> list[int]:
        """Page numbers to offer: the first, those around this one, the last; 0 marks a gap."""
        near = {1, self.last_number, *range(self.number - 1, self.number + 2)}
        shown = sorted(n for n in near if 1 <= n <= self.last_number)
        filled: list[int] = []
        for number in shown:
            if filled and number - filled[-1] > 1:
                filled.append(0)
            filled.append(number)
        return filled


def bounded_count(source: Source, *, by: str = "pk") -> tuple[int, bool]:
    """How many rows there are, counting no further than the bound; and whether there are more.

    Args:
        by: the column that is read to count; one of an index lets that index answer alone.
    """
    if isinstance(source, QuerySet):
        plain = source.order_by()
        if plain.query.group_by is None and not plain.query.distinct:
            plain = plain.values(by)  # without the columns and annotations of the page
        found = plain[: COUNT_BOUND + 1].count()
        return min(found, COUNT_BOUND), found > COUNT_BOUND
    return len(source), False


def read_page(source: Source, asked: str, size: int, *, count_by: str = "pk") -> PageOfRecords:
    """The page `asked` for (a number or `last`), or the nearest one that exists.

    `source` must be ordered by something unique, or rows may repeat between pages.
    """
    count, is_bounded = bounded_count(source, by=count_by)
    if asked == LAST and is_bounded and isinstance(source, QuerySet):
        rows = list(source.reverse()[:size])
        return PageOfRecords(rows[::-1], 0, size, count, is_bounded)
    last = max(1, -(-count // size))
    wanted = last if asked == LAST else int(asked) if asked.isdecimal() and len(asked) < 9 else 1
    number = min(max(wanted, 1), last)
    start = (number - 1) * size
    return PageOfRecords(list(source[start : start + size]), number, size, count, is_bounded)
