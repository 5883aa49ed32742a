"""The run's own row: started, kept alive, closed. Every write is fenced on the attempt.

A worker that froze and woke up after another had taken its run over finds that its attempt is no
longer the current one; it then writes nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from portal.choices import RejectedRowState, RunPhase, RunStatus
from portal.imports.contracts import MAX_RAW_TEXT, Rejection
from portal.imports.lock import try_lock_connection
from portal.models import ImportFile, ImportRun, RejectedRow

STALE_AFTER = timedelta(seconds=60)  # without a heartbeat for this long, a run is given away
MAX_ATTEMPTS = 3


class FencedOffError(Exception):
    """Another attempt has taken this run over; this one must end without writing."""


def start_run(run_id: int, *, at: datetime) -> ImportRun | None:
    """Take a queued run, or one whose worker has fallen silent, and count the attempt.

    Committed before any work, so that a run that kills its worker is counted too.

    Returns:
        the run, or None when there is nothing to do: finished, or running elsewhere.
    """
    waiting = ImportRun.objects.filter(pk=run_id, status=RunStatus.QUEUED)
    if not (_take(waiting, at=at) or _take_over(run_id, at=at)):
        return None
    run = ImportRun.objects.select_related("connection").get(pk=run_id)
    if run.attempt > MAX_ATTEMPTS:
        close_run(
            run,
            status=RunStatus.FAILED,
            at=at,
            problem=f"Given up after {MAX_ATTEMPTS} attempts: each ended without a result, "
            "which usually means that the worker or the database ran out of memory, time or "
            "space. The log has the details under this run's number.",
        )
        return None
    return run


def _take(runs: QuerySet[ImportRun], *, at: datetime) -> int:
    return runs.update(
        status=RunStatus.RUNNING,
        attempt=F("attempt") + 1,
        started_at=at,
        heartbeat_at=at,
        phase=RunPhase.READING,
        progress_rows=0,
        problem="",
    )


@transaction.atomic
def _take_over(run_id: int, *, at: datetime) -> int:
    """Take a run whose worker has fallen silent, unless it holds the connection's lock: then it
    is applying, which is one transaction without a heartbeat, however long it takes."""
    silent = ImportRun.objects.filter(
        pk=run_id, status=RunStatus.RUNNING, heartbeat_at__lt=at - STALE_AFTER
    )
    run = silent.first()
    if run is None or not try_lock_connection(run.connection_id):
        return 0
    return _take(silent, at=at)


def _mine(run: ImportRun) -> QuerySet[ImportRun]:
    """The run's row while it belongs to this attempt. The start is asked for as well: a release
    begins to count anew, and a worker that froze before it is not the new first attempt."""
    return ImportRun.objects.filter(
        pk=run.pk, attempt=run.attempt, started_at=run.started_at, status=RunStatus.RUNNING
    )


def beat_heart(run: ImportRun, *, at: datetime, phase: RunPhase, rows: int) -> None:
    """Record progress.

    Raises:
        FencedOffError: another attempt has taken over.
    """
    alive = _mine(run).update(heartbeat_at=at, phase=phase, progress_rows=rows)
    if not alive:
        raise FencedOffError(f"run {run.pk}, attempt {run.attempt}")


def close_run(run: ImportRun, *, status: RunStatus, at: datetime, **fields: Any) -> None:
    """Give the run its final status and figures.

    Raises:
        FencedOffError: another attempt has taken over; the caller's transaction must roll back.
    """
    closed = _mine(run).update(
        status=status, finished_at=at, heartbeat_at=at, phase=RunPhase.DONE, **fields
    )
    if not closed:
        raise FencedOffError(f"run {run.pk}, attempt {run.attempt}")
    run.refresh_from_db()


@transaction.atomic
def record_rejections(
    run: ImportRun, files: Sequence[ImportFile], rejections: Sequence[Rejection]
) -> None:
    """Put rejected rows into quarantine.

    A row that already waits there, from an earlier run of the connection or from before this one
    was held and released, is not listed twice: it is pointed at this run, its newest sighting. One
    that a person dismissed stays dismissed when it comes again.
    """
    names = {file.index: file.name for file in files}
    known = _known_rows(run.connection_id, {item.raw_sha256 for item in rejections})
    fresh: list[RejectedRow] = []
    for item in rejections:
        seen = known[(item.raw_sha256, item.field, item.code)]
        if seen:
            row = seen.pop()
            row.run, row.file_index, row.line = run, item.file_index, item.line
            row.file_name = names.get(item.file_index, "")
            row.save(update_fields=["run", "file_index", "line", "file_name"])
            continue
        fresh.append(
            RejectedRow(
                connection_id=run.connection_id,
                run=run,
                file_index=item.file_index,
                file_name=names.get(item.file_index, ""),
                line=item.line,
                field=item.field,
                value=item.value[:2000],
                code=item.code,
                expected=item.expected,
                raw_text=item.raw_text[:MAX_RAW_TEXT],
                raw_sha256=item.raw_sha256,
                is_fatal=item.fatal,
            )
        )
    RejectedRow.objects.bulk_create(fresh, batch_size=500)


def _known_rows(
    connection_id: int, digests: set[str]
) -> dict[tuple[str, str, str], list[RejectedRow]]:
    """Rows that wait or were dismissed, by raw text, field and code; the waiting go first."""
    found: dict[tuple[str, str, str], list[RejectedRow]] = defaultdict(list)
    asked = sorted(digests)
    for start in range(0, len(asked), 500):
        for row in RejectedRow.objects.filter(
            connection_id=connection_id,
            state__in=(RejectedRowState.WAITING, RejectedRowState.DISMISSED),
            raw_sha256__in=asked[start : start + 500],
        ).order_by("state", "pk"):
            found[(row.raw_sha256, row.field, row.code)].append(row)
    return found


def repairs_of(connection_id: int) -> dict[str, str]:
    """Raw-text digest → mended text, for all repairs that people made on this connection."""
    rows = RejectedRow.objects.filter(
        connection_id=connection_id, state=RejectedRowState.REPAIRED
    ).order_by("decided_at", "pk")
    return dict(rows.values_list("raw_sha256", "repaired_text"))


def describe_rejections(rejections: Sequence[Rejection], names: dict[int, str]) -> str:
    """One sentence that names the first bad rows: file, line, column, value, expectation."""
    shown = [
        f"{names.get(item.file_index, 'input')}, line {item.line}"
        + (f", column {item.field}" if item.field else "")
        + f": {item.value[:80]!r} is not {item.expected} [{item.code}]"
        for item in rejections[:5]
    ]
    more = len(rejections) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more > 0 else "")


def count_by_code(rejections: Sequence[Rejection]) -> dict[str, int]:
    """How many rows were rejected for which reason."""
    return dict(Counter(item.code for item in rejections))
