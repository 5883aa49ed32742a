"""Seals are made, signed, kept outside; what is not as it was sealed is found."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from portal.audit import seal as sealing
from portal.audit.context import acting
from portal.audit.heads import FILE_NAME, HeadMismatchError
from portal.audit.report import Report
from portal.audit.triggers import lifted
from portal.models import AuditEvent, AuditName, AuditSeal, User
from portal.selectors.audit import audit_head
from portal.services.audit import (
    MissingReasonError,
    accept_restore,
    erase_person,
    seal_audit,
    verify,
)

pytestmark = [pytest.mark.both_engines, pytest.mark.django_db(transaction=True)]
AT = dt.datetime(2026, 11, 2, 9, 30, tzinfo=dt.UTC)
Write = Callable[[int], None]


def said(report: Report) -> str:
    return str(report.first_bad)


def forge(statement: str, *values: Any) -> None:
    """As somebody who owns the database and took the triggers away for it."""
    with lifted(connection), connection.cursor() as cursor:
        cursor.execute(statement, values)


@contextmanager
def undone() -> Iterator[None]:
    """Nothing of what happens within stays, so that one sealed audit serves many forgers."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def test_nothing_at_all_is_whole(heads_dir: Path) -> None:
    assert verify().is_whole
    assert audit_head().seal is None


def test_what_is_sealed_is_verified_and_the_rest_said_to_be_newer(
    heads_dir: Path, write_events: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "EVENTS_PER_SEAL", 5)
    write_events(12)
    made = seal_audit(at=AT)
    assert (made.seals, made.events) == (3, AuditEvent.objects.count())
    write_events(2)
    report = verify()
    assert report.is_whole, said(report)
    assert (report.sealed, report.unsealed, report.seals, report.heads) == (made.events, 2, 3, 3)
    head = audit_head()
    assert (head.seal, head.count) == (3, made.events + 2)
    lines = (heads_dir / FILE_NAME).read_text().split("\n")
    assert json.loads([line for line in lines if line][-1])["hash"] == head.hash


def test_nothing_new_makes_no_seal_but_the_daily_one(heads_dir: Path, write_events: Write) -> None:
    write_events(1)
    assert seal_audit(at=AT).seals == 1
    assert seal_audit(at=AT).seals == 0
    assert seal_audit(at=AT, even_if_empty=True).seals == 1
    assert verify().is_whole


def test_what_a_transaction_may_still_bring_is_waited_for(
    heads_dir: Path, write_events: Write
) -> None:
    """A lower id that is committed later would otherwise fall into a range already sealed."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    import psycopg

    connection.ensure_connection()
    password = connection.settings_dict["PASSWORD"] or None
    other = psycopg.connect(connection.connection.info.dsn, password=password)
    try:
        other.execute(
            "INSERT INTO portal_connection (slug, name, source, kind, config, credentials_ref, "
            "rejection_policy, is_active, created_at) "
            "VALUES ('late', 'Late', 'focus', 'costs', '{}', '', 'quarantine', true, now())"
        )
        write_events(2)
        waiting = seal_audit(at=AT, patience=0.2)
        assert waiting.is_waiting
        assert waiting.seals == 0
        other.commit()
    finally:
        other.close()
    assert seal_audit(at=AT, patience=0.2).events == AuditEvent.objects.count()
    assert AuditEvent.objects.filter(channel="database", name_id__isnull=False).count() == 1
    assert verify().is_whole


ALTERED = (
    ("UPDATE portal_auditseal SET count = count + 1 WHERE number = 2", "seal 2 does not agree"),
    ("UPDATE portal_auditseal SET hash = '00' WHERE number = 2", "seal 2 does not agree"),
    ("UPDATE portal_auditseal SET signature = '00' WHERE number = 2", "seal 2 has a signature"),
    ("UPDATE portal_auditseal SET key_number = 7 WHERE number = 2", "seal 2 does not agree"),
    ("DELETE FROM portal_auditseal WHERE number = 1", "seal 1 is missing"),
    ("DELETE FROM portal_auditseal WHERE number = 3", "seal 3 is missing, but"),
    ("DELETE FROM portal_auditseal", "seal 1 is missing, but"),
)


def test_an_altered_or_missing_seal_is_found(
    heads_dir: Path, write_events: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "EVENTS_PER_SEAL", 4)
    write_events(12)
    assert seal_audit(at=AT).seals == 3
    for statement, first in ALTERED:
        with undone():
            forge(statement)
            assert said(verify()).startswith(first), statement
    assert verify().is_whole


def test_a_cut_tail_and_an_older_state_are_found_by_the_heads(
    heads_dir: Path, write_events: Write
) -> None:
    write_events(3)
    seal_audit(at=AT)
    kept = AuditEvent.objects.latest("pk").pk
    write_events(3)
    seal_audit(at=AT)
    forge("DELETE FROM portal_auditevent WHERE id > %s", kept)
    forge("DELETE FROM portal_auditseal WHERE number = 2")
    assert said(verify()).startswith("seal 2 is missing, but audit-heads.jsonl has its head")
    write_events(1)
    with pytest.raises(HeadMismatchError, match="seal_audit --after-restore"):
        seal_audit(at=AT)


def test_a_restore_that_was_meant_is_written_down_and_sealing_goes_on(
    heads_dir: Path, write_events: Write
) -> None:
    write_events(3)
    seal_audit(at=AT)
    kept = AuditEvent.objects.latest("pk").pk
    write_events(4)
    seal_audit(at=AT)
    forge("DELETE FROM portal_auditevent WHERE id > %s", kept)
    forge(
        "DELETE FROM portal_auditpersonal WHERE id NOT IN "
        "(SELECT personal_id FROM portal_auditevent WHERE personal_id IS NOT NULL)"
    )
    forge(
        "DELETE FROM portal_auditname WHERE id NOT IN "
        "(SELECT name_id FROM portal_auditevent WHERE name_id IS NOT NULL)"
    )
    forge("DELETE FROM portal_auditseal WHERE number = 2")
    with pytest.raises(MissingReasonError):
        accept_restore(reason=" ", at=AT)
    assert accept_restore(reason="disk failed", at=AT) == 1
    assert AuditEvent.objects.latest("pk").reason == "disk failed"
    seal_audit(at=AT)
    report = verify()
    assert report.is_whole, said(report)
    assert (report.restores, report.heads) == (1, 2)


def test_a_forged_or_missing_head_file_is_found(heads_dir: Path, write_events: Write) -> None:
    write_events(2)
    seal_audit(at=AT)
    path = heads_dir / FILE_NAME
    whole = path.read_text()
    path.write_text(whole.replace('"signature": "', '"signature": "00'))
    assert "wrong signature" in said(verify())
    path.write_text(whole + '{"torn')
    assert verify().is_whole
    write_events(1)
    seal_audit(at=AT)
    assert verify().is_whole
    path.unlink()
    assert "is not there" in said(verify())


def test_a_key_that_is_not_ours_seals_nothing(
    heads_dir: Path, write_events: Write, settings: Any
) -> None:
    from portal.keys import NumberedSecrets

    ours = settings.AUDIT_KEYS
    write_events(1)
    settings.AUDIT_KEYS = NumberedSecrets("PLUMBLINE_AUDIT_KEYS", {0: "forged" * 10})
    seal_audit(at=AT)
    settings.AUDIT_KEYS = ours
    assert "has a signature that key 0 did not make" in said(verify())


def test_an_older_key_still_verifies_after_a_rotation(
    heads_dir: Path, write_events: Write, settings: Any
) -> None:
    from portal.keys import NumberedSecrets

    write_events(1)
    seal_audit(at=AT)
    both = {**settings.AUDIT_KEYS.by_number, 5: "new" * 20}
    settings.AUDIT_KEYS = NumberedSecrets("PLUMBLINE_AUDIT_KEYS", both)
    write_events(1)
    seal_audit(at=AT)
    assert AuditSeal.objects.latest("number").key_number == 5
    assert verify().is_whole


def test_an_erased_person_is_gone_and_every_seal_still_holds(heads_dir: Path) -> None:
    person = User.objects.create(username="ida", full_name="Ida Holm")
    with acting(user_id=person.pk, name="Ida Holm"):
        User.objects.create(username="max")
    seal_audit(at=AT)
    with pytest.raises(MissingReasonError):
        erase_person(person=person, reason="", actor=None, at=AT)
    erased = erase_person(person=person, reason="left, asked for it", actor=None, at=AT)
    assert (erased.names, erased.values) == (1, 1)
    with connection.cursor() as cursor:
        for table in ("auditevent", "auditname", "auditpersonal"):
            cursor.execute(f"SELECT * FROM portal_{table}")  # noqa: S608  (names of our own)
            assert "Ida" not in str(cursor.fetchall())
    report = verify()
    assert report.is_whole, said(report)
    seal_audit(at=AT)
    assert verify().is_whole
    assert AuditEvent.objects.get(pk=erased.event).reason == "left, asked for it"


FORGED = (
    ("UPDATE portal_auditname SET name = 'Max'", "name"),
    ("UPDATE portal_auditname SET person_id = 99", "name"),
    ("UPDATE portal_auditname SET name = '', salt = '', erasure_id = 1", "name"),
    ("DELETE FROM portal_auditname", "name"),
    ("UPDATE portal_auditpersonal SET value = '{}'", "personal"),
    ("UPDATE portal_auditpersonal SET value = '', salt = '', erasure_id = 1", "personal"),
    ("DELETE FROM portal_auditpersonal", "personal"),
    ("INSERT INTO portal_auditname (id, name, salt) VALUES (900, 'x', 'y')", "name 900"),
)


def test_forged_names_and_personal_values_are_found(heads_dir: Path) -> None:
    with acting(user_id=4, name="Ida Holm"):
        User.objects.create(username="ida", full_name="Ida Holm")
    seal_audit(at=AT)
    for statement, first in FORGED:
        with undone():
            forge(statement)
            assert said(verify()).startswith(first), statement
    assert verify().is_whole


def test_a_missing_trigger_is_found(heads_dir: Path) -> None:
    from portal.audit import triggers

    triggers.remove(connection)
    try:
        assert said(verify()).startswith("trigger ")
    finally:
        triggers.install(connection)
    assert verify().is_whole


def test_the_commands_say_it_in_json_and_by_their_exit(
    heads_dir: Path, write_events: Write, tmp_path: Path
) -> None:
    write_events(2)
    out = StringIO()
    call_command("seal_audit", "--json", stdout=out)
    assert json.loads(out.getvalue())["events"] == 2
    out = StringIO()
    call_command("verify_audit", "--json", stdout=out)
    assert json.loads(out.getvalue())["whole"] is True
    call_command("verify_audit", "--heads", str(heads_dir), stdout=StringIO())
    with pytest.raises(CommandError, match="no folder"):
        call_command("verify_audit", "--heads", str(tmp_path / "nowhere"), stdout=StringIO())
    last = AuditEvent.objects.latest("pk").pk
    forge("UPDATE portal_auditevent SET reason = 'better' WHERE id = %s", last)
    out = StringIO()
    with pytest.raises(CommandError, match=f"first: event {last} was altered"):
        call_command("verify_audit", "--json", stdout=out)
    assert json.loads(out.getvalue())["first_bad"] == {
        "kind": "event",
        "record": str(last),
        "detail": "was altered",
    }
    assert AuditName.objects.count() == 2
