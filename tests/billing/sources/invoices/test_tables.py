"""Invoices and exchange rates as CSV: what is taken, and each way of being wrong by name."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from billing.sources.invoices.rates import RatesSource
from billing.sources.invoices.source import InvoiceRecord, InvoicesSource
from portal.imports.contracts import (
    Batch,
    ImportRefusedError,
    LandedFile,
    Limits,
    ReadOptions,
    Rejection,
    raw_digest,
)

HEADER = "issuer,number,month,currency,total"
ROW = "Cloud Ltd,A-1,2026-05,USD,12.50"
RATES = "day,base,quote,rate,source"
RATE = "2026-05-29,USD,EUR,0.8734,ECB"


def read(
    folder: Path,
    text: str | bytes,
    *,
    source: Any = None,
    options: ReadOptions | None = None,
) -> Batch:
    path = folder / "table.csv"
    content = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(content)
    file = LandedFile(0, "table.csv", path, "0" * 64, len(content))
    (batch,) = (source or InvoicesSource()).read([file], options or ReadOptions())
    return batch


def only(batch: Batch) -> Any:
    assert not batch.rejections, batch.rejections
    (record,) = batch.records
    return record


def rejected(batch: Batch) -> Rejection:
    assert not batch.records
    (found,) = batch.rejections
    return found


def test_a_row_says_what_the_document_says_and_nothing_else(tmp_path: Path) -> None:
    record = only(read(tmp_path, f"{HEADER}\n{ROW}\n"))
    assert record == InvoiceRecord(
        file_index=0, line=2, issuer="Cloud Ltd", number="A-1", billing_account_id="",
        month=dt.date(2026, 5, 1), issued_on=None, currency="USD", total_nano=12_500_000_000,
        tax_nano=None, credits_nano=None, rounding_nano=None, tax_in_lines=True,
        credits_in_lines=True, stated_lines=None, effective_nano=None,
    )  # fmt: skip


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    header = f"{HEADER},billing_account,issued_on,tax,credits,rounding,tax_in_lines,lines,effective"
    record = only(read(tmp_path, f"{header}\n{ROW},7,2026-06-02,2,-1.5,0.000000001,no,9,3\n"))
    assert record.billing_account_id == "7"
    assert record.issued_on == dt.date(2026, 6, 2)
    assert (record.tax_nano, record.credits_nano) == (2 * 10**9, -1_500_000_000)
    assert (record.rounding_nano, record.tax_in_lines) == (1, False)
    assert (record.stated_lines, record.effective_nano) == (9, 3 * 10**9)


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{HEADER}\r\n{ROW}\r\n",
        f"{HEADER.upper()}\n\n{ROW}\n\n",
        f"{HEADER}\n{ROW}",
        "total;currency;month;number;issuer\n12.50;USD;2026-05;A-1;Cloud Ltd\n",
        f'{HEADER}\n"Cloud Ltd",A-1,2026-05,USD,"12.50"\n',
    ],
    ids=["marked", "capitals and blanks", "no last line end", "semicolons", "quoted"],
)
def test_other_ways_to_write_the_same(tmp_path: Path, text: str) -> None:
    record = only(read(tmp_path, text))
    assert (record.issuer, record.number, record.total_nano) == ("Cloud Ltd", "A-1", 12_500_000_000)


@pytest.mark.parametrize(
    ("row", "field", "code", "fatal"),
    [
        ("Cloud Ltd,A-1,2026-05,USD,1'200.00", "total", "bad_amount", True),
        ("Cloud Ltd,A-1,2026-05,USD,1e3", "total", "bad_amount", True),
        ("Cloud Ltd,A-1,2026-05,USD,NaN", "total", "bad_amount", True),
        ("Cloud Ltd,A-1,2026-05,USD,", "total", "bad_amount", True),
        ("Cloud Ltd,A-1,2026-05,USD,0.0000000001", "total", "bad_amount", True),
        ("Cloud Ltd,A-1,2026-05,USD,9999999999", "total", "bad_amount", True),
        ("Cloud Ltd,A-1,2026-13,USD,1", "month", "bad_month", False),
        ("Cloud Ltd,A-1,May,USD,1", "month", "bad_month", False),
        ("Cloud Ltd,A-1,2026-05,usd,1", "currency", "bad_currency", False),
        (",A-1,2026-05,USD,1", "issuer", "missing_value", False),
        (f"Cloud Ltd,{'9' * 121},2026-05,USD,1", "number", "bad_text", False),
        ("Cloud Ltd,A-1,2026-05,USD,1,2", "", "malformed_row", True),
        ('Cloud Ltd,"A-1,2026-05,USD,1', "", "malformed_row", True),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, row: str, field: str, code: str, fatal: bool
) -> None:
    found = rejected(read(tmp_path, f"{HEADER}\n{row}\n"))
    assert (found.line, found.field, found.code, found.fatal) == (2, field, code, fatal)
    assert found.raw_text.strip() == row
    assert found.expected


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("credits", "5", "positive_credit"),
        ("lines", "-1", "bad_count"),
        ("lines", "1.5", "bad_count"),
        ("tax_in_lines", "perhaps", "bad_choice"),
        ("issued_on", "31.05.2026", "bad_day"),
    ],
)
def test_what_else_can_be_wrong(tmp_path: Path, column: str, value: str, code: str) -> None:
    found = rejected(read(tmp_path, f"{HEADER},{column}\n{ROW},{value}\n"))
    assert (found.field, found.code, found.value) == (column, code, value)


def test_an_invoice_stands_once_in_an_import(tmp_path: Path) -> None:
    batch = read(tmp_path, f"{HEADER}\n{ROW}\n{ROW.replace('Cloud', 'CLOUD')}\n")
    assert len(batch.records) == 1
    assert [(each.line, each.code) for each in batch.rejections] == [(3, "invoice_twice")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("issuer,number,month,currency\n", "missing_column"),
        (f"{HEADER},total\n{ROW},1\n", "column_twice"),
        (b"\xff\xfe\x00", "not_utf8"),
        (f'"{HEADER}\n', "bad_header"),
        ("", "missing_column"),
    ],
)
def test_a_file_that_is_no_such_table_is_refused(
    tmp_path: Path, text: str | bytes, code: str
) -> None:
    with pytest.raises(ImportRefusedError) as caught:
        read(tmp_path, text)
    assert caught.value.code == code
    assert caught.value.file == "table.csv"


def test_too_many_bytes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match="file_too_large"):
        read(tmp_path, f"{HEADER}\n{ROW}\n", options=ReadOptions(limits=Limits(max_bytes=10)))


def test_an_unknown_column_is_a_note(tmp_path: Path) -> None:
    batch = read(tmp_path, f"{HEADER},colour\n{ROW},red\n")
    assert only(batch).number == "A-1"
    assert [note.code for note in batch.notes] == ["unknown_column"]


def test_a_mended_row_is_read_from_its_mended_text(tmp_path: Path) -> None:
    bad = ROW.replace("12.50", "12,50")
    options = ReadOptions(repairs={raw_digest(bad): ROW})
    record = only(read(tmp_path, f"{HEADER}\n{bad}\n", options=options))
    assert (record.total_nano, record.line) == (12_500_000_000, 2)


def test_a_rate_keeps_every_digit(tmp_path: Path) -> None:
    text = f"{RATES}\n{RATE.replace('0.8734', '0.87340000000000000001')}\n"
    record = only(read(tmp_path, text, source=RatesSource()))
    assert record.rate == "0.87340000000000000001"
    assert (record.day, record.base, record.quote) == (dt.date(2026, 5, 29), "USD", "EUR")


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (RATE.replace("0.8734", "0"), "bad_rate"),
        (RATE.replace("0.8734", "-1"), "bad_rate"),
        (RATE.replace("0.8734", "1,2"), "malformed_row"),
        (RATE.replace("EUR", "USD"), "same_currency"),
        (RATE.replace("2026-05-29", ""), "bad_day"),
        (RATE.replace("ECB", ""), "missing_value"),
    ],
)
def test_a_rate_that_cannot_be_taken_is_named(tmp_path: Path, row: str, code: str) -> None:
    found = rejected(read(tmp_path, f"{RATES}\n{row}\n", source=RatesSource()))
    assert found.code == code


@pytest.mark.parametrize(
    ("month", "codes"),
    [
        ("2000-01", []),
        ("1999-12", ["month_out_of_range"]),
        ("2026-06", []),
        ("2026-07", ["month_out_of_range"]),
    ],
)
def test_no_invoice_is_of_a_month_far_away(tmp_path: Path, month: str, codes: list[str]) -> None:
    options = ReadOptions(context={"last_month": "2026-06-01"})
    batch = read(tmp_path, f"{HEADER}\n{ROW.replace('2026-05', month)}\n", options=options)
    assert [each.code for each in batch.rejections] == codes
    assert [each.expected for each in batch.rejections] == [
        "a month from 2000-01 to 2026-06" for _ in codes
    ]


@pytest.mark.parametrize(
    ("last_day", "codes"), [("2026-05-29", []), ("2026-05-28", ["day_to_come"])]
)
def test_no_rate_is_of_a_day_to_come(tmp_path: Path, last_day: str, codes: list[str]) -> None:
    options = ReadOptions(context={"last_day": last_day})
    batch = read(tmp_path, f"{RATES}\n{RATE}\n", source=RatesSource(), options=options)
    assert [each.code for each in batch.rejections] == codes


def test_a_pair_and_day_stands_once(tmp_path: Path) -> None:
    batch = read(tmp_path, f"{RATES}\n{RATE}\n{RATE}\n", source=RatesSource())
    assert [each.code for each in batch.rejections] == ["rate_twice"]
