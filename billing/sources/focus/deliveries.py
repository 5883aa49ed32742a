"""What is landed before the objects of a month: a document of ours that says what they are.

With it an input says for itself which month it replaces and where each file lay, so that it can be
read again whatever the bucket and the connection say by then.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from billing.sources.focus.layouts import DatedObject, Unit
from portal.imports.contracts import ImportRefusedError, LandedFile

FORMAT = "plumbline-focus-objects-1"
MAX_IGNORED = 20  # keys of other objects that are named
_NAME = re.compile(r"focus (?:all|\d{4}-\d{2}) [0-9a-f]{16}\.json", re.ASCII)
_KEY_DIGITS, _VERSION_DIGITS = 12, 8


@dataclass(frozen=True, slots=True)
class Delivered:
    """An object as the document lists it; `day` and `month` are those of its key."""

    key: str
    month: date | None
    day: date | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What the document says.

    Attributes:
        month: the month that the objects make up; None for an object that names no date.
        late_days: of the next month, whose objects may hold rows of this one.
        objects: in the order of the files that follow.
        ignored, ignored_count: keys of objects of other kinds, and how many there are.
    """

    month: date | None
    late_days: int
    objects: tuple[Delivered, ...]
    ignored: tuple[str, ...]
    ignored_count: int


def version_of(unit: Unit, late_days: int) -> str:
    """Changes when any object of the unit was written, came or went, and with the setting."""
    lines = [f"{late_days}"] + [
        f"{each.stored.key}\t{each.stored.etag}\t{each.stored.modified.isoformat()}"
        for each in unit.objects
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def document_name(unit: Unit, late_days: int) -> str:
    """What the document of a unit is called; it names the whole input."""
    return f"{document_start(unit)}{version_of(unit, late_days)}.json"


def document_start(unit: Unit) -> str:
    """How the names of all documents of a unit begin."""
    return f"focus {unit.name} "


def landed_name(each: DatedObject) -> str:
    """What an object is called here: its key and its version as digits, its date, its name."""
    stored = each.stored
    name = stored.key.rpartition("/")[2][-120:]
    version = _digits(f"{stored.etag}\t{stored.modified.isoformat()}", _VERSION_DIGITS)
    return f"{_digits(stored.key, _KEY_DIGITS)} {version} {each.said or 'undated'} {name}"


def _digits(text: str, count: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:count]


def versions_in(names: Sequence[str]) -> dict[str, str]:
    """The version of each object by its key, both as digits, out of the names of landed files."""
    files = [name for name in names if not _NAME.fullmatch(name)]
    return {name[:_KEY_DIGITS]: name.split(" ")[1] for name in files if name.count(" ") >= 3}


def write_document(unit: Unit, late_days: int, ignored: Sequence[str]) -> bytes:
    """The document of a unit."""
    content = {
        "format": FORMAT,
        "month": "" if unit.month is None else f"{unit.month:%Y-%m}",
        "late_days": late_days,
        "objects": [
            {"key": each.stored.key, "date": each.said, "size": each.stored.size}
            for each in unit.objects
        ],
        "ignored": list(ignored[:MAX_IGNORED]),
        "ignored_count": len(ignored),
    }
    return json.dumps(content, indent=1).encode()


def delivery_in(files: Sequence[LandedFile]) -> Delivery | None:
    """What the first file says, when it is such a document; None for files that people brought.

    Raises:
        ImportRefusedError: it is one, and the files are not those that it lists.
    """
    if not files or not _NAME.fullmatch(files[0].name):
        return None
    try:
        content = json.loads(files[0].path.read_text("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        return None
    objects = tuple(_delivered(each) for each in content["objects"])
    sizes = [each["size"] for each in content["objects"]]
    if [file.size for file in files[1:]] != sizes:
        raise ImportRefusedError(
            "missing_file",
            "the files are not those that were fetched together, so nothing is taken",
            file=files[0].name,
            value=f"{len(files) - 1} files",
            expected=f"{len(sizes)} files, in their order and whole",
        )
    month = content["month"]
    return Delivery(
        date.fromisoformat(f"{month}-01") if month else None,
        content["late_days"],
        objects,
        tuple(content["ignored"]),
        content["ignored_count"],
    )


def _delivered(entry: dict[str, Any]) -> Delivered:
    said = entry["date"]
    day = date.fromisoformat(said) if len(said) == len("2026-09-14") else None
    month = date.fromisoformat(f"{said[:7]}-01") if said else None
    return Delivered(entry["key"], month, day)
