"""From paths that a person named to the files that are landed, for sources in many small files."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, cast

from billing.sources.openclaw.sessions import without_content
from portal.imports.contracts import MAX_ANSWER_BYTES, ImportRefusedError
from portal.imports.files import collect_files

_GZIP = b"\x1f\x8b"


def collect_reports(paths: Sequence[Path], spool: Path) -> list[Path]:
    """Files as they are; of a folder every CSV at any depth, as a bucket lays reports out.

    Raises:
        ImportRefusedError: a path is not there, or a folder holds no report.
    """
    return collect_files(_inside(paths, "*.csv*"), spool)


def collect_sessions(paths: Sequence[Path], spool: Path) -> list[Path]:
    """Session files at any depth, archived ones too, without what was said in them.

    Raises:
        ImportRefusedError: a path is not there, a folder holds no session, or a line is no JSON.
    """
    taken = collect_files(_inside(paths, "*.jsonl*"), spool)
    return [_stripped(path, spool / f"{index:06}") for index, path in enumerate(taken)]


def _inside(paths: Sequence[Path], pattern: str) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        inside = sorted(item for item in path.rglob(pattern) if item.is_file())
        found.extend(inside if path.is_dir() and inside else [path])
    return found


def _stripped(path: Path, folder: Path) -> Path:
    """A copy that holds who answered, when, and what it used; out of gzip where it was packed.

    Raises:
        ImportRefusedError: a line is no JSON or too long, or what is packed is damaged.
    """
    folder.mkdir()
    target = folder / path.name.removesuffix(".gz")
    try:
        with _opened(path) as lines, target.open("w", encoding="utf-8") as out:
            _copy_without_content(lines, out, path.name)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ImportRefusedError(
            "damaged_gzip", "the compressed file is damaged or cut off", file=path.name
        ) from error
    return target


def _opened(path: Path) -> IO[bytes]:
    """Out of gzip when its first bytes say so, whatever its name says."""
    with path.open("rb") as raw:
        is_packed = raw.read(2) == _GZIP
    return cast("IO[bytes]", gzip.open(path)) if is_packed else path.open("rb")


def _copy_without_content(lines: IO[bytes], out: IO[str], name: str) -> None:
    number = 0
    while line := lines.readline(MAX_ANSWER_BYTES + 1):
        number += 1
        if len(line) > MAX_ANSWER_BYTES:
            raise ImportRefusedError(
                "too_large", "this line is longer than an answer can be", file=name, line=number
            )
        if line.strip():
            try:
                # Numbers stay the text that they are.
                entry = json.loads(line, parse_float=_Number, parse_int=_Number)
            except (ValueError, RecursionError) as error:
                raise ImportRefusedError(
                    "not_json", "this line is not JSON", file=name, line=number
                ) from error
            kept = without_content(entry)
            if isinstance(entry, dict) and kept.get("type") == "session" and "cwd" in entry:
                kept["cwd"] = entry["cwd"]
            out.write(_plain(kept) + "\n")


class _Number(str):
    """A number as its source wrote it."""


def _plain(value: object) -> str:
    """JSON with numbers as they came."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{_plain(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_plain, value)) + "]"
    return json.dumps(value)
