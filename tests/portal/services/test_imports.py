"""Asking for imports and deciding about them; the ledger; the quarantine."""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from billing.models import Charge
from billing.sources.focus.source import FocusSource
from portal.choices import RejectedRowState, RejectionPolicy, RunStatus, RunTrigger
from portal.imports.contracts import ImportRefusedError, SourceUnavailableError
from portal.imports.ledger import MAX_ATTEMPTS, STALE_AFTER, start_run
from portal.imports.runner import execute_run
from portal.models import Connection, ImportRun, RejectedRow, User
from portal.services.imports import (
    RESEND_AFTER,
    RowNotWaitingError,
    dismiss_row,
    release_run,
    repair_row,
    replay_run,
    request_import,
    runs_to_send_again,
)
from portal.tasks import sweep_imports
from tests.imports import (
    START,
    Clock,
    counts,
    line,
    make_connection,
    make_person,
    request,
    run_import,
)
from tests.plugins.sweeping import sampled

pytestmark = pytest.mark.django_db
BAD = {"ChargePeriodStart": "soon"}


@pytest.fixture
def cloud() -> Connection:
    return make_connection()


@pytest.fixture
def mender() -> User:
    return make_person("mender")


# --- the ledger -----------------------------------------------------------------------------


@pytest.mark.both_engines
def test_the_database_refuses_an_applied_run_that_does_not_balance(cloud: Connection) -> None:
    run = run_import(cloud, [line()])
    with (
        pytest.raises(IntegrityError, match="portal_run_ledger_balances"),
        transaction.atomic(),
    ):
        ImportRun.objects.filter(pk=run.pk).update(read=2)
    with transaction.atomic():
        ImportRun.objects.filter(pk=run.pk).update(read=2, rejected=1)


@pytest.mark.both_engines
def test_the_database_refuses_a_window_that_ends_before_it_starts(cloud: Connection) -> None:
    run = request(cloud, [line()])
    with pytest.raises(IntegrityError, match="half_open"), transaction.atomic():
        ImportRun.objects.filter(pk=run.pk).update(
            window_start="2026-05-02", window_end="2026-05-02"
        )


@pytest.mark.both_engines
def test_the_same_bytes_land_once(cloud: Connection) -> None:
    first, second = request(cloud, [line()]), request(cloud, [line()])
    assert first.files.get().sha256 == second.files.get().sha256


def test_a_file_that_is_not_there_is_named(cloud: Connection, tmp_path: Any) -> None:
    with pytest.raises(ImportRefusedError, match=r"gone\.csv: the file cannot be read"):
        request_import(
            connection=cloud, inputs=[tmp_path / "gone.csv"], trigger=RunTrigger.COMMAND, at=START
        )
    assert not ImportRun.objects.exists()


# --- rejected rows --------------------------------------------------------------------------


def test_a_bad_row_waits_with_all_that_is_needed_to_mend_it(cloud: Connection) -> None:
    run = run_import(cloud, [line(1), line(2, **BAD)])
    assert counts(run) == {"read": 2, "inserted": 1, "rejected": 1}
    row = RejectedRow.objects.get()
    assert (row.file_name, row.line, row.field, row.value, row.code) == (
        "part-0.csv",
        3,
        "ChargePeriodStart",
        "soon",
        "bad_datetime",
    )
    assert "2026" in row.expected
    assert row.raw_text.count(",") > 20
    assert row.state == RejectedRowState.WAITING


def test_a_strict_connection_refuses_the_whole_input_and_keeps_the_row() -> None:
    strict = make_connection(policy=RejectionPolicy.REFUSE)
    run = run_import(strict, [line(1), line(2, **BAD)])
    assert run.status == RunStatus.REFUSED
    for part in ("part-0.csv", "line 3", "ChargePeriodStart", "soon", "bad_datetime"):
        assert part in run.problem
    assert not Charge.objects.exists()
    assert RejectedRow.objects.get().run == run


@pytest.mark.both_engines
@pytest.mark.parametrize(
    "amount", sampled(("NaN", "Infinity", "1e400", "1.234,50", "twelve", "9" * 40), "NaN", "9" * 40)
)
def test_money_that_cannot_be_read_refuses_the_input_and_keeps_the_row(
    cloud: Connection, amount: str
) -> None:
    run = run_import(cloud, [line(1), line(2, amount)])
    assert run.status == RunStatus.REFUSED
    for part in ("part-0.csv", "line 3", "BilledCost", amount):
        assert part in run.problem
    assert not Charge.objects.exists()
    row = RejectedRow.objects.get()
    assert row.is_fatal
    assert row.state == RejectedRowState.WAITING


def test_what_was_rejected_before_the_input_was_refused_is_kept(cloud: Connection) -> None:
    run = run_import(cloud, [line(1, **BAD), line(2), line(3, BillingCurrency="EUR")])
    assert run.status == RunStatus.REFUSED
    assert RejectedRow.objects.get().value == "soon"
    assert not Charge.objects.exists()


@pytest.mark.both_engines
def test_a_row_that_is_bad_each_time_waits_once(cloud: Connection) -> None:
    for amount in ("1", "2", "3"):
        run_import(cloud, [line(1, amount), line(2, **BAD)])
    row = RejectedRow.objects.get()
    assert row.run == ImportRun.objects.latest("pk")


@pytest.mark.both_engines
def test_hundreds_of_rows_that_are_bad_each_time_wait_once(cloud: Connection) -> None:
    bad = [line(2, **BAD, ServiceName=f"S{number}") for number in range(700)]
    for amount in ("1", "2"):
        run_import(cloud, [line(1, amount), *bad])
    assert RejectedRow.objects.count() == 700


def test_two_bad_rows_alike_in_everything_are_two_and_are_mended_together(
    cloud: Connection, mender: User
) -> None:
    run = run_import(cloud, [line(1), line(2, **BAD), line(2, **BAD)])
    first, second = RejectedRow.objects.order_by("line")
    mended = first.raw_text.replace("soon", "2026-05-02T00:00:00Z")
    repair_row(row=first, text=mended, reason="seen", actor=mender, at=START)
    second.refresh_from_db()
    assert second.state == RejectedRowState.REPAIRED
    replay = execute_run(replay_run(run=run, actor=mender, at=START).pk, clock=Clock())
    assert counts(replay) == {"read": 3, "inserted": 2, "unchanged": 1}


def test_a_released_run_lists_its_rejected_rows_once(mender: User) -> None:
    braked = make_connection("braked", hold_jump_percent=50, hold_jump_floor=1)
    run_import(braked, [line(1, "100")])
    held = run_import(braked, [line(1, "900"), line(2, **BAD)])
    assert held.status == RunStatus.HELD
    release_run(run=held, actor=mender, at=START)
    assert execute_run(held.pk, clock=Clock()).status == RunStatus.APPLIED
    assert RejectedRow.objects.count() == 1


def test_a_repair_holds_for_the_same_raw_text_in_later_files(
    cloud: Connection, mender: User
) -> None:
    run_import(cloud, [line(1), line(2, "7", **BAD)])
    row = RejectedRow.objects.get()
    mended = row.raw_text.replace("soon", "2026-05-02T00:00:00Z")
    repair_row(row=row, text=mended, reason="seen", actor=mender, at=START)
    later = run_import(cloud, [line(1), line(3), line(2, "7", **BAD)])
    assert counts(later) == {"read": 3, "inserted": 2, "unchanged": 1}
    assert "read from its repair" in " ".join(message for _code, message in later.notes)
    other = run_import(make_connection("other"), [line(9), line(2, "7", **BAD)])
    assert other.rejected == 1


def test_a_repair_that_is_still_wrong_refuses_and_says_so(cloud: Connection, mender: User) -> None:
    run = run_import(cloud, [line(1), line(2, **BAD)])
    row = RejectedRow.objects.get()
    repair_row(row=row, text="one,two", reason="guess", actor=mender, at=START)
    replay = execute_run(replay_run(run=run, actor=mender, at=START).pk, clock=Clock())
    assert replay.status == RunStatus.REFUSED
    assert "line 3" in replay.problem
    assert Charge.objects.count() == 1


@pytest.mark.both_engines
def test_a_row_is_decided_once(cloud: Connection, mender: User) -> None:
    run_import(cloud, [line(1), line(2, **BAD)])
    row = RejectedRow.objects.get()
    dismiss_row(row=row, reason="a total line", actor=mender, at=START)
    with pytest.raises(RowNotWaitingError):
        repair_row(row=row, text="x", reason="late", actor=mender, at=START)
    row.refresh_from_db()
    assert (row.state, row.repaired_text) == (RejectedRowState.DISMISSED, "")


def test_a_dismissed_row_stays_dismissed_when_it_comes_again(
    cloud: Connection, mender: User
) -> None:
    first = run_import(cloud, [line(1), line(2, **BAD), line(2, **BAD)])
    dismiss_row(row=first.rejected_rows.latest("pk"), reason="a total line", actor=mender, at=START)
    again = run_import(cloud, [line(1), line(3), line(2, **BAD), line(2, **BAD)])
    assert counts(again) == {"read": 4, "inserted": 1, "unchanged": 1, "rejected": 2}
    assert sorted(RejectedRow.objects.values_list("state", flat=True)) == ["dismissed", "waiting"]


# --- attempts, sweeping ---------------------------------------------------------------------


@pytest.mark.both_engines
def test_a_run_is_taken_once(cloud: Connection) -> None:
    run = request(cloud, [line()])
    assert start_run(run.pk, at=START) is not None
    assert start_run(run.pk, at=START + STALE_AFTER) is None
    execute_run(run.pk, clock=Clock(START))
    run.refresh_from_db()
    assert (run.status, run.attempt) == (RunStatus.RUNNING, 1)


def test_a_run_that_kills_its_worker_each_time_is_given_up(cloud: Connection) -> None:
    run = request(cloud, [line()])
    at = START
    for attempt in range(1, MAX_ATTEMPTS + 1):
        started = start_run(run.pk, at=at)
        assert started is not None
        assert started.attempt == attempt
        at += STALE_AFTER + timedelta(seconds=1)
        assert runs_to_send_again(at=at) == [run.pk]
    ended = execute_run(run.pk, clock=Clock(at))
    assert ended.status == RunStatus.FAILED
    assert "Given up after 3 attempts" in ended.problem
    assert runs_to_send_again(at=at + timedelta(days=1)) == []
    assert not Charge.objects.exists()


@pytest.mark.both_engines
def test_the_sweeper_sends_what_was_lost_and_only_that(
    cloud: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.tasks import run_import as task

    lost, silent, fresh = (request(cloud, [line(day)]) for day in (1, 2, 3))
    done = run_import(cloud, [line(4)])
    now = START + timedelta(hours=1)
    ImportRun.objects.filter(pk=lost.pk).update(requested_at=now - RESEND_AFTER * 2)
    ImportRun.objects.filter(pk=fresh.pk).update(requested_at=now)
    assert start_run(silent.pk, at=now - STALE_AFTER * 2) is not None
    assert runs_to_send_again(at=now) == [lost.pk, silent.pk]
    assert done.status == RunStatus.APPLIED
    told: list[int] = []
    monkeypatch.setattr(task, "delay", lambda *, run_id: told.append(run_id))
    monkeypatch.setattr("portal.tasks.timezone.now", lambda: now)
    sweep_imports()
    assert told == [lost.pk, silent.pk]


@pytest.mark.both_engines
@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (SourceUnavailableError("the provider answers 503"), RunStatus.FAILED, "answers 503"),
        (ValueError("secret token abc"), RunStatus.FAILED, "A fault of the portal: ValueError"),
        (
            ImportRefusedError("odd", "it is odd", file="a.csv", line=7, column="X", value="v"),
            RunStatus.REFUSED,
            "a.csv, line 7, column X: it is odd (found 'v') [odd]",
        ),
    ],
)
def test_whatever_goes_wrong_while_reading_is_on_the_run_and_nothing_is_applied(
    cloud: Connection,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: RunStatus,
    said: str,
) -> None:
    read = FocusSource.read

    def fail_at_the_end(self: FocusSource, *args: Any) -> Any:
        yield from read(self, *args)
        raise error

    monkeypatch.setattr(FocusSource, "read", fail_at_the_end)
    run = run_import(cloud, [line()])
    assert run.status == status
    assert said in run.problem
    assert "secret" not in run.problem
    assert not Charge.objects.exists()
    monkeypatch.undo()
    assert run_import(cloud, [line()]).inserted == 1


@pytest.mark.both_engines
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_failing_disk_leaves_the_run_open_and_the_next_attempt_ends_it(
    cloud: Connection, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    read = FocusSource.read

    def fail_at_the_end(self: FocusSource, *args: Any) -> Any:
        yield from read(self, *args)
        raise OSError(number, os.strerror(number), "/spool/part")

    run = request(cloud, [line()])
    monkeypatch.setattr(FocusSource, "read", fail_at_the_end)
    with pytest.raises(OSError, match=os.strerror(number)):
        execute_run(run.pk, clock=Clock())
    run.refresh_from_db()
    assert run.status == RunStatus.RUNNING
    assert not Charge.objects.exists()
    monkeypatch.undo()
    assert run.heartbeat_at is not None
    later = Clock(run.heartbeat_at + STALE_AFTER * 2)
    assert execute_run(run.pk, clock=later).status == RunStatus.APPLIED
    assert Charge.objects.count() == 1


def test_an_input_of_which_no_row_is_good_is_refused(cloud: Connection) -> None:
    run = run_import(cloud, [line(1, **BAD), line(2, **BAD)])
    assert run.status == RunStatus.REFUSED
    assert "no row is good" in run.problem
    assert RejectedRow.objects.count() == 2


@pytest.mark.both_engines
@pytest.mark.parametrize("where", ["ServiceName", "ChargePeriodStart", "BilledCost"])
def test_characters_that_no_database_takes_never_break_the_portal(
    cloud: Connection, where: str
) -> None:
    run = run_import(cloud, [line(1), line(2, **{where: "a\x00b"})])
    assert "fault of the portal" not in run.problem
    assert run.status in {RunStatus.REFUSED, RunStatus.APPLIED}
