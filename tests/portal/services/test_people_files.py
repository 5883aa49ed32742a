"""Imported files that name people: removed by age and on request, and never for another reason."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from billing.models import Charge, ChargeDimension
from portal.audit.verify import verify_audit
from portal.backup import making
from portal.backup.making import make_backup
from portal.backup.manifest import BackupError
from portal.choices import RunStatus, RunTrigger
from portal.imports.files import landed_path
from portal.imports.names_in_files import holds_name, pseudonym, replaced
from portal.imports.runner import execute_run
from portal.models import AuditEvent, Connection, ImportRun, RejectedRow
from portal.services import people_files
from portal.services.connections import create_connection
from portal.services.imports import Upload, request_import
from portal.services.people_files import (
    NothingSaidError,
    erase_names,
    remove_old_people_files,
)
from tests.billing.sources.cursor.serving import event
from tests.imports import START, Clock, make_connection, run_import
from tests.imports import line as focus_line

pytestmark = pytest.mark.django_db
ADA = "ada@example.com"
LATER = START + dt.timedelta(days=401)


@pytest.fixture(autouse=True)
def landing(tmp_path: Path, settings: Any) -> Path:
    settings.LANDING_DIR = tmp_path / "landing"
    return tmp_path / "landing"


def events_of(*people: str, cents: int = 5) -> bytes:
    rows = [
        event(f"2026-09-0{1 + n}T10:00:00.000+00:00", cents=cents, user=who, model="m")
        for n, who in enumerate(people)
    ]
    return json.dumps({"totalUsageEventsCount": len(rows), "usageEvents": rows}).encode()


@pytest.fixture
def cursor() -> Connection:
    return create_connection(
        slug="cursor", source="cursor", config={"cycle_start": "2026-09-01T00:00:00Z"}, at=START
    )


def bring(connected: Connection, content: bytes, name: str = "events.json") -> ImportRun:
    run = request_import(
        connection=connected, inputs=[Upload(name, io.BytesIO(content))],
        trigger=RunTrigger.UPLOAD, at=START,
    )  # fmt: skip
    return execute_run(run.pk, clock=Clock())


def file_of(run: ImportRun) -> Path:
    return landed_path(run.files.get().sha256)


def events() -> list[dict[str, Any]]:
    found = AuditEvent.objects.filter(table=people_files.TABLE)
    return [json.loads(each.after) for each in found]


@pytest.mark.both_engines
def test_files_that_name_people_go_by_age_and_what_was_made_of_them_stays(
    cursor: Connection, tmp_path: Path
) -> None:
    run = bring(cursor, events_of(ADA))
    assert run.status == RunStatus.APPLIED, run.problem
    bill = run_import(make_connection("bill"), [focus_line(3, "1")])
    assert remove_old_people_files(at=LATER - dt.timedelta(days=2)) == 0
    assert remove_old_people_files(at=LATER) == 1
    assert not file_of(run).exists()
    assert file_of(bill).exists()  # a bill names nobody
    assert Charge.objects.filter(run=run).exists()
    assert [each["why"] for each in events()] == ["older than 400 days"]
    assert remove_old_people_files(at=LATER) == 0
    assert len(events()) == 1
    assert verify_audit(connection, keys=settings.AUDIT_KEYS, heads_dir=tmp_path).is_whole


def test_a_file_stays_while_something_younger_or_unfinished_names_it(cursor: Connection) -> None:
    content = events_of(ADA)
    run = bring(cursor, content)
    again = request_import(
        connection=cursor, inputs=[Upload("again.json", io.BytesIO(content))],
        trigger=RunTrigger.UPLOAD, at=START,
    )  # fmt: skip
    assert remove_old_people_files(at=LATER) == 0
    ImportRun.objects.filter(pk=again.pk).update(
        status=RunStatus.FAILED, finished_at=LATER - dt.timedelta(days=1)
    )
    assert remove_old_people_files(at=LATER) == 0
    ImportRun.objects.filter(pk=again.pk).update(finished_at=START)
    ImportRun.objects.filter(pk=run.pk).update(status=RunStatus.HELD)
    assert remove_old_people_files(at=LATER) == 0


@pytest.mark.both_engines
def test_killed_between_event_and_removal_it_is_finished_and_recorded_once(
    cursor: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bring(cursor, events_of(ADA))
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        remove_old_people_files(at=LATER)
    monkeypatch.undo()
    assert (file_of(run).exists(), len(events())) == (True, 1)
    assert remove_old_people_files(at=LATER) == 1
    assert (file_of(run).exists(), len(events())) == (False, 1)


def test_a_run_whose_file_is_gone_cannot_be_replayed_and_says_why(cursor: Connection) -> None:
    run = bring(cursor, events_of(ADA))
    remove_old_people_files(at=LATER)
    again = ImportRun.objects.create(
        connection=cursor, trigger=RunTrigger.REPLAY, requested_at=LATER, replay_of=run
    )
    file = run.files.get()
    again.files.create(index=0, name=file.name, sha256=file.sha256, size=file.size)
    Connection.objects.filter(pk=cursor.pk).update(
        config={"cycle_start": "2026-09-01T00:00:00Z", "hold_jump_percent": 50}
    )
    done = execute_run(again.pk, clock=Clock())
    assert done.status == RunStatus.REFUSED
    assert "no longer kept" in done.problem
    assert Charge.objects.filter(superseded_at__isnull=True).exists()


@pytest.mark.both_engines
def test_a_person_is_erased_from_files_quarantine_and_cost_lines(cursor: Connection) -> None:
    theirs = bring(cursor, gzip.compress(events_of(ADA, "bob@example.com")), "events.json.gz")
    other = bring(cursor, events_of("bob@example.com", cents=6))
    RejectedRow.objects.create(
        connection=cursor, run=theirs, file_index=0, file_name="x", line=1, code="bad",
        raw_text=f'{{"userEmail": "{ADA.title()}"}}', value=ADA, raw_sha256="0" * 64,
    )  # fmt: skip
    digests = set(ChargeDimension.objects.values_list("digest", flat=True))
    found = erase_names(names=[f" {ADA} "], reason="Art. 17 request", at=LATER)
    assert (found.files, found.unread, found.rows, found.records) == (1, 0, 1, 1)
    assert (file_of(theirs).exists(), file_of(other).exists()) == (False, True)
    assert RejectedRow.objects.get().raw_text == "(erased)"
    principals = set(ChargeDimension.objects.values_list("principal_id", flat=True))
    assert principals == {"bob@example.com", pseudonym(ADA)}
    assert digests == set(ChargeDimension.objects.values_list("digest", flat=True))
    assert not any(ADA in str(each) for each in AuditEvent.objects.values_list("after", flat=True))
    # The same bill once more brings no name back.
    bring(cursor, events_of(ADA, "bob@example.com"))
    assert not ChargeDimension.objects.filter(principal_id=ADA).exists()
    assert erase_names(names=[ADA], reason="Again", at=LATER).records == 0


def test_a_backup_does_not_miss_what_was_removed_and_misses_what_was_lost(
    cursor: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = bring(cursor, events_of(ADA))
    database = SimpleNamespace(landed=[run.files.get().sha256])
    packed: list[list[str]] = []
    monkeypatch.setattr(making, "_refuse_unmigrated", lambda: None)
    monkeypatch.setattr(making, "_take", lambda spool: database)

    def pack(target: Path, _: Any, present: list[str], missing: list[str], *rest: Any) -> None:
        target.touch()
        packed.append(missing)

    monkeypatch.setattr(making, "_pack", pack)
    path = file_of(run)
    path.rename(tmp_path / "elsewhere")
    with pytest.raises(BackupError, match="not in"):
        make_backup(target=tmp_path / "a", at=LATER)
    (tmp_path / "elsewhere").rename(path)
    remove_old_people_files(at=LATER)
    make_backup(target=tmp_path / "a", at=LATER)
    assert packed == [database.landed]


def test_the_command(cursor: Connection, capsys: pytest.CaptureFixture[str]) -> None:
    bring(cursor, events_of(ADA))
    call_command("erase_names", ADA, "--reason", "Asked for.", "--json")
    document = json.loads(capsys.readouterr().out)
    assert document == {"files": 1, "unread": 0, "rows": 0, "records": 1}
    for names in (["ada"], ["   "]):
        with pytest.raises(CommandError, match="whole names"):
            call_command("erase_names", *names, "--reason", "x")
    with pytest.raises(NothingSaidError, match="say why"):
        erase_names(names=[ADA], reason=" ", at=LATER)


def test_names_are_found_over_the_edges_of_pieces_and_in_any_case(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * (1024 * 1024 - 5) + ADA.upper().encode() + b"y" * 100)
    assert holds_name(path, [ADA])
    assert not holds_name(path, ["eve@example.com"])
    path.write_bytes(b"PAR1....")
    assert holds_name(path, [ADA]) is None
    path.write_bytes(gzip.compress(ADA.encode() * 99)[:-9])
    assert holds_name(path, ["nobody@example.com"]) is None


def test_pseudonyms() -> None:
    assert pseudonym(ADA) == pseudonym(f" {ADA.upper()}") != pseudonym("bob@example.com")
    assert "ada" not in pseudonym(ADA)
    names = ["ada", ADA]
    assert replaced(f"{ADA} and ada", names) == f"{pseudonym(ADA)} and {pseudonym('ada')}"
