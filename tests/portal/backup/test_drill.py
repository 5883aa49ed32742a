"""The drill: back up, destroy, restore, and find everything as it was."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone

from billing.models import Charge
from portal.backup import postgres, sqlite
from portal.backup.archive import opened
from portal.backup.manifest import TableFigures
from portal.choices import RunStatus
from portal.imports.files import landed_path
from portal.imports.runner import execute_run
from portal.models import ImportFile, ImportRun, User
from portal.services.imports import runs_to_send_again
from tests.imports import line, make_connection, run_import
from tests.portal.backup.conftest import PHRASE, destroy

pytestmark = pytest.mark.django_db(transaction=True)


def command(name: str, *arguments: Any, **options: Any) -> dict[str, Any]:
    """The JSON document that a command prints."""
    out = io.StringIO()
    call_command(name, *map(str, arguments), json=True, stdout=out, **options)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def counted() -> dict[str, TableFigures]:
    """Counts, sums and contents of the database as it is now."""
    if connection.vendor == "postgresql":
        with postgres.snapshot():
            return postgres.count_tables()
    connection.close()
    return sqlite.count_tables(sqlite.database_path())


@pytest.mark.both_engines
def test_backup_destroy_restore_gives_back_everything(
    portal_with_data: User, tmp_path: Path
) -> None:
    before = counted()
    files = sorted(ImportFile.objects.values_list("sha256", flat=True))
    waiting = ImportRun.objects.get(status=RunStatus.QUEUED).pk
    made = command("backup", tmp_path / "one.backup")
    assert made["sums"]["billing_charge"]["billed_nano"] == {"USD": "9.239999999"}
    assert made["rows"] == sum(table.rows for table in before.values())

    destroy()
    restored = command("restore", made["path"])

    assert counted() == before
    for key in ("rows", "tables", "files", "sums", "audit_head"):
        assert restored[key] == made[key], key
    assert all(landed_path(sha).is_file() for sha in files)
    request = RequestFactory().post("/sign-in/")
    assert authenticate(request=request, username="ada", password=PHRASE) is not None
    # No message is replayed: the row that waited is found in the database, and is done once.
    later = timezone.now()
    assert waiting in runs_to_send_again(at=later)
    assert execute_run(waiting, clock=timezone.now).status == RunStatus.APPLIED
    # Keys go on where they were.
    assert run_import(make_connection("new"), [line(9)]).inserted == 1


@pytest.mark.both_engines
def test_sessions_are_not_restored(portal_with_data: User, tmp_path: Path) -> None:
    visitor = Client()
    visitor.force_login(portal_with_data)
    made = command("backup", tmp_path / "one.backup")
    command("restore", made["path"], replace=True)
    assert visitor.get("/").status_code == 302


def test_a_portal_that_holds_data_is_replaced_only_when_told(
    portal_with_data: User, tmp_path: Path
) -> None:
    path = command("backup", tmp_path / "one.backup")["path"]
    User.objects.filter(pk=portal_with_data.pk).update(full_name="Changed since")
    now = counted()
    with pytest.raises(Exception, match=r"already holds data .*--replace"):
        command("restore", path)
    assert counted() == now
    command("restore", path, replace=True)
    assert User.objects.get(pk=portal_with_data.pk).full_name == "Ada"


@pytest.mark.both_engines
def test_what_does_not_count_the_same_leaves_the_former_data(
    portal_with_data: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Path(command("backup", tmp_path / "one.backup")["path"])
    Charge.objects.filter(superseded_at__isnull=True).update(billed_nano=1)
    now = counted()
    with opened(made) as archive:
        tables = archive.manifest.tables
    wrong = tables["billing_charge"].model_copy(update={"rows": 99})
    monkeypatch.setattr(
        "portal.backup.archive.read_manifest",
        lambda data: archive.manifest.model_copy(
            update={"tables": {**tables, "billing_charge": wrong}}
        ),
    )
    with pytest.raises(Exception, match="billing_charge: 99 rows in the backup, 3 restored"):
        command("restore", made, replace=True)
    assert counted() == now


def test_another_audit_head_is_refused(
    portal_with_data: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = command("backup", tmp_path / "one.backup")
    now = counted()
    monkeypatch.setattr("portal.backup.restoring.head_of_audit", lambda: {"seal": "another"})
    with pytest.raises(Exception, match="the audit ends elsewhere"):
        command("restore", made["path"], replace=True)
    assert counted() == now


def test_a_backup_of_another_version_is_refused_before_anything_is_touched(
    portal_with_data: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = command("backup", tmp_path / "one.backup")
    now = counted()
    monkeypatch.setattr("portal.backup.manifest.CODE_VERSION", "0.0.9")
    with pytest.raises(Exception, match="was made by Plumbline 0.1.0 and this is 0.0.9"):
        command("restore", made["path"], replace=True)
    assert counted() == now


def test_a_lost_or_damaged_imported_file_is_said(portal_with_data: User, tmp_path: Path) -> None:
    path = landed_path(ImportFile.objects.order_by("pk").first().sha256)  # type: ignore[union-attr]
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(Exception, match="is damaged"):
        command("backup", tmp_path / "one.backup")
    path.unlink()
    with pytest.raises(Exception, match="not in .* any more"):
        command("backup", tmp_path / "one.backup")
    assert list(tmp_path.iterdir()) == []
    made = command("backup", tmp_path / "one.backup", accept_missing=True)
    assert made["missing_files"] == 1


def test_a_backup_holds_no_secret_and_no_session(portal_with_data: User, tmp_path: Path) -> None:
    Client().force_login(portal_with_data)
    made = Path(command("backup", tmp_path)["path"])
    assert made.stat().st_mode & 0o077 == 0
    secrets = {settings.SECRET_KEY.encode()}
    for path in Path(settings.VAR_DIR).glob("*_*"):
        if path.is_file() and path.stat().st_size < 1000:
            secrets.add(path.read_bytes().strip())
    with opened(made) as archive:
        for member in archive.manifest.files:
            archive.extract(member, tmp_path / "member", lambda count: None)
            content = (tmp_path / "member").read_bytes()
            assert not [secret for secret in secrets if secret in content]
            (tmp_path / "member").unlink()
        assert any("keys of stored credentials" in note for note in archive.manifest.not_inside)


def test_a_backup_is_there_whole_or_not_at_all(
    portal_with_data: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, manifest: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("portal.backup.archive.ArchiveWriter.finish", fail)
    with pytest.raises(Exception, match="No space left"):
        command("backup", tmp_path / "one.backup")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_never_overwrites(portal_with_data: User, tmp_path: Path) -> None:
    (tmp_path / "one.backup").write_text("older")
    with pytest.raises(Exception, match="is there already"):
        command("backup", tmp_path / "one.backup")
    assert (tmp_path / "one.backup").read_text() == "older"


def test_a_check_reads_everything_and_changes_nothing(
    portal_with_data: User, tmp_path: Path
) -> None:
    made = command("backup", tmp_path / "one.backup")
    now = counted()
    checked = command("restore", made["path"], check=True)
    assert checked["restored"] is False
    assert checked["rows"] == made["rows"]
    assert counted() == now
