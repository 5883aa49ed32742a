"""Lines of an exported Git history: bytes in, JSON objects or faults out, within limits.

Format: JSON Lines in UTF-8, one object a line, optionally gzipped (told by the first bytes, not by
the name). Nothing here knows what a commit is; `normaliser.py` does.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple, NoReturn

from portal.imports.contracts import MAX_RAW_TEXT, ImportRefusedError, LandedFile, Limits

GZIP_MAGIC = b"\x1f\x8b"
UTF8_BOM = b"\xef\xbb\xbf"
MAX_VALUE_TEXT = 200  # characters of a wrong value that a message repeats
MAX_KEYS = 20_000  # keys in one line, all levels together; a real line has under twenty


class BadLineError(Exception):
    """One line cannot be taken; the parts say which key, what stood there and what should.

    Attributes:
        field: the key, empty when it is the line as a whole.
        value: what stood there, cut and free of characters that a database refuses.
        code: stable reason code.
        expected: sentence fragment.
    """

    def __init__(self, *, code: str, expected: str, field: str = "", value: object = "") -> None:
        self.field = clean_text(field)[:MAX_VALUE_TEXT]
        self.value = show_value(value)
        self.code = code
        self.expected = expected
        super().__init__(f"{self.field}: {code}; expected {expected}")


class RawLine(NamedTuple):
    """A line that is not blank. `ended` is False when the file stopped without a line end."""

    number: int
    data: bytes
    ended: bool


@dataclass(slots=True)
class Budget:
    """What has been read so far, over all files of the run, against the limits."""

    limits: Limits
    bytes_read: int = 0
    rows_read: int = 0

    def spend(self, size: int, *, file: str, line: int) -> None:
        """Count one physical line of `size` bytes.

        Raises:
            ImportRefusedError: `too_many_bytes` or `too_many_rows`.
        """
        self.bytes_read += size
        self.rows_read += 1
        if self.bytes_read > self.limits.max_bytes:
            raise ImportRefusedError(
                "too_many_bytes",
                "the input is larger than allowed",
                file=file,
                line=line,
                expected=f"at most {self.limits.max_bytes} bytes after decompression",
            )
        if self.rows_read > self.limits.max_rows:
            raise ImportRefusedError(
                "too_many_rows",
                "the input has more lines than allowed",
                file=file,
                line=line,
                expected=f"at most {self.limits.max_rows} lines",
            )


def clean_text(text: str) -> str:
    """Make text storable everywhere: NUL and lone surrogates become visible escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\x00", "\\x00")


def show_value(value: object) -> str:
    """Short text of a JSON value for a message."""
    if isinstance(value, str):
        return clean_text(value[:MAX_VALUE_TEXT])
    return json.dumps(value, default=str)[:MAX_VALUE_TEXT]


def raw_record(data: bytes) -> str:
    """The line as the quarantine keeps it; repairs are looked up under its digest."""
    text = data.decode("utf-8", "backslashreplace").rstrip("\r\n")
    return clean_text(text[:MAX_RAW_TEXT])[:MAX_RAW_TEXT]


def read_lines(file: LandedFile, budget: Budget) -> Iterator[RawLine]:
    """Yield the lines of one file that are not blank, in bounded memory.

    Raises:
        ImportRefusedError: limits exceeded, or the compressed data is damaged or cut.
    """
    with file.path.open("rb") as plain:
        packed = plain.read(2) == GZIP_MAGIC
        plain.seek(0)
        if not packed:
            yield from _split(plain, file.name, budget)
            return
        try:
            with gzip.GzipFile(fileobj=plain, mode="rb") as unpacked:
                yield from _split(unpacked, file.name, budget)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ImportRefusedError(
                "damaged_gzip",
                "the compressed data is damaged or cut off",
                file=file.name,
                expected="a complete gzip file; copy it again from its origin",
            ) from error


def _split(stream: BinaryIO | gzip.GzipFile, name: str, budget: Budget) -> Iterator[RawLine]:
    most = budget.limits.max_line_chars
    number = 0
    while data := stream.readline(most + 1):
        number += 1
        if len(data) > most:
            raise ImportRefusedError(
                "line_too_long",
                "a line is longer than allowed",
                file=name,
                line=number,
                value=show_value(raw_record(data[:MAX_VALUE_TEXT])),
                expected=f"lines of at most {most} bytes",
            )
        budget.spend(len(data), file=name, line=number)
        if number == 1 and data.startswith(UTF8_BOM):
            data = data[len(UTF8_BOM) :]
        if data.strip():
            yield RawLine(number, data, data.endswith(b"\n"))


def parse_object(data: bytes | str) -> dict[str, Any]:
    """Decode one line into a JSON object.

    Raises:
        BadLineError: not UTF-8, not JSON, not an object, a key twice, a number that is none,
            or nested too deeply.
    """
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadLineError(
            code="bad_encoding",
            expected=f"text in UTF-8; byte {error.start + 1} of the line is not",
            value=raw_record(error.object[error.start : error.start + 8]),
        ) from error
    hook = _KeyGuard()
    try:
        value = json.loads(text, object_pairs_hook=hook, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise BadLineError(
            code="not_json",
            expected=f"one JSON object; {error.msg.lower()} at character {error.pos + 1}",
            value=text.strip(),
        ) from error
    except RecursionError as error:
        raise BadLineError(
            code="too_deep", expected="a flat JSON object", value=text.strip()
        ) from error
    except ValueError as error:  # an integer of thousands of digits
        raise BadLineError(
            code="bad_number", expected="numbers of ordinary size", value=text.strip()
        ) from error
    if not isinstance(value, dict):
        raise BadLineError(code="not_an_object", expected="one JSON object", value=text.strip())
    return value


def looks_cut_off(line: RawLine, code: str) -> bool:
    """True for a line that begins an object and, by the `code` of its fault, does not end it.

    Such a line at the end of a file means that the file was cut, not that one row is bad. A cut
    may fall just behind an inner closing brace, hence the look at the line end.
    """
    text = line.data.strip()
    if code not in ("not_json", "bad_encoding") or not text.startswith(b"{"):
        return False
    return not text.endswith(b"}") or (code == "not_json" and not line.ended)


class _KeyGuard:
    """Builds objects, refusing a key that occurs twice: which of the two is meant nobody knows."""

    def __init__(self) -> None:
        self.keys = 0

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self.keys += len(pairs) + 1
        if self.keys > MAX_KEYS:
            raise BadLineError(
                code="too_many_keys", expected=f"at most {MAX_KEYS} keys", value=self.keys
            )
        built = dict(pairs)
        if len(built) == len(pairs):
            return built
        seen: set[str] = set()
        for key, value in pairs:
            if key in seen:
                raise BadLineError(
                    code="duplicate_key", field=key, value=value, expected="each key once"
                )
            seen.add(key)
        return built


def _refuse_constant(name: str) -> NoReturn:
    raise BadLineError(code="bad_number", expected="a finite number or null", value=name)
