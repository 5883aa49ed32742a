"""One import run, from landed files to a closed ledger. See the README beside this file.

Order matters: the attempt is committed first (it survives a crash); everything is read and staged
without touching live data; then, in one transaction and under the connection's lock, the plan is
made, judged, applied and the run closed, fenced on the attempt.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Max
from pydantic import ValidationError

from portal.choices import RejectionPolicy, RunPhase, RunStatus
from portal.disks import is_disk_failure
from portal.imports import ledger
from portal.imports.collector import collector_paused
from portal.imports.contracts import (
    NOTHING_THERE,
    ImportRefusedError,
    LandedFile,
    Limits,
    Note,
    ReadOptions,
    Rejection,
    SourceUnavailableError,
)
from portal.imports.files import landed_files
from portal.imports.lock import lock_connection
from portal.imports.registry import ImportSource, Plan, Store, Totals, import_sources
from portal.imports.same_again import SameAgain
from portal.models import ImportFile, ImportRun
from portal.services.imports import queue_follow_ups
from portal.shell.money import EXACT, decimal_text
from portal.wording import counted

log = structlog.get_logger(__name__)
Clock = Callable[[], datetime]
Progress = Callable[[RunPhase, int], None]
MAX_NOTES = 50


@dataclass
class _Reading:
    """What reading the input gave besides the staged rows."""

    taken: int = 0
    rejections: list[Rejection] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


def execute_run(run_id: int, *, clock: Clock, on_progress: Progress | None = None) -> ImportRun:
    """Execute a queued run and return it closed.

    Whatever goes wrong is written on the run: refused input, an unreachable source, a fault of
    ours. Only a fenced-off attempt ends silently, because the run is then somebody else's.

    Raises:
        OperationalError, InterfaceError: the database failed; the run stays open and is tried
            again later.
        OSError: the machine's disk failed; likewise.
    """
    run = ledger.start_run(run_id, at=clock())
    if run is None:
        return ImportRun.objects.select_related("connection").get(pk=run_id)
    structlog.contextvars.bind_contextvars(import_run=run.pk, connection=run.connection.slug)
    try:
        _Execution(run, clock, on_progress).run_it()
    except ledger.FencedOffError as error:
        log.warning("import_fenced_off", detail=str(error))
    except ImportRefusedError as error:
        _close_quietly(run, RunStatus.REFUSED, clock(), str(error))
    except (OperationalError, InterfaceError):
        # The database went away, was locked or is full. The run stays open; once its heartbeat
        # is stale the sweeper sends it again, as often as any run is tried.
        log.warning("import_interrupted", exc_info=True)
        raise
    except SourceUnavailableError as error:
        _close_quietly(run, RunStatus.FAILED, clock(), str(error))
    except SoftTimeLimitExceeded:
        _close_quietly(
            run,
            RunStatus.FAILED,
            clock(),
            f"The import took longer than the {settings.CELERY_TASK_SOFT_TIME_LIMIT} seconds that "
            "background work may take. Nothing was applied. Split the input, for example by month, "
            "or use the import command, which may take as long as it needs.",
        )
    except Exception as error:
        if is_disk_failure(error):
            log.warning("import_interrupted", exc_info=True)
            raise
        log.exception("import_failed")
        _close_quietly(
            run,
            RunStatus.FAILED,
            clock(),
            f"A fault of the portal: {type(error).__name__}. "
            "Nothing was applied. The log has the details under this run's number.",
        )
    finally:
        structlog.contextvars.unbind_contextvars("import_run", "connection")
    run.refresh_from_db()
    return run


def _unfit(error: ValidationError) -> ImportRefusedError:
    """The refusal for a connection that was made before its source took less."""
    first = error.errors()[0]
    return ImportRefusedError(
        "bad_config",
        "the connection's configuration does not fit any more: "
        f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
        value=str(first.get("input")),
        expected="the connection configured anew",
    )


def _close_quietly(run: ImportRun, status: RunStatus, at: datetime, problem: str) -> None:
    try:
        ledger.close_run(run, status=status, at=at, problem=problem)
    except ledger.FencedOffError as error:
        log.warning("import_fenced_off", detail=str(error))


class _Execution:
    """The steps of one attempt, sharing the run, its files and its reader."""

    def __init__(self, run: ImportRun, clock: Clock, on_progress: Progress | None) -> None:
        self.run = run
        self.clock = clock
        self.on_progress = on_progress
        self.spec: ImportSource = import_sources.get(run.connection.source)
        self.files: list[ImportFile] = list(run.files.order_by("index"))
        self.repairs = ledger.repairs_of(run.connection_id)
        self.context = self.spec.make_context(run) if self.spec.make_context else {}
        self.same_again = SameAgain(
            run, self.spec, self.files, repairs=self.repairs, context=self.context
        )
        self._last_beat = clock()

    def run_it(self) -> None:
        if self.same_again.close(clock=self.clock):
            return
        store = self.spec.make_store(self.run)
        store.open()
        reading = _Reading()
        try:
            self._read(store, reading)
            if not self._refuse_rejected(reading):
                self._decide(store, reading)
        except ImportRefusedError as error:
            self._close_refused(reading, str(error))
        finally:
            store.close()

    # --- reading ------------------------------------------------------------------------------

    def _options(self) -> ReadOptions:
        try:
            config = self.spec.config_model.model_validate(self.run.connection.config)
        except ValidationError as error:
            raise _unfit(error) from error
        return ReadOptions(
            config=config.model_dump(mode="json"),
            limits=Limits(max_bytes=settings.IMPORT_MAX_BYTES, max_rows=settings.IMPORT_MAX_ROWS),
            repairs=self.repairs,
            context=self.context,
        )

    def _read(self, store: Store, reading: _Reading) -> None:
        rows = 0
        files = landed_files(self.files)
        _refuse_removed(files)
        with collector_paused():
            for batch in self.spec.source.read(files, self._options()):
                reading.taken += store.stage(batch.records)
                reading.rejections.extend(batch.rejections)
                reading.notes.extend(batch.notes)
                rows += len(batch.records) + len(batch.rejections)
                self._beat(RunPhase.READING, rows)
        says_so = any(note.code == NOTHING_THERE for note in reading.notes)
        if rows == 0 and not says_so:
            raise ImportRefusedError(
                "nothing_to_import", "the input has no rows", expected="at least one row"
            )

    def _beat(self, phase: RunPhase, rows: int) -> None:
        if self.on_progress:
            self.on_progress(phase, rows)
        now = self.clock()
        if (now - self._last_beat).total_seconds() >= 1:
            self._last_beat = now
            ledger.beat_heart(self.run, at=now, phase=phase, rows=rows)

    def _refuse_rejected(self, reading: _Reading) -> bool:
        """Refuse the input when policy or money says so; the rows wait in quarantine all the same.

        Returns:
            whether the run was refused.
        """
        rejected = reading.rejections
        fatal = [item for item in rejected if item.fatal]
        strict = self.run.connection.rejection_policy == RejectionPolicy.REFUSE
        nothing_good = rejected and not reading.taken
        if not (fatal or nothing_good or (strict and rejected)):
            return False
        why = (
            "an amount cannot be read"
            if fatal
            else "no row is good"
            if nothing_good
            else "this connection refuses on any bad row"
        )
        names = {file.index: file.name for file in self.files}
        problem = f"Refused, because {why}: " + ledger.describe_rejections(fatal or rejected, names)
        self._close_refused(reading, problem)
        return True

    def _close_refused(self, reading: _Reading, problem: str) -> None:
        """Close the run with what was read up to then; rejected rows help to mend the file."""
        with transaction.atomic():
            ledger.record_rejections(self.run, self.files, reading.rejections)
            ledger.close_run(
                self.run,
                status=RunStatus.REFUSED,
                at=self.clock(),
                problem=problem,
                read=reading.taken + len(reading.rejections),
                rejected=len(reading.rejections),
                notes=_notes(reading.notes),
                parser_version=self.spec.source.parser_version,
            )

    # --- deciding -----------------------------------------------------------------------------

    def _decide(self, store: Store, reading: _Reading) -> None:
        self._beat(RunPhase.COMPARING, reading.taken + len(reading.rejections))
        with transaction.atomic():
            lock_connection(self.run.connection_id)
            plan = store.plan()
            self._hold_if_incomplete(plan, reading)
            fields = self._figures(plan, reading)
            at = self._moment()
            if plan.overtaken_by is not None:
                status = RunStatus.SUPERSEDED
                fields["problem"] = (
                    f"Run {plan.overtaken_by} is newer and has already written these days."
                )
            elif self.run.is_dry_run:
                status = RunStatus.CHECKED
                fields["held_reason"] = "\n".join(plan.hold_reasons)
            elif self._holds(plan):
                status = RunStatus.HELD
                fields["held_reason"] = "\n".join(plan.hold_reasons)
            else:
                status = RunStatus.APPLIED
                store.apply(plan, at=at)
                fields["facts"] = _plain(plan.facts)
                fields["notes"] = _notes([*reading.notes, *plan.notes])
            if not self.run.is_dry_run:
                ledger.record_rejections(self.run, self.files, reading.rejections)
            ledger.close_run(self.run, status=status, at=at, **fields)
            queue_follow_ups(run=self.run, at=at)

    def _moment(self) -> datetime:
        """Now, yet never before what the connection took last: the clocks of two machines differ,
        and what holds must not have been replaced before it was recorded."""
        applied = ImportRun.objects.filter(
            connection_id=self.run.connection_id, status=RunStatus.APPLIED
        )
        newest = applied.aggregate(newest=Max("finished_at"))["newest"]
        now = self.clock()
        return max(now, newest) if newest else now

    def _hold_if_incomplete(self, plan: Plan, reading: _Reading) -> None:
        """Nothing is withdrawn on the word of an input of which some rows could not be read: the
        row that seems to be gone may be one of those."""
        if plan.superseded and reading.rejections:
            plan.hold_reasons.append(
                f"{counted(plan.superseded, 'row')} imported before "
                f"{'is' if plan.superseded == 1 else 'are'} not in this input, of which "
                f"{counted(len(reading.rejections), 'row')} could not be read: they may be the "
                "same."
            )

    def _holds(self, plan: Plan) -> bool:
        """Whether a person must look first. A release covers only the reasons that were seen."""
        if not plan.hold_reasons:
            return False
        if self.run.released_at is None:
            return True
        seen = set(self.run.held_reason.splitlines())
        return not set(plan.hold_reasons) <= seen

    def _figures(self, plan: Plan, reading: _Reading) -> dict[str, Any]:
        return {
            "read": reading.taken + len(reading.rejections),
            "inserted": plan.inserted,
            "updated": plan.updated,
            "unchanged": plan.unchanged,
            "superseded": plan.superseded,
            "rejected": len(reading.rejections),
            "totals_in": _as_text(plan.totals_in),
            "totals_stored": _as_text(plan.totals_stored),
            "totals_residue": {
                unit: {measure: decimal_text(value) for measure, value in sums.items()}
                for unit, sums in _difference(plan.totals_in, plan.totals_stored).items()
            },
            "facts": _plain(plan.facts),
            "notes": _notes([*reading.notes, *plan.notes]),
            "input_digest": self.same_again.digest,
            "parser_version": self.spec.source.parser_version,
        }


def _refuse_removed(files: Sequence[LandedFile]) -> None:
    for file in files:
        if not file.path.exists():
            raise ImportRefusedError(
                "file_removed",
                "the imported file is no longer kept, so it cannot be read again: files that name "
                "people are removed when they are old, or when a person was erased",
                file=file.name,
                expected="the file, given anew",
            )


def _notes(notes: list[Note]) -> list[list[str]]:
    kept = [[note.code, note.message] for note in notes[:MAX_NOTES]]
    if len(notes) > MAX_NOTES:
        kept.append(["more_notes", f"And {len(notes) - MAX_NOTES} more."])
    return kept


def _as_text(totals: Totals) -> dict[str, dict[str, str]]:
    return {
        unit: {measure: format(value, "f") for measure, value in sums.items()}
        for unit, sums in totals.items()
    }


def _difference(totals: Totals, stored: Totals) -> Totals:
    return {
        unit: {
            measure: EXACT.subtract(value, stored.get(unit, {}).get(measure, Decimal(0)))
            for measure, value in sums.items()
        }
        for unit, sums in totals.items()
    }


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(facts, default=str))  # type: ignore[no-any-return]
