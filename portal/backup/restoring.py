"""Restoring a backup: everything is checked before anything is touched, and counted afterwards."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from portal.backup import postgres, sqlite
from portal.backup.archive import Archive, opened
from portal.backup.heads import head_of_audit
from portal.backup.making import OnProgress
from portal.backup.manifest import BackupError, Manifest, differences, refuse_other_versions
from portal.imports.files import landed_path
from portal.models import Connection, ImportRun, User
from portal.run.supervisor import StartError, take_lock

# A portal in which none of these has a row holds nothing that anybody would miss.
_SIGNS_OF_LIFE = (User, Connection, ImportRun)


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did."""

    manifest: Manifest
    files_added: int
    seconds: float


def check_backup(*, path: Path, on_progress: OnProgress) -> Manifest:
    """Unpack and check a whole backup without restoring it.

    Raises:
        BackupError: it is damaged, or made for another engine or version.
    """
    with opened(path) as archive:
        refuse_other_versions(archive.manifest, engine=connection.vendor)
        with _unpacked(archive, on_progress):
            return archive.manifest


def restore_backup(*, path: Path, replace: bool, on_progress: OnProgress) -> Restored:
    """Put the database and the imported files back as they were when the backup was made.

    Args:
        replace: a portal that holds data may be replaced; otherwise it is refused.

    Raises:
        BackupError: it was not restored, and the former data is as it was.
    """
    began = time.monotonic()
    with opened(path) as archive:
        refuse_other_versions(archive.manifest, engine=connection.vendor)
        if not replace and (held := _what_is_held()):
            raise BackupError(
                f"This portal already holds data ({held}). Give --replace to put the backup in its "
                "place; make a backup of it first."
            )
        with _portal_stopped(), _unpacked(archive, on_progress) as folder:
            added = _land(archive.manifest, folder)
            on_progress("Restoring the database", 0, 0)
            _restore_database(archive.manifest, folder)
    return Restored(archive.manifest, added, time.monotonic() - began)


def _what_is_held() -> str:
    """The first sign of life, in words; empty for a portal without any."""
    tables = set(connection.introspection.table_names())
    for model in _SIGNS_OF_LIFE:
        if model._meta.db_table in tables and model._default_manager.exists():
            return str(model._meta.verbose_name_plural)
    return ""


@contextmanager
def _portal_stopped() -> Iterator[None]:
    """Hold the lock of the local supervisor, so that no portal runs on this data directory."""
    try:
        lock = take_lock(settings.VAR_DIR, "a restore")
    except StartError as error:
        raise BackupError(f"Stop the portal first. {str(error).splitlines()[0]}") from error
    try:
        yield
    finally:
        os.close(lock)


@contextmanager
def _unpacked(archive: Archive, on_progress: OnProgress) -> Iterator[Path]:
    """All members in a folder beside the landing directory, each with the hash that it must have.

    Raises:
        BackupError: a member is not what the manifest says, or there is no room.
    """
    total = sum(entry.size for entry in archive.manifest.files.values())
    done = 0

    def add(count: int) -> None:
        nonlocal done
        done += count
        on_progress("Checking", done, total)

    try:
        with tempfile.TemporaryDirectory(dir=settings.VAR_DIR, prefix="restore-") as name:
            folder = Path(name)
            (folder / "landing").mkdir()
            for member, entry in archive.manifest.files.items():
                archive.extract(member, folder / member, add)
                if member.startswith("landing/") and member != f"landing/{entry.sha256}":
                    raise BackupError(f"{member} is not named by its hash.")
            yield folder
    except OSError as error:
        raise BackupError(f"The backup cannot be unpacked: {error}.") from error


def _land(manifest: Manifest, folder: Path) -> int:
    """Move imported files that are not there yet into the landing directory.

    They are named by their content, so those that are there stay, and a restore that fails
    afterwards leaves only files that nothing refers to.
    """
    added = 0
    for path in sorted((folder / "landing").iterdir()):
        target = landed_path(path.name)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
            added += 1
    return added


def _restore_database(manifest: Manifest, folder: Path) -> None:
    if connection.vendor == sqlite.ENGINE:
        path = folder / sqlite.MEMBER
        with sqlite.reading_from(path):
            _compare(manifest, sqlite.count_tables(path))
        sqlite.put_in_place(path)
        _compare(manifest, sqlite.count_tables(sqlite.database_path()))
        return
    with postgres.replacing(folder / postgres.MEMBER):
        _compare(manifest, postgres.count_tables())


def _compare(manifest: Manifest, found: Any) -> None:
    """Refuse what is not exactly what was backed up.

    Raises:
        BackupError: naming the tables whose counts, sums or contents differ, or the audit.
    """
    problems = differences(manifest.tables, found)
    if manifest.audit_head != head_of_audit():
        problems.append("the audit ends elsewhere")
    if problems:
        raise BackupError(
            f"What was restored is not what was backed up: {'; '.join(problems[:5])}. The former "
            "data is left in place."
        )
