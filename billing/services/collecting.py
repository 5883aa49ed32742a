"""From paths that a person named to the files that are landed, for sources in many small files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from billing.sources.openclaw.sessions import without_content
from portal.imports.contracts import ImportRefusedError
from portal.imports.files import collect_files


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
    """A copy that holds who answered, when, and what it used. Compressed files stay as they are."""
    if path.suffix == ".gz":
        return path
    folder.mkdir()
    target = folder / path.name
    with path.open("rb") as lines, target.open("w", encoding="utf-8") as out:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                # Numbers stay the text that they are.
                entry = json.loads(line, parse_float=_Number, parse_int=_Number)
            except ValueError as error:
                raise ImportRefusedError(
                    "not_json", "this line is not JSON", file=path.name, line=number
                ) from error
            kept = without_content(entry)
            if isinstance(entry, dict) and kept.get("type") == "session" and "cwd" in entry:
                kept["cwd"] = entry["cwd"]
            out.write(_plain(kept) + "\n")
    return target


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
