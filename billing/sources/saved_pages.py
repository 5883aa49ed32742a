"""Answers that a person saved: whether every page is there, by what the answers say themselves.

What is fetched is counted by the client, which knows what it asked for. A saved answer that says
nothing of other pages is taken for the whole.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from billing.sources.pages import Page
from portal.wording import counted


@dataclass(slots=True)
class _Asked:
    """What has come of one question, and the page that spoke of it last."""

    page: Page
    total: int = 0
    rows: int = 0
    names: set[str] = field(default_factory=set)
    numbers: set[int] = field(default_factory=set)
    has_more: bool = False


class SavedPages:
    """The saved pages of one input. Add each, check at the end.

    Args:
        noun: what a row is, for words: `event`.
    """

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._asked: dict[Any, _Asked] = {}

    def count(self, page: Page, asked: Any, total: Any, rows: int | Collection[str]) -> None:
        """Note the rows of a page, or their names where they have some: a page that stands there
        twice then counts once.

        Args:
            asked: what was asked for, as far as the answer tells.
            total: how many rows the answer says there are on all pages.
        """
        if page.endpoint or not isinstance(total, int) or isinstance(total, bool):
            return
        found = self._asked.setdefault((asked, total), _Asked(page, total))
        found.page = page
        if isinstance(rows, int):
            found.rows += rows
        else:
            found.names.update(rows)
            found.rows = len(found.names)

    def number(self, page: Page, asked: Any, number: Any, *, last: Any, has_more: Any) -> None:
        """Note the number of a page, of how many, and whether it says that another one follows."""
        if page.endpoint or not isinstance(number, int):
            return
        last = last if isinstance(last, int) else None
        found = self._asked.setdefault(("numbers", asked, last), _Asked(page))
        if number >= max(found.numbers, default=0):
            found.page, found.has_more = page, has_more is True
        found.numbers.add(number)

    def check(self) -> None:
        """See that nothing is missing.

        Raises:
            ImportRefusedError: a page is.
        """
        for (*_, last), found in self._asked.items():
            if found.numbers:
                # However many an answer claims, at most one more than came is looked at.
                missing = next(number for number in count(1) if number not in found.numbers)
                if missing <= (max(found.numbers) if last is None else last):
                    raise self._refusal(found, f"page {missing} is not in the input")
                if found.has_more:
                    raise self._refusal(found, "what follows the last page is not in the input")
            # The same question may have been asked, and saved, on two days.
            elif found.rows < found.total or (found.total and found.rows % found.total):
                raise self._refusal(
                    found,
                    f"the answer speaks of {counted(found.total, self._noun)} and the input holds "
                    f"{found.rows:,}",
                )

    def _refusal(self, found: _Asked, problem: str) -> Exception:
        return found.page.refuse(
            "pages_missing", f"{problem}: days would lose the rest", expected="every page, once"
        )
