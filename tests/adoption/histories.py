"""Small exported histories for tests: lines, files, and reading them."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from adoption.sources.git.source import GitSource
from adoption.sources.records import CommitRecord, TagRecord
from portal.imports.contracts import Batch, LandedFile, Limits, Note, ReadOptions, Rejection

PERSON = {"name": "Mira Okafor", "email": "mira@acme.example"}


def make_sha(number: int) -> str:
    """A hash that differs from its neighbours in the first digits, as real ones do."""
    return hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest()


def commit_row(number: int = 1, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "sha": make_sha(number),
        "parents": [make_sha(number - 1)] if number > 1 else [],
        "authored_at": "2026-03-01T09:30:00+01:00",
        "committed_at": "2026-03-01T10:00:00+01:00",
        "author": PERSON,
        "committer": PERSON,
        "subject": f"Change {number}",
        "message": f"Change {number}",
        "files_changed": 1,
        "insertions": 2,
        "deletions": 0,
    }
    return row | changes


def tag_row(name: str = "1.0", target: int = 1, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": name,
        "type": "annotated",
        "target": make_sha(target),
        "tagged_at": "2026-03-02T08:00:00Z",
        "tagger": PERSON,
        "on_default_branch": True,
    }
    return row | changes


def without(row: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != key}


def to_lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


class Landing:
    """A folder in which content lands as the engine would land it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: list[LandedFile] = []

    def add(self, name: str, content: bytes, *, packed: bool = False) -> LandedFile:
        data = gzip.compress(content) if packed else content
        index = len(self.files)
        path = self.folder / f"landed-{index}"
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        self.files.append(LandedFile(index, name, path, digest, len(data)))
        return self.files[-1]


class Outcome:
    """Everything that one reading gave, batches joined."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self.batches = list(batches)
        self.records = [record for batch in self.batches for record in batch.records]
        self.commits = [record for record in self.records if isinstance(record, CommitRecord)]
        self.tags = [record for record in self.records if isinstance(record, TagRecord)]
        self.rejections: list[Rejection] = [r for b in self.batches for r in b.rejections]
        self.notes: list[Note] = [note for batch in self.batches for note in batch.notes]


def read_files(
    files: Iterable[LandedFile],
    *,
    limits: Limits | None = None,
    repairs: Mapping[str, str] | None = None,
) -> Outcome:
    options = ReadOptions(limits=limits or Limits(), repairs=repairs or {})
    return Outcome(GitSource().read(files, options))
