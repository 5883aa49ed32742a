"""Making a backup: database and imported files of one moment, counted, in one file."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from portal.backup import postgres, sqlite
from portal.backup.archive import ArchiveWriter, writing
from portal.backup.documents import document_hashes
from portal.backup.heads import head_of_audit
from portal.backup.manifest import (
    CODE_VERSION,
    FORMAT,
    NOT_INSIDE,
    BackupError,
    Manifest,
    TableFigures,
    applied_migrations,
    code_migrations,
)
from portal.imports.files import landed_path
from portal.models import ImportFile
from portal.services.people_files import removed_files

# What is done, and how many bytes of how many; the total is 0 while it is not known.
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Database:
    """One state of the database: its file in the spool and what was counted in that state."""

    member: str
    path: Path
    version: str
    migrations: list[str]
    tables: dict[str, TableFigures]
    audit_head: Any
    landed: list[str]


@dataclass(frozen=True, slots=True)
class MadeBackup:
    """A backup that is there whole."""

    path: Path
    size: int
    seconds: float
    manifest: Manifest


def make_backup(
    *,
    target: Path,
    at: datetime,
    accept_missing: bool = False,
    on_progress: OnProgress = lambda phase, done, total: None,
) -> MadeBackup:
    """Back up database and imported files to `target`, or to a file named by the time in it.

    Args:
        target: a file that is not there yet, or a folder.
        at: now; it names the file and stands in the manifest.
        accept_missing: go on when an imported file is not in the landing directory any more.

    Raises:
        BackupError: it was not made, and nothing lies at `target`.
    """
    began = time.monotonic()
    if target.is_dir():
        target = target / f"plumbline-{at:%Y%m%dT%H%M%SZ}.backup"
    if not target.parent.is_dir():
        raise BackupError(f"There is no folder {target.parent}.")
    if target.exists():
        raise BackupError(f"{target} is there already; give another name.")
    _refuse_unmigrated()
    with _spool(target) as spool:
        on_progress("Copying the database", 0, 0)
        database = _take(spool)
        present = [sha for sha in database.landed if landed_path(sha).is_file()]
        missing = sorted(set(database.landed) - set(present))
        # What was removed because it names people is gone for good, and missed by nobody.
        lost = sorted(set(missing) - removed_files(missing))
        if lost and not accept_missing:
            raise BackupError(
                f"{len(lost)} imported files are not in {settings.LANDING_DIR} any more, for "
                f"example {lost[0]}. Put them back, or give --accept-missing."
            )
        manifest = _pack(target, database, present, missing, at, on_progress)
    return MadeBackup(target, target.stat().st_size, time.monotonic() - began, manifest)


def _spool(target: Path) -> tempfile.TemporaryDirectory[str]:
    # Beside the target: the copy of the database needs as much room as the backup itself.
    return tempfile.TemporaryDirectory(
        dir=target.parent, prefix=".plumbline-backup-", ignore_cleanup_errors=True
    )


def _refuse_unmigrated() -> None:
    applied, known = set(applied_migrations()), set(code_migrations())
    if applied != known:
        raise BackupError(
            "The database and the code have different migrations, so no version could restore "
            f"this backup: {', '.join(sorted(applied ^ known))}. Migrate first."
        )


def _take(spool: str) -> Database:
    if connection.vendor == sqlite.ENGINE:
        path = Path(spool) / sqlite.MEMBER
        sqlite.take_snapshot(path)
        with sqlite.reading_from(path):
            return _counted(sqlite.MEMBER, path, sqlite.engine_version(), sqlite.count_tables(path))
    path = Path(spool) / postgres.MEMBER
    with postgres.snapshot() as name:
        postgres.dump(path, name)
        return _counted(postgres.MEMBER, path, postgres.engine_version(), postgres.count_tables())


def _counted(member: str, path: Path, version: str, tables: dict[str, TableFigures]) -> Database:
    """What Django's own queries see of the same state."""
    return Database(
        member=member,
        path=path,
        version=version,
        migrations=applied_migrations(),
        tables=tables,
        audit_head=head_of_audit(),
        landed=sorted(
            {*ImportFile.objects.order_by().values_list("sha256", flat=True), *document_hashes()}
        ),
    )


def _pack(
    target: Path,
    database: Database,
    present: list[str],
    missing: list[str],
    at: datetime,
    on_progress: OnProgress,
) -> Manifest:
    total = database.path.stat().st_size + sum(landed_path(sha).stat().st_size for sha in present)
    done = _Counter("Packing", total, on_progress)
    with writing(target, done.add) as archive:
        archive.add(database.member, database.path)
        for member, sha in _members(present):
            _add_landed(archive, member, sha)
        manifest = Manifest(
            format=FORMAT,
            made_at=at,
            code_version=CODE_VERSION,
            engine=connection.vendor,
            engine_version=database.version,
            migrations=database.migrations,
            tables=database.tables,
            audit_head=database.audit_head,
            files=archive.files,
            missing_files=missing,
            not_inside=list(NOT_INSIDE),
        )
        archive.finish(manifest)
    return manifest


def _members(hashes: list[str]) -> Iterator[tuple[str, str]]:
    for sha in hashes:
        yield f"landing/{sha}", sha


def _add_landed(archive: ArchiveWriter, member: str, sha: str) -> None:
    if archive.add(member, landed_path(sha)).sha256 != sha:
        raise BackupError(
            f"The imported file {sha} is damaged: its content has another hash. Take it from an "
            "older backup; until then remove it and give --accept-missing."
        )


class _Counter:
    """Adds up bytes and tells them on."""

    def __init__(self, phase: str, total: int, on_progress: OnProgress) -> None:
        self._phase, self._total, self._tell = phase, total, on_progress
        self._done = 0

    def add(self, count: int) -> None:
        self._done += count
        self._tell(self._phase, self._done, self._total)
