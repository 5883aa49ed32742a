"""Changes and deployments as CSV: one a row, the keys of docs/api.md as columns.

A file of deployments has a column `environment`, one of changes has none. What holds several values
(labels, paths, commits, included, included_commits) separates them by blanks, labels by semicolons.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

from adoption.deploys.payload import BadPayloadError, storable
from adoption.sources.generic.parser import (
    CHANGE_KEYS,
    DEPLOYMENT_KEYS,
    read_change,
    read_deployment,
)
from portal.imports.contracts import (
    MAX_RAW_TEXT,
    Batch,
    ImportRefusedError,
    LandedFile,
    ReadOptions,
    Rejection,
    raw_digest,
)

_LISTS = {"paths": None, "commits": None, "included": None, "included_commits": None, "labels": ";"}
_NUMBERS = frozenset({"files_changed", "additions", "deletions"})
_FLAGS = frozenset({"commits_truncated", "is_rollback"})
_AUTHOR = {"author_login": "login", "author_email": "email", "author_name": "name"}
_CHANGE_COLUMNS = (CHANGE_KEYS - {"author"}) | _AUTHOR.keys()
_TRUTH = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}


def is_csv(file: LandedFile) -> bool:
    """Whether a file is not JSON Lines: its first sign is no brace."""
    with _open(file) as stream:
        return stream.read(64).lstrip("\ufeff \t\r\n")[:1] not in ("{", "")


def _open(file: LandedFile) -> TextIO:
    with file.path.open("rb") as plain:
        packed = plain.read(2) == b"\x1f\x8b"
    # Closed with the text stream around it.
    raw: Any = gzip.open(file.path) if packed else file.path.open("rb")  # noqa: SIM115
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="backslashreplace", newline="")


def read_rows(file: LandedFile, options: ReadOptions) -> Iterator[Batch]:
    """Yield a batch for each row of a CSV file.

    Raises:
        ImportRefusedError: no usable heading, damaged CSV or gzip, or a limit is exceeded.
    """
    size = 0
    with _open(file) as stream:
        reader = csv.reader(stream, strict=True)
        try:
            heading = [name.strip() for name in next(reader, [])]
            _check_heading(file, heading)
            for count, cells in enumerate(reader, 1):
                size += sum(map(len, cells))
                if count > options.limits.max_rows or size > options.limits.max_bytes:
                    raise ImportRefusedError(
                        "too_large", "the input is larger than allowed", file=file.name
                    )
                if any(cell.strip() for cell in cells):
                    yield _read(file, reader.line_num, heading, cells, options)
        except csv.Error as error:
            raise ImportRefusedError(
                "bad_csv", f"the CSV is damaged: {error}", file=file.name, line=reader.line_num
            ) from error
        except (EOFError, OSError) as error:
            raise ImportRefusedError(
                "damaged_gzip", "the compressed data is damaged or cut off", file=file.name
            ) from error


def _check_heading(file: LandedFile, heading: list[str]) -> None:
    known = DEPLOYMENT_KEYS if "environment" in heading else _CHANGE_COLUMNS
    for name in heading:
        if name not in known or heading.count(name) > 1:
            raise ImportRefusedError(
                "bad_heading",
                f"the column {name!r} is not known, or stands there twice",
                file=file.name,
                line=1,
                expected=", ".join(sorted(known)),
            )


def _read(
    file: LandedFile, line: int, heading: list[str], cells: list[str], options: ReadOptions
) -> Batch:
    raw = storable(_written(cells))[:MAX_RAW_TEXT]
    repaired = options.repairs.get(raw_digest(raw))
    try:
        if repaired is not None:
            cells = next(csv.reader([repaired], strict=True), [])
        if len(cells) != len(heading):
            raise BadPayloadError("row", f"{len(cells)} cells", f"{len(heading)} cells")
        value = _value(zip(heading, cells, strict=True))
        is_deployment = "environment" in heading
        record = read_deployment(value) if is_deployment else read_change(value)
    except (BadPayloadError, csv.Error) as error:
        bad = error if isinstance(error, BadPayloadError) else None
        rejection = Rejection(
            file.index,
            line,
            bad.field if bad else "row",
            bad.value if bad else "",
            "bad_row",
            bad.expected if bad else "one row of CSV",
            raw,
        )
        return Batch(rejections=(rejection,))
    return Batch(records=(record,))


def _written(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    return out.getvalue()


def _value(pairs: Iterable[tuple[str, str]]) -> Mapping[str, Any]:
    """The object that a row stands for; an empty cell says nothing.

    Raises:
        BadPayloadError: a cell is no number, or neither yes nor no.
    """
    found: dict[str, Any] = {}
    author: dict[str, str] = {}
    for name, cell in pairs:
        text = cell.strip()
        if not text:
            continue
        if name in _AUTHOR:
            author[_AUTHOR[name]] = text
        elif name in _LISTS:
            found[name] = [part.strip() for part in text.split(_LISTS[name]) if part.strip()]
        elif name in _NUMBERS:
            if not text.isdecimal():
                raise BadPayloadError(name, text, "a whole number")
            found[name] = int(text)
        elif name in _FLAGS:
            if text.lower() not in _TRUTH:
                raise BadPayloadError(name, text, "true or false")
            found[name] = _TRUTH[text.lower()]
        else:
            found[name] = text
    return {**found, "author": author} if author else found
