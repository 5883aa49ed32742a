"""Asking for imports and deciding about what they held or rejected.

The run's row is the request. Whoever calls one of these from a page also sends the task once the
transaction is committed; if that message is lost, the sweeper sends it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from django.db import transaction
from django.db.models import Q

from portal.choices import RejectedRowState, RunPhase, RunStatus, RunTrigger, WorkStatus
from portal.imports.files import Landed, land_path, land_stream
from portal.imports.ledger import STALE_AFTER
from portal.imports.registry import FollowUp, follow_ups
from portal.models import Connection, ImportFile, ImportRun, RejectedRow, User, WorkItem
from portal.services.work import enqueue
from portal.work.heart import beating
from portal.work.runner import execute_item

RESEND_AFTER = timedelta(seconds=30)


class RunNotOpenError(ValueError):
    """The run is not in a state in which that can be decided."""


class RowNotWaitingError(ValueError):
    """The rejected row has been decided already."""


@dataclass(frozen=True)
class Upload:
    """An opened input with the name to show."""

    name: str
    stream: BinaryIO


def request_import(
    *,
    connection: Connection,
    inputs: Sequence[Path | Upload],
    trigger: RunTrigger,
    at: datetime,
    actor: User | None = None,
    window_start: date | None = None,
    window_end: date | None = None,
    is_dry_run: bool = False,
) -> ImportRun:
    """Land the inputs and queue a run.

    Args:
        window_start, window_end: half-open UTC days that the input claims to cover completely;
            only rows of these days are taken, and a day of them that had rows and has none now is
            held for a person.

    Raises:
        ImportRefusedError: an input is too large or cannot be read.
    """
    landed: list[tuple[str, Landed]] = []
    for item in inputs:
        if isinstance(item, Upload):
            landed.append((item.name, land_stream(item.stream, name=item.name)))
        else:
            landed.append((item.name, land_path(item)))
    return _queue(
        connection=connection,
        files=landed,
        trigger=trigger,
        at=at,
        actor=actor,
        window=(window_start, window_end),
        is_dry_run=is_dry_run,
    )


@transaction.atomic
def _queue(
    *,
    connection: Connection,
    files: Sequence[tuple[str, Landed]],
    trigger: RunTrigger,
    at: datetime,
    actor: User | None,
    window: tuple[date | None, date | None],
    is_dry_run: bool = False,
    replay_of: ImportRun | None = None,
) -> ImportRun:
    run = ImportRun(
        connection=connection,
        trigger=trigger,
        requested_by=actor,
        requested_at=at,
        window_start=window[0],
        window_end=window[1],
        is_dry_run=is_dry_run,
        replay_of=replay_of,
    )
    run.full_clean()
    run.save()
    ImportFile.objects.bulk_create(
        ImportFile(run=run, index=index, name=name[:255], sha256=item.sha256, size=item.size)
        for index, (name, item) in enumerate(files)
    )
    return run


@transaction.atomic
def replay_run(*, run: ImportRun, actor: User | None, at: datetime) -> ImportRun:
    """Queue a new run over the same landed files, so that repairs made since take effect.

    It points at the run that first brought the files, also when that is itself the replay of one:
    a store takes a replay for as old as that run, so it undoes nothing that came later.
    """
    files = [(file.name, Landed(file.sha256, file.size)) for file in run.files.order_by("index")]
    return _queue(
        connection=run.connection,
        files=files,
        trigger=RunTrigger.REPLAY,
        at=at,
        actor=actor,
        window=(run.window_start, run.window_end),
        replay_of=run.replay_of or run,
    )


@transaction.atomic
def release_run(*, run: ImportRun, actor: User, at: datetime) -> ImportRun:
    """Let a held run be applied. It is planned again, and held again should a reason be new.

    Raises:
        RunNotOpenError: it is not held.
    """
    released = ImportRun.objects.filter(pk=run.pk, status=RunStatus.HELD).update(
        status=RunStatus.QUEUED,
        phase=RunPhase.WAITING,
        released_by=actor,
        released_at=at,
        finished_at=None,
        attempt=0,
    )
    if not released:
        raise RunNotOpenError(f"Run {run.pk} is not held (any more).")
    run.refresh_from_db()
    return run


@transaction.atomic
def discard_run(*, run: ImportRun, actor: User, at: datetime) -> ImportRun:
    """Decide that a held run is never applied.

    Raises:
        RunNotOpenError: it is not held.
    """
    discarded = ImportRun.objects.filter(pk=run.pk, status=RunStatus.HELD).update(
        status=RunStatus.DISCARDED, released_by=actor, released_at=at
    )
    if not discarded:
        raise RunNotOpenError(f"Run {run.pk} is not held (any more).")
    run.refresh_from_db()
    return run


@transaction.atomic
def repair_row(*, row: RejectedRow, text: str, reason: str, actor: User, at: datetime) -> None:
    """Keep the mended text of a rejected row; a replay, or its next coming, reads that instead.

    Rows of the connection with the same raw text are decided with it: the mended text is read in
    the place of each.

    Raises:
        RowNotWaitingError: it has been decided already.
    """
    _decide_row(row, RejectedRowState.REPAIRED, text, reason, actor, at)
    RejectedRow.objects.filter(
        connection_id=row.connection_id,
        raw_sha256=row.raw_sha256,
        state=RejectedRowState.WAITING,
    ).update(
        state=row.state,
        repaired_text=row.repaired_text,
        decision_reason=row.decision_reason,
        decided_by=actor,
        decided_at=at,
    )


@transaction.atomic
def dismiss_row(*, row: RejectedRow, reason: str, actor: User, at: datetime) -> None:
    """Decide that a rejected row is not wanted.

    Raises:
        RowNotWaitingError: it has been decided already.
    """
    _decide_row(row, RejectedRowState.DISMISSED, "", reason, actor, at)


def _decide_row(
    row: RejectedRow, state: RejectedRowState, text: str, reason: str, actor: User, at: datetime
) -> None:
    decided = RejectedRow.objects.filter(pk=row.pk, state=RejectedRowState.WAITING).update(
        state=state,
        repaired_text=text,
        decision_reason=reason,
        decided_by=actor,
        decided_at=at,
    )
    if not decided:
        raise RowNotWaitingError("Somebody has decided about this row already.")
    row.refresh_from_db()


def runs_to_send_again(*, at: datetime) -> list[int]:
    """Runs whose message was lost or whose worker fell silent, oldest first."""
    lost = Q(status=RunStatus.QUEUED, requested_at__lt=at - RESEND_AFTER)
    silent = Q(status=RunStatus.RUNNING, heartbeat_at__lt=at - STALE_AFTER)
    return list(ImportRun.objects.filter(lost | silent).order_by("pk").values_list("pk", flat=True))


def queue_follow_ups(*, run: ImportRun, at: datetime) -> None:
    """Queue what rests on this import, in the transaction that closes the run."""
    if run.status != RunStatus.APPLIED:
        return
    for item in sorted(follow_ups, key=lambda item: item.key):  # one order: no deadlock
        if run.connection.kind in item.kinds:
            enqueue(
                kind=item.work_kind,
                key=_key_of(item, run),
                payload={"run": run.pk},
                actor=run.requested_by,
                at=at,
            )


def _key_of(item: FollowUp, run: ImportRun) -> str:
    return f"run:{run.pk}" if item.is_per_run else ""


def follow_up(*, run: ImportRun, at: datetime) -> None:
    """Do here and now what rests on this import and is still queued. Harmless when repeated."""
    if run.status != RunStatus.APPLIED:
        return
    wanted = Q(pk__in=())
    for item in follow_ups:
        wanted |= Q(kind=item.work_kind, key=_key_of(item, run))
    queued = WorkItem.objects.filter(wanted, status=WorkStatus.QUEUED).order_by("pk")
    for item_id in list(queued.values_list("pk", flat=True)):
        execute_item(item_id, clock=lambda: at, keeper=beating)
