"""What a format reader hands on: raw rows as text cells, with their place and raw text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from portal.imports.contracts import Note


@dataclass(frozen=True, slots=True)
class RowBlock:
    """Some raw rows of one file, in order.

    Attributes:
        rows: text cells of each record, `''` for a real null; a blank line has no cells.
        lines: first physical line of each, from 1 (row number in Parquet).
        texts: the exact text of each record (a JSON object in Parquet).
        unterminated: the last record has no line ending, so it may have been cut.
    """

    rows: list[list[str]]
    lines: Sequence[int]
    texts: Sequence[str]
    unterminated: bool = False


class BadCellError(ValueError):
    """A cell that keeps its row out; says which column and what should have stood there."""

    def __init__(self, column: str, code: str, expected: str, *, fatal: bool = False) -> None:
        super().__init__(code)
        self.column = column
        self.code = code
        self.expected = expected
        self.fatal = fatal


class RowReader(Protocol):
    """Reads one file of one format."""

    header: Sequence[str]
    header_line: int | None
    notes: Sequence[Note]

    def blocks(self) -> Iterator[RowBlock]:
        """The rows in order.

        Raises:
            ImportRefusedError: the file as a whole must not be taken.
        """
        ...

    def parse_record(self, text: str) -> list[str]:
        """The cells of one record from its raw text, as a person has mended it.

        Raises:
            ValueError: the text is not one record with the cells of this file.
        """
        ...
