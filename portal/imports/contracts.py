"""What a source and the engine say to each other: frozen values, no Django, no network.

A *source* turns bytes into frozen records. It is handed files that have already landed (fetched
completely, within limits) and yields records and rejections, each with a pointer to the file and
line that it came from. It never touches the database; `portal/imports/README.md` says how to add
one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

MAX_RAW_TEXT = 8_000  # characters of a rejected row that the quarantine keeps


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A file that has been fetched whole and may be read again.

    Attributes:
        index: its place in the run, from 0; records point back with it.
        name: the name to show people (never a path of this machine).
        path: where its bytes are. They are as they came: perhaps compressed.
        sha256: hash of those bytes, hexadecimal.
        size: their number.
    """

    index: int
    name: str
    path: Path
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of an input is read before it is refused. Sizes are after decompression."""

    max_bytes: int = 8 * 1024**3
    max_rows: int = 20_000_000
    max_columns: int = 1_000
    max_cell_chars: int = 256 * 1024
    max_line_chars: int = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rejection:
    """One row that was not taken, with all a person needs to mend it.

    Attributes:
        file_index: which file of the run.
        line: first physical line of the record, from 1 (row number, from 1, in Parquet).
        field: the column or key that is wrong; empty when it is the record as a whole.
        value: what stood there.
        code: stable reason code in snake case, for example `bad_datetime`.
        expected: what should have stood there, as a sentence fragment.
        raw_text: the record as it came (cut at `MAX_RAW_TEXT`).
        fatal: the rest of the input must not be applied either (money that cannot be read).
    """

    file_index: int
    line: int
    field: str
    value: str
    code: str
    expected: str
    raw_text: str
    fatal: bool = False

    @property
    def raw_sha256(self) -> str:
        """Names the raw text, so that a repair can be found again when it comes back."""
        return raw_digest(self.raw_text)


def raw_digest(raw_text: str) -> str:
    """SHA-256 of a raw record without its line ending, hexadecimal."""
    return hashlib.sha256(raw_text.rstrip("\r\n").encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Note:
    """Something a person should know that stopped nothing (an unknown column, a repaired row)."""

    code: str
    message: str


class ImportRefusedError(Exception):
    """The input as a whole is not taken; nothing of it is applied.

    The message a person sees is built from the parts, so that file, line, column and value are
    always named when they are known.
    """

    def __init__(
        self,
        code: str,
        problem: str,
        *,
        file: str = "",
        line: int | None = None,
        column: str = "",
        value: str | None = None,
        expected: str = "",
    ) -> None:
        self.code = code
        self.problem = problem
        self.file = file
        self.line = line
        self.column = column
        self.value = None if value is None else value[:200]
        self.expected = expected
        super().__init__(str(self))

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place += f", line {self.line}" if place else f"line {self.line}"
        if self.column:
            place += f", column {self.column}" if place else f"column {self.column}"
        text = f"{place}: {self.problem}" if place else self.problem
        if self.value is not None:
            text += f" (found {self.value!r})"
        if self.expected:
            text += f"; expected {self.expected}"
        return f"{text} [{self.code}]"


class SourceUnavailableError(Exception):
    """The source could not be reached or answered badly; trying again later may help."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the connection and the command say about reading.

    Attributes:
        config: the connection's configuration (checked against the source's schema).
        limits: bounds on the input.
        repairs: raw-text digest → mended raw text, from the quarantine.
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    repairs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """A few thousand records, or fewer, with what was rejected between them."""

    records: tuple[Any, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    notes: tuple[Note, ...] = ()


@runtime_checkable
class Source(Protocol):
    """A reader of one format.

    Attributes:
        key: its name on the command line and in the database.
        parser_version: raised whenever the same bytes would give other records.
    """

    key: str
    parser_version: str

    def read(self, files: Iterable[LandedFile], options: ReadOptions) -> Iterator[Batch]:
        """Yield the records of all files in order, in bounded memory.

        Raises:
            ImportRefusedError: the input as a whole must not be taken.
        """
        ...
