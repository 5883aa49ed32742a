"""Manifests of AWS Data Exports: which files make up one billing period, and when they were made.

An export is delivered below `<prefix>/<export>/`: data in `data/BILLING_PERIOD=YYYY-MM/`, the
manifest in `metadata/BILLING_PERIOD=YYYY-MM/`, written after the data. Exports that keep earlier
deliveries put a folder `<time>-<execution id>` below both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from portal.imports.contracts import ImportRefusedError

MANIFEST_ENDING = "Manifest.json"
MAX_MANIFEST_BYTES = 8 * 1024 * 1024
MAX_DATA_FILES = 10_000
_PERIOD = re.compile(r"(?:^|/)billing_period=(\d{4})-(0[1-9]|1[0-2])(?:/|$)", re.IGNORECASE)
_EXECUTION = re.compile(r"/(\d{8}T\d{6}Z)-[^/]+/")


@dataclass(frozen=True, slots=True)
class ManifestPlace:
    """What the place of a manifest says.

    Attributes:
        key: where it lies, with slashes; or the name of the uploaded file.
        period: first day of its billing period.
        made_at: when the export was made; None when nothing says it.
    """

    key: str
    period: date
    made_at: datetime | None


@dataclass(frozen=True, slots=True)
class Manifest(ManifestPlace):
    """What one manifest says.

    Attributes:
        text: as it came.
        execution: the execution's id; may be empty.
        data_keys: the object keys of every data file, without the bucket.
    """

    text: str
    execution: str
    data_keys: tuple[str, ...]


PlaceT = TypeVar("PlaceT", bound=ManifestPlace)


def place_of(key: str, *, modified: datetime) -> ManifestPlace | None:
    """What an object's key says about the delivery it belongs to; None when it names no period."""
    found = _PERIOD.search(key)
    if found is None:
        return None
    return ManifestPlace(key, date(int(found[1]), int(found[2]), 1), _made_at([key]) or modified)


def read_manifest(text: str, key: str, *, modified: datetime | None = None) -> Manifest:
    """Read a manifest.

    Args:
        key: where it lies.
        modified: when it was last written, where that is known; the time in the path goes first.

    Raises:
        ImportRefusedError: it is no manifest, or does not say which files and period it is about.
    """
    document = _object(text, key)
    names = document.get("dataFiles")
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise _refused(key, "dataFiles", names, "a list of s3:// addresses")
    if not 0 < len(names) <= MAX_DATA_FILES or len(set(names)) != len(names):
        raise _refused(
            key, "dataFiles", f"{len(names)} files", f"1 to {MAX_DATA_FILES} files, each once"
        )
    keys = tuple(_key_of(name, key) for name in names)
    return Manifest(
        key=key,
        text=text,
        period=_period((key, *keys), key),
        made_at=_made_at((key, *keys)) or modified,
        execution=str(document.get("executionId") or ""),
        data_keys=keys,
    )


def _object(text: str, key: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refused(key, "", text[:80], "a JSON object with dataFiles") from error
    if not isinstance(document, dict):
        raise _refused(key, "", text[:80], "a JSON object with dataFiles")
    return document


def _key_of(name: str, manifest: str) -> str:
    """`s3://bucket/a/b` → `a/b`. A path that leads out of the export is refused."""
    scheme, mark, rest = name.partition("://")
    path = rest.partition("/")[2] if mark else scheme
    parts = path.split("/")
    if (mark and scheme != "s3") or not path or {"", ".", ".."} & set(parts):
        raise _refused(manifest, "dataFiles", name, "an address such as s3://bucket/path/file")
    return path


def _period(keys: Iterable[str], manifest: str) -> date:
    found = {match.groups() for key in keys if (match := _PERIOD.search(key))}
    if len(found) != 1:
        raise _refused(
            manifest,
            "dataFiles",
            ", ".join(sorted("-".join(each) for each in found)) or "no BILLING_PERIOD=YYYY-MM",
            "paths of one billing period, such as data/BILLING_PERIOD=2026-09/…",
        )
    ((year, month),) = found
    return date(int(year), int(month), 1)


def _made_at(keys: Iterable[str]) -> datetime | None:
    for key in keys:
        if match := _EXECUTION.search(key):
            try:
                return datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            except ValueError:
                return None
    return None


def _refused(key: str, column: str, value: object, expected: str) -> ImportRefusedError:
    return ImportRefusedError(
        "bad_manifest",
        "this is no manifest of an export",
        file=key,
        column=column,
        value=str(value),
        expected=expected,
    )


def newest_of_each_period(
    manifests: Iterable[PlaceT],
) -> tuple[list[PlaceT], list[PlaceT]]:
    """The newest manifest of each billing period, by period; and the others.

    Raises:
        ImportRefusedError: two manifests of one period, and nothing says which is newer.
    """
    by_period: dict[date, list[PlaceT]] = {}
    for manifest in manifests:
        by_period.setdefault(manifest.period, []).append(manifest)
    newest: list[PlaceT] = []
    older: list[PlaceT] = []
    for period, found in sorted(by_period.items()):
        times = [manifest.made_at for manifest in found]
        if len(found) > 1 and (None in times or times.count(max(filter(None, times))) > 1):
            raise ImportRefusedError(
                "two_manifests",
                f"there are several manifests of {period:%Y-%m}, and nothing says which is newer",
                file=found[-1].key,
                value=found[0].key,
                expected="one export, or one manifest a billing period",
            )
        found.sort(key=lambda manifest: manifest.made_at or datetime.min.replace(tzinfo=UTC))
        newest.append(found[-1])
        older += found[:-1]
    return newest, older
