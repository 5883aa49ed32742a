"""What a source and the engine say to each other: frozen values, no Django, no network.

A *source* turns bytes into frozen records. It is handed files that have already landed (fetched
completely, within limits) and yields records and rejections, each with a pointer to the file and
line that it came from. It never touches the database; `portal/imports/README.md` says how to add
one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

MAX_RAW_TEXT = 8_000  # characters of a rejected row that the quarantine keeps
NOTHING_THERE = "nothing_there"  # code of the note that a whole input says: there was nothing


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


MAX_ANSWER_BYTES = 64 * 1024**2  # of one answer of an interface, as it came


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of an input is read before it is refused. Sizes are after decompression.

    `max_answer_bytes` is that of an answer as a spool keeps it: what was fetched can be read.
    """

    max_bytes: int = 8 * 1024**3
    max_rows: int = 20_000_000
    max_columns: int = 1_000
    max_cell_chars: int = 256 * 1024
    max_line_chars: int = 4 * 1024 * 1024
    max_answer_bytes: int = MAX_ANSWER_BYTES + 64 * 1024


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
        context: what the room knows and the source needs (`ImportSource.make_context`).
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    repairs: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """A few thousand records, or some more, with what was rejected between them."""

    records: Sequence[Any] = ()
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


class Ask(Protocol):
    """Asks the provider; the engine sends it, spools the answer as it came and hands it over.

    `ask(endpoint, path, params)`: `endpoint` names the spooled page for the reader, `path` starts
    with a slash, `params` keep their order and may repeat. With a `body` it is a POST of JSON, for
    providers that want to be read so. Numbers are int or Decimal.
    Raises SourceUnavailableError and its kin; a client lets them pass.
    """

    def __call__(
        self,
        endpoint: str,
        path: str,
        params: Sequence[tuple[str, str]] = (),
        *,
        body: Mapping[str, Any] | None = None,
    ) -> Any: ...


class Follow(Protocol):
    """Downloads what lies behind a link that the provider's answer has named, and spools it.

    `follow(endpoint, url)`: for links that are signed and so need no credential; none is sent. The
    host must be one that the source's `links` allows. Each JSON value found there becomes a page of
    its own; returns how many. Raises SourceUnavailableError and its kin.
    """

    def __call__(self, endpoint: str, url: str) -> int: ...


class PageMemory(Protocol):
    """What a provider answered before, so that it may say that nothing changed since."""

    def recall(self, address: str) -> tuple[str, bytes] | None:
        """ETag and body of the last answer from there, when they are still known."""
        ...

    def keep(self, address: str, etag: str, body: bytes) -> None:
        """Remember an answer in the place of the one before."""
        ...


@dataclass(frozen=True, slots=True)
class FetchJob:
    """What one fetch is to bring: whole UTC days `start` to `end`, half-open.

    `today` is the UTC day on which it is asked: a snapshot belongs to the newest window only.
    `follow` is there for sources that say which `links` they allow.
    """

    config: Mapping[str, Any]
    start: date
    end: date
    ask: Ask
    today: date | None = None
    follow: Follow | None = None

    @property
    def is_newest(self) -> bool:
        """Whether the window ends where the running day starts."""
        return self.today is not None and self.end == self.today


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchSpec:
    """How a source is fetched.

    Attributes:
        origin: `origin(config)`: scheme and host that are asked.
        headers: `headers(secret)`: what is sent with each request.
        fetch: asks for every page of the job, completely; raises when an answer is not whole.
            Returns the day before which the answer is complete where the provider says so and it
            is earlier than the job's end; only the days before it are taken. Otherwise None.
        probe: one small request that shows whether address and credential work.
        reread_days: how many past days are read again daily, because the provider may restate.
        weekly_days: how many once a week.
        settles_days: after how many days a day is complete at all; the newest are left out.
        month_days: days of the month on which the whole month before is read again.
        varies: `varies(config)`: fields of this that a connection's configuration changes.
        history_days: how many days back the provider still knows; 0 for all of them.
        memory: `memory(connection id)`: remembers answers by their ETag, for providers to whom a
            request that finds nothing new costs nothing. None: every page is asked for whole.
        redact: `redact(answer)`: what of an answer may be kept; the same object back: all of it.
            What is redacted is spooled with numbers as text, which keeps them exact.
        links: `links(config, host)`: whether signed links in answers may lead to that host. None:
            nothing is ever downloaded from where an answer points.
    """

    origin: Callable[[Mapping[str, Any]], str]
    headers: Callable[[Any], Mapping[str, Any]]
    fetch: Callable[[FetchJob], date | None]
    probe: Callable[[FetchJob], object]
    reread_days: int
    weekly_days: int = 0
    settles_days: int = 0
    month_days: tuple[int, ...] = ()
    varies: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None

    def suited(self, config: Mapping[str, Any]) -> FetchSpec:
        """As it is for a connection of this configuration."""
        return self if self.varies is None else replace(self, **self.varies(config))

    history_days: int = 0
    redact: Callable[[Any], Any] | None = None
    memory: Callable[[int], PageMemory] | None = None
    links: Callable[[Mapping[str, Any], str], bool] | None = None


def every_page(
    ask: Callable[[Sequence[tuple[str, str]]], Any],
    *,
    next_of: Callable[[Any], str | None],
    parameter: str,
    most: int = 10_000,
) -> Iterator[Any]:
    """Follow a cursor to its end. `ask` takes the cursor's parameters, `next_of` finds the next.

    Raises:
        SourceUnavailableError: a cursor comes back (a loop), or there is no end to the pages.
    """
    seen: set[str] = set()
    cursor: str | None = None
    for _ in range(most):
        page = ask([(parameter, cursor)] if cursor is not None else [])
        yield page
        cursor = next_of(page)
        if cursor is None:
            return
        if cursor in seen:
            raise SourceUnavailableError(
                "the provider repeats a page: its cursor leads in a circle, so the answer is not "
                "whole and nothing is taken"
            )
        seen.add(cursor)
    raise SourceUnavailableError(f"the provider gives more than {most} pages")
