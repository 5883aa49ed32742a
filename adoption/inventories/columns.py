"""Columns of a form: how a cell becomes a value of ours, and a value a cell again.

A cell that our value would not write the same is kept word for word. It is written again for as
long as it still says what the record says; once somebody changed the record, the record is written.
"""

from __future__ import annotations

import ast
import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adoption.inventories.contracts import BadCellError, InventoryRecord, short_title
from adoption.inventories.fields import LONGEST_LINE, LONGEST_TEXT, RECORD_FIELDS, Kind

_LETTER = re.compile(r"^[a-z]\) *")
_NO_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[ T]00:00:00)?")


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: in the form.
        field: ours: `title`, `stage`, `slug`, a field of the claim or of the record.
        read: a cell as our value. Raises BadCellError when nothing can be made of it.
        write: our value as a cell.
        fallback: what stands there when our field is empty and the form said nothing.
    """

    name: str
    field: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]
    fallback: Callable[[InventoryRecord], str] | None = None

    def keeps(self, cell: str) -> bool:
        """Whether the cell must be kept, because our value would be written otherwise."""
        if cell == "" and self.fallback is not None:
            return True
        return self.write(self.read(cell)) != cell

    def cell(self, record: InventoryRecord, kept: Mapping[str, str]) -> str:
        """The cell of this record."""
        value = value_of(record, self.field)
        was = kept.get(self.name)
        if was is not None and self.read(was) == value:
            return was
        text = self.write(value)
        return self.fallback(record) if not text and self.fallback is not None else text


def value_of(record: InventoryRecord, field: str) -> Any:
    """A field of the use case, of its claim or of its record."""
    if field in ("title", "stage", "slug"):
        return getattr(record, field)
    return record.claim[field] if field in record.claim else record.record[field]


def cells_to_keep(columns: Iterable[Column], cells: Mapping[str, str]) -> dict[str, str]:
    """The cells that our values would not write the same."""
    return {each.name: cells[each.name] for each in columns if each.keeps(cells[each.name])}


# --- kinds of columns -----------------------------------------------------------------------------


def _limit(field: str) -> int:
    known = RECORD_FIELDS.get(field)
    return LONGEST_LINE if known is not None and known.kind is Kind.LINE else LONGEST_TEXT


def text(
    name: str, field: str, *, fallback: Callable[[InventoryRecord], str] | None = None
) -> Column:
    """Free text, as long as our field."""
    limit = _limit(field)

    def read(cell: str) -> str:
        if len(cell) > limit:
            raise BadCellError(f"at most {limit} characters")
        return cell.strip()

    return Column(name, field, read, str, fallback)


def title(name: str) -> Column:
    """The name of the use case; needed."""

    def read(cell: str) -> str:
        if not cell.strip():
            raise BadCellError("the name of the use case")
        return short_title(cell)

    return Column(name, "title", read, str)


def coded(name: str, field: str, words: Mapping[str, str]) -> Column:
    """One of several words; `words` is our code → the form's word.

    A word that the form's dictionary does not have is no code of ours. It is kept.
    """
    codes = {word.casefold(): code for code, word in words.items()}

    def read(cell: str) -> str:
        return codes.get(_LETTER.sub("", cell.strip()).casefold(), "")

    return Column(name, field, read, lambda code: words.get(code, ""))


def day(name: str, field: str) -> Column:
    """A calendar day."""

    def read(cell: str) -> dt.date | None:
        if not cell.strip():
            return None
        found = _NO_TIME.fullmatch(cell.strip())
        try:
            return dt.date.fromisoformat(found[1] if found else cell.strip())
        except ValueError:
            raise BadCellError("a day, as 2026-11-29") from None

    return Column(name, field, read, lambda value: value.isoformat() if value else "")


def names(name: str, field: str) -> Column:
    """Several texts, written as the OMB files write them: `['One', 'Two']`."""

    def read(cell: str) -> list[str]:
        if not cell.strip():
            return []
        try:
            found = ast.literal_eval(cell)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found = None
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise BadCellError("a list of texts, as ['One', 'Two']")
        return [each.strip() for each in found if each.strip()]

    return Column(name, field, read, lambda value: repr(list(value)))
