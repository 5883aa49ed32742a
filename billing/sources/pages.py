"""Answers of an API as landed files: pages of JSON, read exactly and within limits.

A client spools each answer as one line, `{"endpoint": …, "body": …}`, as it came. A single answer
that a person saved and uploads is read as well; then the source says from its shape what it is.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any

from billing.sources.lines import BadValueError, canonical
from portal.imports.contracts import (
    MAX_RAW_TEXT,
    ImportRefusedError,
    LandedFile,
    Limits,
    ReadOptions,
    Rejection,
    raw_digest,
)

GZIP_DAMAGE = (OSError, EOFError, zlib.error)  # what reading a bad one raises
_GZIP = b"\x1f\x8b"
# NUL and halves of UTF-16 as JSON writes them; a whole pair is found as well, and stays.
_UNSTORABLE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
# As `portal.imports.fetching` writes a line, but for endpoints with signs that JSON would escape.
_SPOOLED = re.compile(rb'\{"endpoint": "([\x20\x21\x23-\x5b\x5d-\x7e]+)", "body": ')


@dataclass(frozen=True, slots=True)
class Page:
    """One answer.

    Attributes:
        file: where it lies.
        line: the line of the spool, from 1.
        endpoint: which endpoint answered; empty for an answer that a person saved.
        body: the parsed answer: numbers are int or Decimal.
    """

    file: LandedFile
    line: int
    endpoint: str
    body: Any

    def refuse(self, code: str, problem: str, *, field: str = "", expected: str = "") -> Exception:
        """The error that the whole input must not be taken, naming this place."""
        return ImportRefusedError(
            code,
            problem,
            file=self.file.name,
            line=self.line,
            column=field,
            expected=expected,
        )


def read_pages(
    files: Iterable[LandedFile], limits: Limits, *, of: Collection[str] | None = None
) -> Iterator[Page]:
    """Every page of every file, in order.

    Args:
        of: pages of a spool are left out, most of them unread, unless their endpoint is one of
            these. What a person saved is never left out.

    Raises:
        ImportRefusedError: no file, not JSON, an object with a key twice, NaN, or too large.
    """
    total = 0
    for file in files:
        with unpacked(file) as stream:
            for page, size in _pages_of(file, stream, limits, of):
                total += size
                if total > limits.max_bytes:
                    raise ImportRefusedError(
                        "too_large", "the input is larger than is taken", file=file.name
                    )
                if page is not None:
                    yield page


@contextmanager
def unpacked(file: LandedFile) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """The bytes of a file, out of gzip when its first bytes say so, whatever its name says."""
    with file.path.open("rb") as raw:
        is_packed = raw.read(2) == _GZIP
        raw.seek(0)
        if is_packed:
            with gzip.GzipFile(fileobj=raw) as stream:
                yield stream
        else:
            yield raw


def damaged_gzip(file: LandedFile) -> ImportRefusedError:
    """The error that a packed file cannot be read to its end."""
    return ImportRefusedError(
        "damaged_gzip", "the compressed file is damaged or cut off", file=file.name
    )


def _pages_of(
    file: LandedFile,
    stream: IO[bytes] | gzip.GzipFile,
    limits: Limits,
    of: Collection[str] | None,
) -> Iterator[tuple[Page | None, int]]:
    """Lines while each holds a whole answer, none for one that is left out; else the file is one
    answer over several lines."""
    limit = max(limits.max_answer_bytes, 1)
    first = _read_line(stream, limit, file)
    if not first.strip():
        raise ImportRefusedError("no_rows", "the file is empty", file=file.name)
    size = len(first)
    try:
        document = _parse(first)
    except (ValueError, RecursionError):
        whole = first + _read_rest(stream, limits.max_bytes, file)
        document, size = _parse_or_refuse(whole, file, 1), len(whole)
    yield _wanted(_page(file, 1, document), of), size
    number = 1
    while line := _read_line(stream, limit, file):
        number += 1
        if _is_left_out(line, of):
            yield None, len(line)
        elif line.strip():
            document = _parse_or_refuse(line, file, number)
            yield _wanted(_page(file, number, document), of), len(line)


def _wanted(page: Page, of: Collection[str] | None) -> Page | None:
    return page if of is None or not page.endpoint or page.endpoint in of else None


def _is_left_out(line: bytes, of: Collection[str] | None) -> bool:
    if of is None:
        return False
    named = _SPOOLED.match(line)
    return named is not None and named[1].decode() not in of


def _read_line(stream: IO[bytes] | gzip.GzipFile, limit: int, file: LandedFile) -> bytes:
    try:
        line = stream.readline(limit + 1)
    except GZIP_DAMAGE as error:
        raise damaged_gzip(file) from error
    if len(line) > limit:
        raise ImportRefusedError("line_too_long", "one answer is too long", file=file.name)
    return line


def _read_rest(stream: IO[bytes] | gzip.GzipFile, limit: int, file: LandedFile) -> bytes:
    try:
        rest = stream.read(limit + 1)
    except GZIP_DAMAGE as error:
        raise damaged_gzip(file) from error
    if len(rest) > limit:
        raise ImportRefusedError("too_large", "the input is larger than is taken", file=file.name)
    return rest


def _parse(text: bytes) -> Any:
    document = json.loads(
        text.decode("utf-8-sig"),
        parse_float=Decimal,
        parse_constant=_no_number,
        object_pairs_hook=_unique,
    )
    return _storable(document) if _UNSTORABLE.search(text) else document


def _storable(value: Any) -> Any:
    """The same without what no database keeps: NUL goes, half a pair of UTF-16 becomes U+FFFD."""
    if isinstance(value, str):
        whole = value.replace("\0", "").encode("utf-16", "surrogatepass")
        return whole.decode("utf-16", "replace")
    if isinstance(value, list):
        return [_storable(each) for each in value]
    if isinstance(value, dict):
        return _unique([(_storable(key), _storable(each)) for key, each in value.items()])
    return value


def _parse_or_refuse(text: bytes, file: LandedFile, line: int) -> Any:
    try:
        return _parse(text)
    except (ValueError, RecursionError) as error:
        raise ImportRefusedError(
            "not_json",
            f"this is not the JSON of an answer: {error}",
            file=file.name,
            line=line,
            expected="an answer of the API as it came",
        ) from error


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has one key twice")
    return found


def _page(file: LandedFile, line: int, document: Any) -> Page:
    if isinstance(document, dict) and document.keys() == {"endpoint", "body"}:
        return Page(file, line, str(document["endpoint"]), document["body"])
    return Page(file, line, "", document)


class RowReader:
    """Rows of answers, with repairs from the quarantine read in the place of what came."""

    def __init__(self, options: ReadOptions) -> None:
        self._repairs: Mapping[str, str] = options.repairs
        self.rejections: list[Rejection] = []

    def mended(self, row: Any) -> Any:
        """The row, or what a person made of it.

        Raises:
            BadValueError: the repair is no JSON.
        """
        if not self._repairs:
            return row
        repair = self._repairs.get(raw_digest(raw_text(row)))
        if repair is None:
            return row
        try:
            return _parse(repair.encode())
        except ValueError as error:
            raise BadValueError("", repair, "bad_repair", "a JSON object") from error

    def reject(self, page: Page, row: Any, error: BadValueError) -> None:
        """Put a row aside with its place, and what was expected."""
        self.rejections.append(
            Rejection(
                file_index=page.file.index,
                line=page.line,
                field=error.field,
                value=error.value[:200],
                code=error.code,
                expected=error.expected,
                raw_text=raw_text(row)[:MAX_RAW_TEXT],
                fatal=error.fatal,
            )
        )

    def records(
        self, page: Page, rows: Iterable[Any], take: Callable[[Any], Iterable[Any]]
    ) -> Iterator[Any]:
        """What `take` makes of each row of a page; a row that it cannot take is put aside."""
        for row in rows:
            try:
                mended = self.mended(row)
                if not isinstance(mended, dict):
                    raise BadValueError("", mended, "bad_row", "a JSON object", fatal=True)
                made = tuple(take(mended))
            except BadValueError as error:
                self.reject(page, row, error)
                continue
            yield from made

    def take_rejections(self) -> tuple[Rejection, ...]:
        """What has been put aside since the last time."""
        taken = tuple(self.rejections)
        self.rejections.clear()
        return taken


def raw_text(row: Any) -> str:
    """A row as the quarantine shows it, and as a repair finds it again."""
    return canonical(row) if isinstance(row, Mapping) else json.dumps(row, default=str)
