"""Billing periods of an export are replaced whole, never by an older one, never twice."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from billing.models import ChargeSlice, Restatement
from billing.sources.aws.deliveries import collect_export
from portal.choices import Role, RunStatus, RunTrigger
from portal.imports.runner import execute_run
from portal.models import Connection, ImportRun
from portal.services.connections import create_connection
from portal.services.imports import release_run, replay_run, request_import
from tests.billing.services.charges import assert_books_balance, billed, live
from tests.billing.sources.aws.exports import PAYER, cur, export_objects, write_objects
from tests.billing.sweeps import sweep_both_engines
from tests.imports import START, Clock, counts, line, make_connection, make_person, run_import

pytestmark = pytest.mark.django_db
Deliver = Callable[..., ImportRun]
FIRST, SECOND, THIRD = (f"2026091{n}T030000Z-e-{n}" for n in (4, 5, 6))


def connect(slug: str = "aws", **config: Any) -> Connection:
    bounds = {"hold_jump_percent": 10_000, "hold_jump_floor": 10**9}
    return create_connection(slug=slug, source="aws", config=bounds | config, at=START)


@pytest.fixture
def deliver(tmp_path: Path) -> Deliver:
    """Imports objects of a bucket as the command does."""
    clock, numbers = Clock(), itertools.count()

    def run(
        connected: Connection,
        *files: Iterable[Mapping[str, str]],
        execution: str = "",
        period: str = "2026-09",
        objects: Mapping[str, bytes] | None = None,
    ) -> ImportRun:
        folder = tmp_path / f"bucket-{next(numbers)}"
        spool = tmp_path / f"spool-{next(numbers)}"
        spool.mkdir()
        found = objects or export_objects(*files, execution=execution, period=period)
        paths = collect_export([write_objects(folder, found)], spool)
        asked = request_import(
            connection=connected, inputs=paths, trigger=RunTrigger.COMMAND, at=clock()
        )
        return execute_run(asked.pk, clock=clock)

    return run


def released(run: ImportRun) -> ImportRun:
    person = make_person(f"finance-{run.pk}", Role.FINANCE)
    release_run(run=run, actor=person, at=START)
    return execute_run(run.pk, clock=Clock(datetime(2026, 11, 21, tzinfo=UTC)))


@pytest.mark.both_engines
def test_a_newer_delivery_replaces_the_period(deliver: Deliver) -> None:
    connected = connect()
    first = deliver(connected, [cur(1, "1"), cur(2, "2")], execution=FIRST)
    assert (first.status, counts(first)) == (RunStatus.APPLIED, {"read": 2, "inserted": 2})
    assert first.facts["exports"] == {
        "2026-09": {"made_at": "2026-09-14T03:00:00Z", "execution": FIRST, "data_set": "cur2"}
    }
    second = deliver(connected, [cur(1, "1"), cur(2, "5"), cur(3, "3")], execution=SECOND)
    assert counts(second) == {"read": 3, "inserted": 1, "updated": 1, "unchanged": 1}
    assert billed(connected) == 9
    assert_books_balance()


@sweep_both_engines
def test_a_day_that_vanished_is_held_and_then_taken_back(deliver: Deliver) -> None:
    connected = connect()
    deliver(connected, [cur(1, "1"), cur(2, "2")], execution=FIRST)
    run = deliver(connected, [cur(1, "1")], execution=SECOND)
    assert run.status == RunStatus.HELD
    assert "came back empty (days 2026-09-02)" in run.held_reason
    assert billed(connected) == 3
    after = released(run)
    assert (after.status, counts(after)) == (
        RunStatus.APPLIED,
        {"read": 1, "unchanged": 1, "superseded": 1},
    )
    assert billed(connected) == 1
    assert Restatement.objects.get().rows_superseded == 1
    assert_books_balance()


@sweep_both_engines
def test_another_period_is_not_touched(deliver: Deliver) -> None:
    connected = connect()
    deliver(connected, [cur(1, "1")], execution=FIRST)
    october = cur(
        2,
        "7",
        bill_billing_period_start_date="2026-10-01T00:00:00Z",
    )
    run = deliver(connected, [october], execution=SECOND, period="2026-10")
    assert run.status == RunStatus.APPLIED
    assert billed(connected) == 8


@pytest.mark.both_engines
def test_an_older_delivery_never_overwrites_a_newer_one(deliver: Deliver) -> None:
    connected = connect()
    newer = deliver(connected, [cur(1, "2")], execution=SECOND)
    before = live(connected)
    stale = deliver(connected, [cur(1, "1")], execution=FIRST)
    assert stale.status == RunStatus.SUPERSEDED
    assert f"Run {newer.pk} is newer" in stale.problem
    assert live(connected) == before
    assert deliver(connected, [cur(1, "3")], execution=THIRD).status == RunStatus.APPLIED


@sweep_both_engines
def test_a_replay_is_as_old_as_its_files(deliver: Deliver) -> None:
    connected = connect()
    first = deliver(connected, [cur(1, "1")], execution=FIRST)
    deliver(connected, [cur(1, "2")], execution=SECOND)
    again = replay_run(run=first, actor=None, at=START)
    assert execute_run(again.pk, clock=Clock()).status == RunStatus.SUPERSEDED
    assert billed(connected) == 2


@sweep_both_engines
def test_an_export_without_a_time_waits_for_a_person_once_there_is_one_with(
    deliver: Deliver, tmp_path: Path
) -> None:
    connected = connect()
    deliver(connected, [cur(1, "1")], execution=FIRST)
    files = []
    for key, content in export_objects([cur(1, "2")]).items():
        path = tmp_path / key.rpartition("/")[2]
        path.write_bytes(content)
        files.append(path)
    asked = request_import(connection=connected, inputs=files, trigger=RunTrigger.UPLOAD, at=START)
    run = execute_run(asked.pk, clock=Clock(datetime(2026, 11, 21, tzinfo=UTC)))
    assert run.status == RunStatus.HELD
    assert "Nothing says when the export of 2026-09 was made" in run.held_reason


def test_the_same_delivery_again_changes_nothing(deliver: Deliver) -> None:
    connected = connect()
    rows = [cur(day, f"0.{day}") for day in range(1, 9)]
    deliver(connected, rows, execution=FIRST)
    before = live(connected)
    again = deliver(connected, rows, execution=FIRST)
    split = deliver(connected, rows[4:], rows[:4], execution=SECOND)
    for run in (again, split):
        assert (run.status, counts(run)) == (RunStatus.APPLIED, {"read": 8, "unchanged": 8})
    assert live(connected) == before
    assert not Restatement.objects.exists()


def test_an_incomplete_delivery_changes_nothing(deliver: Deliver) -> None:
    connected = connect()
    deliver(connected, [cur(1, "1"), cur(2, "2")], execution=FIRST)
    before = live(connected)
    objects = export_objects([cur(1, "1")], [cur(2, "2")], execution=SECOND)
    last = max(key for key in objects if key.endswith(".gz"))
    objects[last] = objects[last][:-9]
    run = deliver(connected, objects=objects)
    assert run.status == RunStatus.REFUSED
    assert "truncated_gzip" in run.problem
    assert live(connected) == before


# --- one export for an account ----------------------------------------------------------------

FOCUS_ROW: dict[str, Any] = {
    "BillingAccountId": PAYER,
    "BillingPeriodStart": "2026-09-01T00:00:00Z",
    "BillingPeriodEnd": "2026-10-01T00:00:00Z",
    "ChargePeriodStart": "2026-09-01T10:00:00Z",
    "ChargePeriodEnd": "2026-09-01T11:00:00Z",
}


@sweep_both_engines
def test_a_focus_export_of_the_same_account_is_refused_after_a_cur(deliver: Deliver) -> None:
    deliver(connect(), [cur()], execution=FIRST)
    run = run_import(make_connection("focus"), [line(**FOCUS_ROW)])
    assert run.status == RunStatus.REFUSED
    assert "already imported through the connection 'aws'" in run.problem
    assert "other_export_loaded" in run.problem
    through_aws = deliver(connect("aws-focus"), [line(**FOCUS_ROW)], execution=SECOND)
    assert through_aws.status == RunStatus.REFUSED


def test_a_cur_is_refused_after_focus(deliver: Deliver) -> None:
    run_import(make_connection("focus"), [line(**FOCUS_ROW)])
    run = deliver(connect(), [cur()], execution=FIRST)
    assert run.status == RunStatus.REFUSED
    assert "already imported through the connection 'focus'" in run.problem
    assert not ChargeSlice.objects.filter(connection__slug="aws").exists()


@sweep_both_engines
def test_another_month_or_account_may_come_another_way(deliver: Deliver) -> None:
    deliver(connect(), [cur()], execution=FIRST)
    other_month = run_import(make_connection("focus"), [line(BillingAccountId=PAYER)])
    other_account = run_import(
        make_connection("other"), [line(**FOCUS_ROW | {"BillingAccountId": "42"})]
    )
    assert {other_month.status, other_account.status} == {RunStatus.APPLIED}
