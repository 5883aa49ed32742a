"""Rows of Claude Code analytics that stand more than once in an input.

A row is of a day, an actor, a terminal and a kind of customer. Two that are equal in everything are
one that was delivered twice. Two with the same names and other figures are two: keys are told apart
by name only, and two keys may have one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from billing.sources.buckets import Row
from billing.sources.pages import Page, raw_text
from portal.imports.contracts import Note, raw_digest
from portal.wording import counted

_FIGURES = ("core_metrics", "tool_actions", "model_breakdown")


class Repeats:
    """What has come of Claude Code analytics so far."""

    def __init__(self) -> None:
        self._rows: set[str] = set()
        self._names: set[str] = set()
        self._ended: dict[str, Page] = {}  # the last page of each day
        self._again = 0
        self._namesakes = 0

    def end_days(self, page: Page, rows: list[dict[str, Any]]) -> None:
        """Note that the answer about these days ends with this page.

        Raises:
            ImportRefusedError: another answer about one of them came before, so its rows would
                count beside those of a later moment.
        """
        for day in {str(row.get("date")) for row in rows}:
            before = self._ended.setdefault(day, page)
            if before is not page:
                raise page.refuse(
                    "part_twice",
                    f"{day[:10]} comes twice in this input, and differently (first in "
                    f"{before.file.name}, line {before.line})",
                    field="date",
                    expected="each day of a report once",
                )

    def is_new(self, row: Row) -> bool:
        """Whether the row has not come yet."""
        whole = raw_digest(raw_text(row))
        if whole in self._rows:
            self._again += 1
            return False
        self._rows.add(whole)
        names = raw_digest(raw_text({k: v for k, v in row.items() if k not in _FIGURES}))
        self._namesakes += names in self._names
        self._names.add(names)
        return True

    def notes(self) -> Iterator[Note]:
        """What a person should know."""
        if self._again:
            yield Note("rows_repeated", f"{counted(self._again, 'row')} came twice: counted once.")
        if self._namesakes:
            yield Note(
                "rows_of_one_name",
                f"{counted(self._namesakes, 'row')} with the day, actor, terminal and customer of "
                "another and with other figures: counted beside it, as two keys of one name.",
            )
