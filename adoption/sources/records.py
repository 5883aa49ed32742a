"""What every delivery source yields: commits, changes and deployments as frozen records."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Person(NamedTuple):
    """A name as the source has it; who that is, the identity queue says."""

    name: str
    email: str


class CommitRecord(NamedTuple):
    """One commit. Times are aware; counts are None where the source does not say (merges)."""

    file_index: int
    line: int
    sha: str
    parents: tuple[str, ...]
    authored_at: datetime
    committed_at: datetime
    author: Person
    committer: Person
    message: str
    files_changed: int | None
    insertions: int | None
    deletions: int | None
    on_default_branch: bool


class TagRecord(NamedTuple):
    """One release tag; `tagged_at` is the tagger's date, for a lightweight tag the commit's."""

    file_index: int
    line: int
    name: str
    target: str
    tagged_at: datetime
    annotated: bool
