"""Whatever happens to the bytes of a backup, it is found before anything is restored."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.backup.archive import opened, writing
from portal.backup.manifest import (
    CODE_VERSION,
    BackupError,
    Manifest,
    Sum,
    TableFigures,
    code_migrations,
    differences,
    read_manifest,
    refuse_other_versions,
)
from tests.architecture.tree import REPOSITORY

FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)


def manifest(files: dict[str, Any]) -> Manifest:
    return Manifest(
        format=1,
        made_at=datetime(2026, 11, 20, tzinfo=UTC),
        code_version=CODE_VERSION,
        engine="sqlite",
        engine_version="3",
        migrations=[],
        tables={},
        audit_head=None,
        files=files,
        missing_files=[],
        not_inside=[],
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small backup."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "database").write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 20)
    landed = b"a,b\r\n1,2\r\n"
    (folder / "landed").write_bytes(landed)
    with writing(folder / "one.backup", lambda count: None) as archive:
        archive.add("database.sqlite3", folder / "database")
        archive.add(f"landing/{hashlib.sha256(landed).hexdigest()}", folder / "landed")
        archive.finish(manifest(archive.files))
    return (folder / "one.backup").read_bytes()


def read_whole(path: Path, spool: Path) -> None:
    with opened(path) as archive:
        for member in archive.manifest.files:
            target = spool / "member"
            target.unlink(missing_ok=True)
            archive.extract(member, target, lambda count: None)


def test_a_whole_backup_is_read(whole: bytes, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(whole)
    read_whole(tmp_path / "one", tmp_path)


@FOLDER
@given(data=st.data())
def test_a_changed_byte_anywhere_is_found(whole: bytes, tmp_path: Path, data: Any) -> None:
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != whole[place]))
    (tmp_path / "one").write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
    with pytest.raises(BackupError):
        read_whole(tmp_path / "one", tmp_path)


@FOLDER
@given(data=st.data())
def test_a_cut_a_gap_and_an_addition_are_found(whole: bytes, tmp_path: Path, data: Any) -> None:
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    more = data.draw(st.binary(max_size=100))
    changed = whole[:start] + more + whole[end:]
    if changed == whole:
        return
    (tmp_path / "one").write_bytes(changed)
    with pytest.raises(BackupError):
        read_whole(tmp_path / "one", tmp_path)


def resealed(path: Path) -> None:
    """Give a changed archive the digest that it should have: what a forger would do."""
    content = path.read_bytes()[:-64]
    path.write_bytes(content + hashlib.sha256(content + b"0" * 64).hexdigest().encode())


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("database.sqlite3", b"another", "not what the manifest says"),
        ("database.sqlite3", bytes(100_000), "not what the manifest says"),
        ("../outside", b"x", "holds what no backup has"),
        ("/etc/passwd", b"x", "holds what no backup has"),
        ("landing/" + "0" * 64, b"x", "other files than its manifest says"),
    ],
)
def test_members_that_were_put_in_are_refused(
    whole: bytes, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / "one").write_bytes(whole)
    with zipfile.ZipFile(tmp_path / "one") as old:
        members = {member: old.read(member) for member in old.namelist()}
    with zipfile.ZipFile(tmp_path / "two", "w") as new:
        for member, data in (members | {name: content}).items():
            new.writestr(member, data)
        new.comment = b"plumbline-sha256:" + b"0" * 64
    resealed(tmp_path / "two")
    with pytest.raises(BackupError, match=re.escape(words)):
        read_whole(tmp_path / "two", tmp_path)


def test_differences_are_named() -> None:
    money = {"billed_nano": {"EUR": Sum(known=1, nano="1")}}
    one = {
        "a": TableFigures(rows=1),
        "b": TableFigures(rows=1, sums=money),
        "c": TableFigures(rows=1, digest="1"),
        "d": TableFigures(rows=1),
    }
    other = {
        "a": TableFigures(rows=2),
        "b": TableFigures(rows=1, sums={"billed_nano": {"EUR": Sum(known=1, nano="2")}}),
        "c": TableFigures(rows=1, digest="2"),
        "e": TableFigures(rows=1),
    }
    assert differences(one, one) == []
    assert differences(one, other) == [
        "a: 1 rows in the backup, 2 restored",
        "b: the sums of money differ",
        "c: the contents differ",
        "d: not restored",
        "e: not in the backup",
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"engine": "postgresql"}, "one of postgresql"),
        ({"code_version": "0.0.9"}, f"Plumbline 0.0.9 and this is {CODE_VERSION}"),
        ({"migrations": ["portal.0001_initial"]}, "it lacks .*portal.0002"),
        ({"migrations": [*code_migrations(), "portal.9999_x"]}, "9999_x, which this code has not"),
    ],
)
def test_a_backup_of_another_kind_is_refused(change: dict[str, Any], words: str) -> None:
    fitting = manifest({}).model_copy(update={"migrations": code_migrations()})
    refuse_other_versions(fitting, engine="sqlite")
    with pytest.raises(BackupError, match=words):
        refuse_other_versions(fitting.model_copy(update=change), engine="sqlite")


@pytest.mark.parametrize("change", [{"format": 2}, {"tables": None}, {"surprise": 1}])
def test_a_manifest_of_another_format_is_refused(change: dict[str, Any]) -> None:
    document = manifest({}).model_dump(mode="json") | change
    with pytest.raises(BackupError, match=r"format 2|manifest cannot be read"):
        read_manifest(json.dumps(document).encode())


def test_the_version_is_that_of_the_project() -> None:
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(rf'^version = "{re.escape(CODE_VERSION)}"$', text, re.M)
