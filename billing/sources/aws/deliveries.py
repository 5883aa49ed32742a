"""From landed files to whole billing periods: nothing is read before every file is there.

A folder or an object store is landed as a *delivery*: a document of ours (`delivery.json`) with
the manifests as they came and the place, name and size of each of their files, then the files.
People may also upload a manifest and its files by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from billing.sources.aws.manifests import (
    MANIFEST_ENDING,
    MAX_MANIFEST_BYTES,
    Manifest,
    newest_of_each_period,
    read_manifest,
)
from portal.imports.contracts import ImportRefusedError, LandedFile

FORMAT = "plumbline-delivery-1"
DELIVERY_NAME = "delivery.json"


@dataclass(frozen=True, slots=True)
class Part:
    """One billing period with all its files, in the manifest's order."""

    manifest: Manifest
    files: tuple[LandedFile, ...]


@dataclass(frozen=True, slots=True)
class Delivered:
    """A data file of a delivery: its key in the export, and its size in bytes."""

    key: str
    size: int


def time_text(at: datetime | None) -> str:
    """RFC 3339 in UTC with whole seconds; empty for None."""
    return "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def delivery_document(
    parts: Sequence[tuple[Manifest, Sequence[Delivered]]], older: Sequence[Manifest] = ()
) -> bytes:
    """What is landed first. The files follow in the same order, numbered from 1."""
    number = 0
    listed: list[dict[str, Any]] = []
    for manifest, files in parts:
        entries = []
        for file in files:
            number += 1
            entries.append({"key": file.key, "index": number, "size": file.size})
        listed.append(
            {
                "manifest": manifest.key,
                "made_at": time_text(manifest.made_at),
                "text": manifest.text,
                "files": entries,
            }
        )
    document = {
        "format": FORMAT,
        "parts": listed,
        "older": [[manifest.key, time_text(manifest.made_at)] for manifest in older],
    }
    return json.dumps(document, indent=1).encode()


# --- a folder ---------------------------------------------------------------------------------


def collect_export(paths: Sequence[Path], spool: Path) -> list[Path]:
    """The newest delivery of each billing period below a folder, as files to land.

    Files that were named one by one are taken as they are.

    Raises:
        ImportRefusedError: there is no manifest, or a file that one names is not there.
    """
    folders = [path for path in paths if path.is_dir()]
    if not folders:
        if not paths:
            raise ImportRefusedError(
                "nothing_to_import", "no file was given", expected="the folder of an export"
            )
        return list(paths)
    if len(paths) != 1:
        raise ImportRefusedError(
            "several_folders", "an import takes one folder", expected="one export at a time"
        )
    return _collect_folder(folders[0], spool)


def _collect_folder(folder: Path, spool: Path) -> list[Path]:
    found = sorted(folder.rglob(f"*{MANIFEST_ENDING}"))
    if not found:
        raise ImportRefusedError(
            "no_manifest",
            "there is no manifest below this folder",
            file=folder.name,
            expected=f"the folder of an export, with metadata/…/…{MANIFEST_ENDING}",
        )
    newest, older = newest_of_each_period(_manifest_at(path, folder) for path in found)
    parts: list[tuple[Manifest, list[Delivered]]] = []
    links: list[Path] = []
    for manifest in newest:
        files = []
        for key in manifest.data_keys:
            path = _data_file(folder, key, manifest)
            files.append(Delivered(key, path.stat().st_size))
            link = spool / f"{manifest.period:%Y-%m} {len(links) + 1:04} {path.name}"
            link.symlink_to(path.resolve())
            links.append(link)
        parts.append((manifest, files))
    document = spool / DELIVERY_NAME
    document.write_bytes(delivery_document(parts, older))
    return [document, *links]


def _manifest_at(path: Path, folder: Path) -> Manifest:
    if path.stat().st_size > MAX_MANIFEST_BYTES:
        raise ImportRefusedError("bad_manifest", "the manifest is too large", file=path.name)
    modified = datetime.fromtimestamp(int(path.stat().st_mtime), UTC)
    key = path.relative_to(folder).as_posix()
    return read_manifest(path.read_text("utf-8", "replace"), key, modified=modified)


def _data_file(folder: Path, key: str, manifest: Manifest) -> Path:
    """The file of a key. The folder may be a copy of the bucket, or of any part of its paths."""
    parts = key.split("/")
    for start in range(len(parts)):
        path = folder.joinpath(*parts[start:])
        if path.is_file():
            return path
    raise missing_file(key, manifest)


def missing_file(key: str, manifest: Manifest) -> ImportRefusedError:
    """The refusal of a period of which a file is not there."""
    return ImportRefusedError(
        "missing_file",
        f"a file of {manifest.period:%Y-%m} that the manifest names is not there, so nothing of "
        "the export is taken",
        file=manifest.key,
        value=key,
        expected="every file of the manifest",
    )


# --- what has landed --------------------------------------------------------------------------


def read_parts(files: Sequence[LandedFile]) -> tuple[list[Part], list[str]]:
    """The billing periods that have landed, each whole; and what was left out, in words.

    Raises:
        ImportRefusedError: a file is missing, of another size, or belongs to no manifest.
    """
    documents, data = _sort_out(files)
    if not documents:
        raise ImportRefusedError(
            "no_manifest",
            "without its manifest nobody knows whether an export is whole",
            file=files[0].name if files else "",
            expected=f"the …{MANIFEST_ENDING} of the export beside its files, or its folder",
        )
    delivery = _delivery_in(documents)
    if delivery is not None:
        parts = [_delivered_part(entry, files) for entry in delivery["parts"]]
        older = [f"{key} ({at or 'undated'})" for key, at in delivery["older"]]
    else:
        manifests = [read_manifest(text, file.name) for file, text in documents]
        newest, late = newest_of_each_period(manifests)
        parts = [_uploaded_part(manifest, data) for manifest in newest]
        older = [manifest.key for manifest in late]
    used = {file.index for part in parts for file in part.files}
    _refuse_strangers([file for file in data if file.index not in used])
    return parts, older


def _sort_out(
    files: Sequence[LandedFile],
) -> tuple[list[tuple[LandedFile, str]], list[LandedFile]]:
    """JSON documents with their text, and the others."""
    documents, data = [], []
    for file in files:
        with file.path.open("rb") as stream:
            if file.size <= MAX_MANIFEST_BYTES and stream.read(64).lstrip().startswith(b"{"):
                documents.append((file, file.path.read_text("utf-8", "replace")))
            else:
                data.append(file)
    return documents, data


def _delivery_in(documents: Sequence[tuple[LandedFile, str]]) -> dict[str, Any] | None:
    """The delivery's own document, when that is what has landed."""
    for _, text in documents:
        if FORMAT in text[:200]:
            document: dict[str, Any] = json.loads(text)
            return document
    return None


def _delivered_part(entry: Mapping[str, Any], files: Sequence[LandedFile]) -> Part:
    made_at = datetime.fromisoformat(entry["made_at"]) if entry["made_at"] else None
    manifest = read_manifest(entry["text"], entry["manifest"], modified=made_at)
    by_index = {file.index: file for file in files}
    by_key = {each["key"]: each for each in entry["files"]}
    found = []
    for key in manifest.data_keys:
        listed = by_key.get(key)
        file = by_index.get(listed["index"]) if listed else None
        if listed is None or file is None:
            raise missing_file(key, manifest)
        if file.size != listed["size"]:
            raise ImportRefusedError(
                "cut_file",
                "a file of the export is not as long as it should be",
                file=file.name,
                value=f"{file.size} bytes",
                expected=f"{listed['size']} bytes",
            )
        found.append(file)
    return Part(manifest, tuple(found))


def _uploaded_part(manifest: Manifest, data: Iterable[LandedFile]) -> Part:
    """Files uploaded by hand have only their names."""
    by_name: dict[str, list[LandedFile]] = {}
    for file in data:
        by_name.setdefault(file.name, []).append(file)
    found = []
    for key in manifest.data_keys:
        name = key.rpartition("/")[2]
        same = by_name.get(name, [])
        if not same:
            raise missing_file(key, manifest)
        if len(same) > 1:
            raise ImportRefusedError(
                "two_files_of_a_name",
                "two files have the name that the manifest gives",
                file=name,
                expected="one billing period at a time, or the export's folder",
            )
        found.append(same[0])
    return Part(manifest, tuple(found))


def _refuse_strangers(files: Sequence[LandedFile]) -> None:
    if files:
        raise ImportRefusedError(
            "file_without_manifest",
            "a file is named by no manifest",
            file=files[0].name,
            expected="the files that the manifest names and no others",
        )
