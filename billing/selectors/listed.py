"""Which lines of a figure an explanation lists: the first ones, or one page of many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.db.models import QuerySet

from billing.selectors.as_of import PartPage


class Listed(Protocol):
    """Picks the lines to list. One object serves one explanation."""

    def of_rows(self, rows: QuerySet[Any, Any], ordering: Sequence[str]) -> list[dict[str, Any]]:
        """Those of lines that the database has, in this order."""

    def of_parts(self) -> PartPage:
        """What keeps those of lines that are worked out as of a moment."""


@dataclass(frozen=True, slots=True)
class FirstLines:
    """The first ones; all of them when `limit` is None."""

    limit: int | None

    def of_rows(self, rows: QuerySet[Any, Any], ordering: Sequence[str]) -> list[dict[str, Any]]:
        """Those of lines that the database has, in this order."""
        ordered = rows.order_by(*ordering)
        return list(ordered if self.limit is None else ordered[: self.limit])

    def of_parts(self) -> PartPage:
        """What keeps those of lines that are worked out as of a moment."""
        return PartPage(self.limit)
