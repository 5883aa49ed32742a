"""The page of a run: progress, ledger, decisions, replay."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from portal.choices import Role, RunStatus
from portal.imports.ledger import beat_heart, start_run
from portal.imports.runner import execute_run
from portal.models import Connection, ImportRun, RejectedRow, User
from tests.imports import START, Clock, line, make_connection, request, run_import
from tests.portal.imports.conftest import SignedIn
from tests.portal.imports.test_connections import text_of

HTMX = {"HX-Request": "true"}


def test_an_open_run_asks_for_itself_and_a_finished_one_does_not(
    fin_client: Client, cloud: Connection
) -> None:
    run = request(cloud, [line()])
    path = f"/imports/runs/{run.pk}/"
    page = fin_client.get(path).content.decode()
    fragment = fin_client.get(path, headers=HTMX).content.decode()
    assert 'hx-trigger="every 2s"' in page
    assert fragment.strip().startswith('<div id="run"')
    assert f'hx-get="{path}"' in fragment
    execute_run(run.pk, clock=Clock())
    for headers in ({}, HTMX):
        assert "hx-trigger" not in fin_client.get(path, headers=headers).content.decode()


def test_progress_stands_in_the_database_so_a_reload_shows_it(
    fin_client: Client, cloud: Connection
) -> None:
    run = request(cloud, [line()])
    started = start_run(run.pk, at=START)
    assert started is not None
    beat_heart(started, at=START, phase="reading", rows=4321)  # type: ignore[arg-type]
    page = text_of(fin_client.get(f"/imports/runs/{run.pk}/"))
    assert "Reading: 4,321 rows so far" in page
    assert "attempt 1 of 3" in page


@pytest.mark.parametrize(("seconds", "is_said"), [(1, False), (60, True)])
def test_a_run_that_nobody_takes_up_says_that_it_waits(
    fin_client: Client, cloud: Connection, seconds: int, is_said: bool
) -> None:
    run = request(cloud, [line()])
    with time_machine.travel(START + timedelta(seconds=seconds), tick=False):
        fin_client.force_login(User.objects.get(username="fin"))
        page = text_of(fin_client.get(f"/imports/runs/{run.pk}/"))
    assert ("It still waits" in page) == is_said


def test_the_ledger_shows_rows_in_and_out_and_exact_sums(
    fin_client: Client, cloud: Connection
) -> None:
    rows = [line(1, "0.0000000004"), line(2, "2"), line(3, ChargePeriodStart="soon")]
    run = run_import(cloud, rows)
    page = text_of(fin_client.get(f"/imports/runs/{run.pk}/"))
    assert "Read 3 Inserted 2 Updated 0 Unchanged 0 Rejected 1" in page
    assert "Billed USD 2.0000000004 2.000000000 0.0000000004" in page or (
        "Billed USD 2.0000000004 2 0.0000000004" in page
    )
    assert run.files.get().sha256 in page
    assert "1 waiting, 0 repaired, 0 dismissed" in page


def test_a_refused_run_names_file_line_column_and_value(
    fin_client: Client, cloud: Connection
) -> None:
    run = run_import(cloud, [line(), line(4, "1e400")])
    page = text_of(fin_client.get(f"/imports/runs/{run.pk}/"))
    for part in ("Refused", "part-0.csv", "line 3", "BilledCost", "1e400"):
        assert part in page
    assert "Ledger" in page


def held(connection: Connection) -> ImportRun:
    run_import(connection, [line(3, "100")])
    run = run_import(connection, [line(3, "9000")])
    assert run.status == RunStatus.HELD
    return run


@pytest.fixture
def braked(db: None) -> Connection:
    """A connection whose jump brake is on."""
    return make_connection("braked", hold_jump_percent=50, hold_jump_floor=100)


def test_a_held_run_says_why_and_who_may_decide(signed_in: SignedIn, braked: Connection) -> None:
    run = held(braked)
    path = f"/imports/runs/{run.pk}/"
    for role, may in ((Role.FINANCE, True), (Role.PROGRAMME_LEAD, True), (Role.AUDITOR, False)):
        html = signed_in(role).get(path).content.decode()
        assert "jumps from 100" in html
        assert (f'action="{path}release/"' in html) == may
        assert (f'action="{path}discard/"' in html) == may


def test_releasing_applies_the_run(
    fin_client: Client,
    fin: User,
    braked: Connection,
    sent: list[int],
    django_capture_on_commit_callbacks: Any,
) -> None:
    run = held(braked)
    path = f"/imports/runs/{run.pk}/"
    with django_capture_on_commit_callbacks(execute=True):
        assert fin_client.post(f"{path}release/").headers["Location"] == path
    assert sent == [run.pk]
    execute_run(run.pk, clock=Clock())
    page = text_of(fin_client.get(path))
    assert "Applied" in page
    assert "by Fin" in page


def test_discarding_ends_it_and_a_second_decision_is_refused(
    fin_client: Client, braked: Connection, sent: list[int]
) -> None:
    run = held(braked)
    path = f"/imports/runs/{run.pk}/"
    assert "Discarded" in text_of(fin_client.post(f"{path}discard/", follow=True))
    for what in ("release", "discard"):
        assert "is not held" in text_of(fin_client.post(f"{path}{what}/", follow=True))
    run.refresh_from_db()
    assert run.status == RunStatus.DISCARDED


def test_a_rejected_row_is_mended_and_replayed_in_the_browser(
    fin_client: Client, fin: User, cloud: Connection, sent: list[int]
) -> None:
    run = run_import(cloud, [line(1), line(2, "7", ChargePeriodStart="soon")])
    row = RejectedRow.objects.get()
    path = f"/imports/quarantine/{row.pk}/"
    page = text_of(fin_client.get(path))
    for part in ("ChargePeriodStart", "soon", "part-0.csv, line 3", "Raw text"):
        assert part in page
    mended = row.raw_text.replace("soon", "2026-05-02T00:00:00Z").rstrip("\n")
    fin_client.post(path, {"text": mended, "reason": "the console shows it", "decision": "repair"})
    assert "Replay the run" in text_of(fin_client.get(path))
    response = fin_client.post(f"/imports/runs/{run.pk}/replay/")
    replay = execute_run(ImportRun.objects.latest("pk").pk, clock=Clock())
    assert response.headers["Location"] == f"/imports/runs/{replay.pk}/"
    assert (replay.status, replay.replay_of_id, replay.requested_by) == ("applied", run.pk, fin)
    assert (replay.read, replay.inserted, replay.unchanged, replay.rejected) == (2, 1, 1, 0)
    row.refresh_from_db()
    assert (row.state, row.decision_reason) == ("repaired", "the console shows it")


@pytest.mark.parametrize("change", ["same", "empty", "no reason"])
def test_a_repair_needs_a_change_and_a_reason(
    fin_client: Client, cloud: Connection, change: str
) -> None:
    run_import(cloud, [line(1), line(2, ChargePeriodStart="soon")])
    row = RejectedRow.objects.get()
    text = {"same": row.raw_text, "empty": "", "no reason": "other"}[change]
    data = {"text": text, "reason": "" if change == "no reason" else "because"}
    response = fin_client.post(f"/imports/quarantine/{row.pk}/", data)
    assert response.status_code == 200
    row.refresh_from_db()
    assert row.state == "waiting"


def test_a_dismissed_row_is_not_waited_for(fin_client: Client, cloud: Connection) -> None:
    run_import(cloud, [line(1), line(2, ChargePeriodStart="soon")])
    row = RejectedRow.objects.get()
    path = f"/imports/quarantine/{row.pk}/"
    fin_client.post(path, {"decision": "dismiss", "dismiss-reason": "a total line"})
    row.refresh_from_db()
    assert (row.state, row.decision_reason) == ("dismissed", "a total line")
    again = fin_client.post(path, {"decision": "dismiss", "dismiss-reason": "x"}, follow=True)
    assert "Somebody has decided" in text_of(again)


def test_the_quarantine_filters_by_connection_state_code_and_run(
    fin_client: Client, cloud: Connection
) -> None:
    run = run_import(cloud, [line(1), line(2, ChargePeriodStart="soon")])
    code = RejectedRow.objects.get().code
    for query, shown in (
        (f"connection={cloud.pk}&state=waiting&code={code}&run={run.pk}", True),
        ("state=repaired", False),
        (f"run={run.pk + 1}", False),
        ("q=soon", True),
    ):
        page = text_of(fin_client.get(f"/imports/quarantine/?{query}"))
        assert ("part-0.csv" in page) == shown, query


def test_runs_filter_by_status_and_connection(fin_client: Client, cloud: Connection) -> None:
    run_import(cloud, [line(1)])
    for query, shown in (("status=applied", True), ("status=held", False), ("month=2026-11", True)):
        html = fin_client.get(f"/imports/runs/?{query}").content.decode()
        assert ('scope="row"' in html) == shown, query


@pytest.mark.parametrize("role", [Role.FINANCE, Role.ADMINISTRATOR, Role.AUDITOR])
def test_home_shows_what_waits_to_those_who_decide(
    signed_in: SignedIn, braked: Connection, role: Role
) -> None:
    run = held(braked)
    run_import(braked, [line(5), line(6, ChargePeriodStart="soon")])
    page = text_of(signed_in(role).get("/"))
    assert (f"Run {run.pk}, Braked" in page) == (role is Role.FINANCE)
    assert ("1 rejected row in quarantine" in page) == (role is not Role.AUDITOR)
