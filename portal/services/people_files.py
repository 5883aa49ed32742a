"""Landed files that name people: kept as long as bills are asked about, then removed.

What a provider sends has logins and addresses in it, and landing keeps it as it came. The lines
and quantities made of it stay; their raw record is then gone, and the page of a line says so.
Sooner, a person's name can be erased by hand. Both leave an event in the audit, and both may be
repeated: what was killed halfway is finished by the next time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from portal.audit.context import acting
from portal.audit.record import record_event
from portal.backup.documents import document_hashes
from portal.choices import FINISHED_RUN_STATUSES, AuditOperation, RunStatus
from portal.imports.files import landed_path
from portal.imports.names_in_files import holds_name, replaced
from portal.imports.registry import import_sources, name_erasers
from portal.models import AuditEvent, ImportFile, RejectedRow

log = structlog.get_logger(__name__)
TABLE = "landed_file"  # of the events; their key is the file's hash
ERASED = "(erased)"
_OVER = [status for status in FINISHED_RUN_STATUSES if status != RunStatus.HELD]


class NothingSaidError(ValueError):
    """No name, one that is too short to be one, or no reason."""


@dataclass(frozen=True, slots=True)
class ErasedNames:
    """What an erasure found.

    Attributes:
        files: landed files that were removed.
        unread: landed files of a kind that cannot be searched; they go by age.
        rows: rows of the quarantine whose text was emptied.
        records: rows of the rooms in which a name was replaced.
    """

    files: int
    unread: int
    rows: int
    records: int


def remove_old_people_files(*, at: datetime) -> int:
    """Remove landed files that name people and are older than `PLUMBLINE_PEOPLE_FILES_DAYS`.

    A file stays while a younger run, a run that is not over, a source that names nobody or a
    governed row names it. Returns how many were removed.
    """
    before = at - timedelta(days=settings.PEOPLE_FILES_DAYS)
    old = _files().filter(run__status__in=_OVER, run__finished_at__lt=before)
    wanted = set(old.values_list("sha256", flat=True)) - _kept_for_another_reason(old)
    why = f"older than {settings.PEOPLE_FILES_DAYS} days"
    return sum(_remove(sha, why) for sha in sorted(wanted))


def _files() -> QuerySet[ImportFile]:
    """Files of sources that name people."""
    sources = [source.key for source in import_sources if source.names_people]
    return ImportFile.objects.filter(run__connection__source__in=sources).order_by()


def _kept_for_another_reason(old: QuerySet[ImportFile]) -> set[str]:
    others = ImportFile.objects.exclude(pk__in=old.values("pk"))
    return set(others.order_by().values_list("sha256", flat=True)) | document_hashes()


def _remove(sha256: str, why: str) -> bool:
    """Whether there was a file. The event is there before the file is gone, never the reverse."""
    path = landed_path(sha256)
    if not path.is_file():
        return False
    with transaction.atomic():
        if not removed_files([sha256]):
            record_event(
                operation=AuditOperation.ERASED,
                table=TABLE,
                key=sha256,
                facts={"why": why, "bytes": path.stat().st_size},
            )
    path.unlink(missing_ok=True)
    log.info("people_file_removed", sha256=sha256, why=why)
    return True


def removed_files(hashes: Collection[str]) -> set[str]:
    """Those of these landed files that were removed because they name people."""
    found: set[str] = set()
    events = AuditEvent.objects.filter(table=TABLE, operation=AuditOperation.ERASED)
    every = sorted(hashes)
    for start in range(0, len(every), 500):
        some = events.filter(key__in=every[start : start + 500])
        found |= set(some.values_list("key", flat=True))
    return found


def erase_names(*, names: Collection[str], reason: str, at: datetime) -> ErasedNames:
    """Erase a person by the names that providers use: address, login, user id.

    Landed files in which one of them stands are removed whole, because a file with a line taken
    out would no longer be what its hash says. Rows of the quarantine are emptied. In the rooms a
    pseudonym takes its place, the same one for the same name, so that sums by principal stay.

    Args:
        names: as they stand in the files; capitals and small letters are the same.
        reason: kept in the audit, which keeps no name.

    Raises:
        NothingSaidError: no name of four characters or more, or no reason.
    """
    wanted = sorted({name.strip() for name in names if name.strip()})
    if not wanted or min(map(len, wanted)) < 4:
        raise NothingSaidError("give whole names, of four characters or more")
    if not reason.strip():
        raise NothingSaidError("say why; it stays in the audit")
    with acting(reason=reason.strip()):
        files, unread = _erase_files(wanted)
        with transaction.atomic():
            rows = _erase_rows(wanted)
            records = sum(each.erase(wanted, replaced) for each in name_erasers)
            record_event(
                operation=AuditOperation.ERASED,
                table="names_in_imports",
                key=at.isoformat(),
                facts={"names": len(wanted), "files": files, "rows": rows, "records": records},
            )
    return ErasedNames(files, unread, rows, records)


def _erase_files(names: Collection[str]) -> tuple[int, int]:
    kept = document_hashes()
    files = unread = 0
    for sha256, path in _there():
        found = holds_name(path, names)
        if found is None:
            unread += 1
        elif found and sha256 not in kept:
            files += _remove(sha256, "it names somebody who was erased")
    return files, unread


def _there() -> Iterator[tuple[str, Path]]:
    for sha256 in sorted(set(_files().values_list("sha256", flat=True))):
        path = landed_path(sha256)
        if path.is_file():
            yield sha256, path


def _erase_rows(names: Collection[str]) -> int:
    wanted = Q()
    for name in names:
        for field in ("raw_text", "repaired_text", "value"):
            wanted |= Q(**{f"{field}__icontains": name})
    rows = RejectedRow.objects.filter(wanted)
    return rows.update(raw_text=ERASED, repaired_text="", value="")
