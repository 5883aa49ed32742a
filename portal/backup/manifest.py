"""What a backup says about itself: read and held against the archive before anything is restored.

The manifest is JSON inside the archive. Sums are in nano-units, as text, because JSON numbers of
other readers are floats.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from pydantic import BaseModel, ConfigDict, ValidationError

from portal.version import VERSION

FORMAT = 1
CODE_VERSION = VERSION
NOT_INSIDE = (
    "Sessions: everybody signs in again after a restore.",
    "Secrets: PLUMBLINE_SECRET_KEY, peppers, and the keys of stored credentials and of audit "
    "seals. Keep them apart from the backup; without them stored credentials cannot be read.",
    "Queue messages: open work is in the database and is sent again from there.",
)


class BackupError(Exception):
    """A backup or a restore that was not done; the message says why, and nothing was changed."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sum(Frozen):
    """One money column in one currency: how many values are known, and their exact sum."""

    known: int
    nano: str


class TableFigures(Frozen):
    """What must be the same after a restore.

    Attributes:
        rows: how many.
        digest: a digest of all rows in any order; None where the file's own hash says it (SQLite).
        sums: by column, then by currency (empty where the table names none).
    """

    rows: int
    digest: str | None = None
    sums: dict[str, dict[str, Sum]] = {}


class FileEntry(Frozen):
    """One member of the archive, unpacked."""

    sha256: str
    size: int


class Manifest(Frozen):
    """Everything that a restore checks."""

    format: int
    made_at: datetime
    code_version: str
    engine: str
    engine_version: str
    migrations: list[str]
    tables: dict[str, TableFigures]
    audit_head: Any
    files: dict[str, FileEntry]
    missing_files: list[str]
    not_inside: list[str]

    @property
    def rows(self) -> int:
        """Rows of all tables together."""
        return sum(table.rows for table in self.tables.values())


def read_manifest(data: bytes) -> Manifest:
    """The manifest in `data`.

    Raises:
        BackupError: it is none, or one of another format.
    """
    try:
        found = Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise BackupError(f"The manifest cannot be read: {where}: {first['msg']}.") from error
    if found.format != FORMAT:
        raise BackupError(
            f"The backup has format {found.format}; this version of Plumbline reads {FORMAT}."
        )
    return found


def code_migrations() -> list[str]:
    """All migrations that this code has, as `app.name`."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return sorted(f"{app}.{name}" for app, name in loader.disk_migrations)


def applied_migrations() -> list[str]:
    """The migrations that the database has seen, of the apps of this code."""
    loader = MigrationLoader(connection)
    return sorted(f"{app}.{name}" for app, name in loader.applied_migrations)


def refuse_other_versions(manifest: Manifest, *, engine: str) -> None:
    """Refuse a backup that this code and this database cannot take as it is.

    Raises:
        BackupError: another engine, another version of the code, or other migrations.
    """
    if manifest.engine != engine:
        raise BackupError(
            f"The backup is one of {manifest.engine} and this portal runs on {engine}. A backup is "
            "not converted: the triggers that guard the audit differ. Set DATABASE_URL to an "
            f"empty database of {manifest.engine}."
        )
    if manifest.code_version != CODE_VERSION:
        raise BackupError(
            f"The backup was made by Plumbline {manifest.code_version} and this is {CODE_VERSION}. "
            "Restore it with the version that made it, then upgrade and migrate."
        )
    here, there = set(code_migrations()), set(manifest.migrations)
    if here != there:
        unknown, lacking = sorted(there - here), sorted(here - there)
        parts = [f"it has {', '.join(unknown)}, which this code has not"] if unknown else []
        parts += [f"it lacks {', '.join(lacking)}"] if lacking else []
        raise BackupError(
            f"The backup has other migrations: {'; '.join(parts)}. Restore it with the code that "
            "made it, then upgrade and migrate."
        )


def differences(expected: dict[str, TableFigures], found: dict[str, TableFigures]) -> list[str]:
    """In words, where counts, sums or contents of two databases differ."""
    problems = []
    for name in sorted(expected.keys() | found.keys()):
        one, other = expected.get(name), found.get(name)
        if one is None or other is None:
            problems.append(f"{name}: {'not in the backup' if one is None else 'not restored'}")
        elif one.rows != other.rows:
            problems.append(f"{name}: {one.rows} rows in the backup, {other.rows} restored")
        elif one.sums != other.sums:
            problems.append(f"{name}: the sums of money differ")
        elif one.digest != other.digest:
            problems.append(f"{name}: the contents differ")
    return problems
