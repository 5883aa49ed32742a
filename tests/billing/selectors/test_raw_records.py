"""The record behind a line is found again in the landed file, whatever its packing."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import duckdb
import pytest
from django.conf import settings

from billing.models import Charge
from billing.selectors import raw_records
from billing.selectors.raw_records import RawRecord, raw_record
from billing.sources.tables import parquet_rows
from portal.imports.files import landed_path
from tests.billing.services.charges import otherwise_packed
from tests.billing.sources.focus.focus_files import csv_bytes
from tests.imports import line, make_connection, run_import

LINES = b'a,b\r\n1,"two\r\nlines"\r\n3,4\r\n'


@pytest.fixture(autouse=True)
def _own_landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "LANDING_DIR", tmp_path / "landing")


def land(content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    path = landed_path(digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return digest


@pytest.mark.parametrize("packed", [False, True])
def test_a_record_with_line_breaks_is_shown_whole(packed: bool) -> None:
    digest = land(gzip.compress(LINES) if packed else LINES)
    assert raw_record(sha256=digest, line=2) == RawRecord(
        text='1,"two\r\nlines"', cells=[("a", "1"), ("b", "two\r\nlines")]
    )
    assert raw_record(sha256=digest, line=4).cells == [("a", "3"), ("b", "4")]


def test_a_byte_order_mark_is_not_part_of_a_name() -> None:
    assert raw_record(sha256=land(b"\xef\xbb\xbf" + LINES), line=4).cells[0] == ("a", "3")


def test_a_removed_file_is_named_by_its_hash() -> None:
    found = raw_record(sha256="ab" * 32, line=2)
    assert (found.text, found.cells) == ("", [])
    assert "ab" * 32 in found.problem
    assert "no longer" in found.problem


def test_a_line_beyond_the_end_is_said() -> None:
    assert "ends before line 9" in raw_record(sha256=land(LINES), line=9).problem


def test_a_page_reads_no_more_than_its_bound() -> None:
    digest = land(gzip.compress(b"a,b\n" + b"1,2\n" * 100_000))
    assert "deeper" in raw_record(sha256=digest, line=90_000, most_bytes=10_000).problem
    assert raw_record(sha256=digest, line=90_000, most_bytes=None).text == "1,2"


def test_a_gigabyte_in_one_line_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_records, "_MOST_LINE_BYTES", 1_000)
    digest = land(gzip.compress(b"a,b\n" + b"0" * 1_000_000))
    assert "deeper" in raw_record(sha256=digest, line=2).problem


def test_a_damaged_file_is_said_and_not_raised() -> None:
    whole = gzip.compress(LINES * 1000)
    assert "cannot be read" in raw_record(sha256=land(whole[:30]), line=3000).problem


def parquet(rows: int, folder: Path) -> bytes:
    path = folder / "rows.parquet"
    columns = "i AS a, CASE WHEN i = 2 THEN NULL ELSE 'text' END AS b"
    with duckdb.connect(config={"threads": 1}) as engine:
        found = engine.sql(f"SELECT {columns} FROM range(1, {rows + 1}) t(i)")  # noqa: S608  (names of our own)
        found.write_parquet(str(path))
    return path.read_bytes()


def test_a_row_of_parquet_is_shown_by_its_number(tmp_path: Path) -> None:
    digest = land(parquet(3_000, tmp_path))
    assert raw_record(sha256=digest, line=2) == RawRecord(
        text='{"a":"2","b":null}', cells=[("a", "2"), ("b", "")]
    )
    assert raw_record(sha256=digest, line=3_000).cells == [("a", "3000"), ("b", "text")]
    assert "ends before line 3,001" in raw_record(sha256=digest, line=3_001).problem


def test_parquet_that_is_damaged_or_needs_too_much_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = parquet(3_000, tmp_path)
    assert "cannot be read" in raw_record(sha256=land(whole[:400]), line=1).problem
    broken = whole[:8] + b"\xff" * 200 + whole[208:]
    assert "cannot be read" in raw_record(sha256=land(broken), line=1).problem
    monkeypatch.setattr(parquet_rows, "DATA_BYTES", 20 * parquet_rows.MEGABYTE)
    assert "more memory or time" in raw_record(sha256=land(whole), line=1).problem


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["plain", "gzip", "crlf", "bom", "parquet"])
def test_every_imported_line_is_found_again(how: str, tmp_path: Path) -> None:
    rows = [
        line(day, f"{day}.25", ChargeDescription=f"Day {day},\nin two lines") for day in (3, 4, 5)
    ]
    content = csv_bytes(rows)
    run_import(
        make_connection(), content if how == "plain" else otherwise_packed(content, how, tmp_path)
    )
    for charge in Charge.objects.select_related("file"):
        cells = dict(raw_record(sha256=charge.file.sha256, line=charge.line).cells)
        assert cells["BilledCost"] == f"{charge.day.day}.25"
        assert cells["ChargeDescription"].startswith(f"Day {charge.day.day},")
