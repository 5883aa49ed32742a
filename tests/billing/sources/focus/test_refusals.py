"""Inputs that are refused as a whole, each with the file, line, column, value and rule named."""

from __future__ import annotations

import gzip

import pytest

from billing.sources.focus.source import FocusSource
from portal.imports.contracts import ImportRefusedError, Limits, ReadOptions
from tests.billing.sources.focus.focus_files import (
    BASE_ROW,
    Reader,
    csv_bytes,
    row_bytes,
    rows_of,
    without,
)

PLAIN = csv_bytes(rows_of(3))
HEADER = PLAIN.split(b"\n")[0] + b"\n"
COMMITMENT = b"ContractCommitmentId,ContractCommitmentCost,BillingCurrency\ncc-1,100.00,USD\n"


def assert_names(
    refusal: ImportRefusedError, code: str, *, line: int | None, column: str = "", value: str = ""
) -> None:
    """The refusal names its place and says in words what should have been there."""
    assert (refusal.code, refusal.file, refusal.line) == (code, "part-0.data", line)
    assert column in refusal.column
    assert value in (refusal.value or "")
    assert refusal.expected
    message = str(refusal)
    assert message.startswith("part-0.data")
    for part in (str(line or ""), column, refusal.expected, f"[{code}]"):
        assert part in message


def test_an_empty_file(read: Reader) -> None:
    assert_names(read.refusal(b""), "empty_file", line=None)


def test_a_file_of_blank_lines(read: Reader) -> None:
    assert_names(read.refusal(b"\n \n\r\n"), "empty_file", line=None)


def test_an_empty_gzip(read: Reader) -> None:
    assert_names(read.refusal(gzip.compress(b"")), "empty_file", line=None)


def test_no_file_at_all(read: Reader) -> None:
    assert read.refusal().code == "no_files"


def test_a_header_without_rows(read: Reader) -> None:
    assert_names(read.refusal(HEADER), "no_rows", line=1)


def test_a_second_file_without_rows(read: Reader) -> None:
    refusal = read.refusal(PLAIN, HEADER)
    assert (refusal.code, refusal.file) == ("no_rows", "part-1.data")


def test_a_file_that_ends_inside_a_quoted_cell(read: Reader) -> None:
    refusal = read.refusal(PLAIN[:-4])
    assert_names(refusal, "truncated_file", line=4, value="triage")


def test_a_file_that_ends_in_the_middle_of_a_record(read: Reader) -> None:
    content = PLAIN[: PLAIN.rindex(b"Model Service") + 5]
    refusal = read.refusal(content)
    assert_names(refusal, "too_few_cells", line=4, column="ServiceSubcategory", value="Model")


def test_a_record_in_the_middle_with_too_few_cells(read: Reader) -> None:
    lines = PLAIN.splitlines(keepends=True)
    refusal = read.refusal(lines[0] + lines[1] + b"0042,Example Corp,USD\n" + lines[2])
    assert_names(refusal, "too_few_cells", line=3, column="BillingPeriodStart", value="USD")


def test_a_record_with_too_many_cells(read: Reader) -> None:
    refusal = read.refusal(PLAIN.rstrip(b"\n") + b",surplus\n")
    assert_names(
        refusal, "too_many_cells", line=4, column=f"number {len(BASE_ROW) + 1}", value="surplus"
    )


def test_a_last_amount_that_may_be_cut(read: Reader) -> None:
    [row] = without("BilledCost")
    content = csv_bytes([row | {"BilledCost": "1234.56"}])
    assert len(read(content).records) == 1
    for cut in range(2, 8):
        refusal = read.refusal(content[:-cut])
        assert refusal.code == "truncated_file"
        assert (refusal.line, refusal.column) == (2, "BilledCost")


def test_a_last_record_without_line_ending_that_is_not_right(read: Reader) -> None:
    [row] = without("Tags")
    content = csv_bytes([row | {"Tags": "NULL"}])[:-2]
    assert_names(read.refusal(content), "truncated_file", line=2, column="Tags", value="NUL")


def test_quotes_in_the_wrong_place(read: Reader) -> None:
    content = HEADER + PLAIN.split(b"\n")[1].replace(b"Cloud Ltd", b'"Cloud" Ltd') + b"\n"
    assert_names(read.refusal(content), "bad_quoting", line=2, value="0042,Example")


@pytest.mark.parametrize("cut", [1, 4, 8, 40])
def test_a_gzip_that_is_cut(read: Reader, cut: int) -> None:
    assert_names(read.refusal(gzip.compress(PLAIN)[:-cut]), "truncated_gzip", line=None)


def test_a_gzip_with_a_wrong_checksum(read: Reader) -> None:
    packed = bytearray(gzip.compress(PLAIN))
    packed[-6] ^= 1
    assert_names(read.refusal(bytes(packed)), "damaged_gzip", line=None)


def test_a_gzip_with_something_behind_it(read: Reader) -> None:
    assert_names(read.refusal(gzip.compress(PLAIN) + b"more"), "damaged_gzip", line=None)


def test_gzip_inside_gzip(read: Reader) -> None:
    refusal = read.refusal(gzip.compress(gzip.compress(PLAIN)))
    assert_names(refusal, "unsupported_format", line=None)
    assert "gzip inside gzip" in str(refusal)


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"PK\x03\x04", "Excel"),
        (b"(\xb5/\xfd", "Zstandard"),
        (b"\xff\xfeB\x00", "UTF-16"),
        (b"BZh9", "bzip2"),
    ],
)
def test_other_formats_are_called_by_name(read: Reader, start: bytes, kind: str) -> None:
    refusal = read.refusal(start + PLAIN)
    assert_names(refusal, "unsupported_format", line=None)
    assert kind in str(refusal)


def test_a_column_twice_whatever_its_case(read: Reader) -> None:
    content = PLAIN.replace(b"ListCost", b"billedcost", 1)
    assert_names(read.refusal(content), "duplicate_column", line=1, column="BilledCost")


@pytest.mark.parametrize(
    "column",
    [
        "BilledCost",
        "EffectiveCost",
        "BillingCurrency",
        "BillingPeriodStart",
        "BillingPeriodEnd",
        "ChargePeriodStart",
        "ChargePeriodEnd",
        "BillingAccountId",
        "ChargeCategory",
        "ServiceName",
        "ProviderName",
    ],
)
def test_a_missing_column_that_money_needs(read: Reader, column: str) -> None:
    assert_names(read.refusal(csv_bytes(without(column))), "missing_columns", line=1, column=column)


def test_all_missing_columns_are_named_at_once(read: Reader) -> None:
    refusal = read.refusal(csv_bytes(without("EffectiveCost", "ServiceName", "ProviderName")))
    assert refusal.column == "EffectiveCost, ServiceName, ServiceProviderName (or ProviderName)"


def test_semicolons_between_cells_are_guessed_in_the_message(read: Reader) -> None:
    refusal = read.refusal(PLAIN.replace(b",", b";"))
    assert refusal.code == "missing_columns"
    assert "';'" in refusal.expected


@pytest.mark.parametrize(
    ("content", "data_set"),
    [
        (COMMITMENT, "FOCUS data set Contract Commitment"),
        (b"BillingPeriodStart,BillingPeriodStatus\n2026-05-01,Open\n", "Billing Period"),
        (b"InvoiceDetailId,InvoiceId\n1,2\n", "Invoice Detail"),
        (b"AmortizedCost,ChargeType\n1,Usage\n", "FOCUS version before 1.0"),
        (b"line_item_unblended_cost,bill_type\n1,Anniversary\n", "AWS Cost and Usage Report"),
    ],
)
def test_another_data_set_is_called_by_name(read: Reader, content: bytes, data_set: str) -> None:
    refusal = read.refusal(content)
    assert_names(refusal, "not_cost_data", line=1, column="BilledCost")
    assert data_set in str(refusal)


def test_two_currencies_in_one_file(read: Reader) -> None:
    refusal = read.refusal(row_bytes(BillingCurrency="EUR"))
    assert_names(refusal, "two_currencies", line=3, column="BillingCurrency", value="EUR")
    assert "USD throughout, as in part-0.data, line 2" in refusal.expected


def test_two_currencies_in_two_files(read: Reader) -> None:
    refusal = read.refusal(PLAIN, csv_bytes(rows_of(2, BillingCurrency="EUR")))
    assert (refusal.code, refusal.file, refusal.line) == ("two_currencies", "part-1.data", 2)


def test_a_second_currency_in_a_row_that_is_wrong_otherwise(read: Reader) -> None:
    refusal = read.refusal(row_bytes(BillingCurrency="EUR", ChargeCategory="Gift"))
    assert refusal.code == "two_currencies"


def test_text_that_is_not_utf8(read: Reader) -> None:
    content = PLAIN.replace(b"Model Maker", b"Mod\xe8le")
    refusal = read.refusal(content)
    assert_names(refusal, "not_utf8", line=2, value="0xe8")
    assert f"byte {content.index(0xE8) + 1} " in refusal.problem


def test_text_that_is_not_utf8_far_into_the_file(read: Reader) -> None:
    content = csv_bytes(rows_of(700, ChargeDescription="long\n" * 200)) + b"\xff"
    refusal = read.refusal(content)
    assert_names(refusal, "not_utf8", line=content.count(b"\n") + 1, value="0xff")
    assert f"byte {len(content)} " in refusal.problem


def test_a_nul_byte(read: Reader) -> None:
    assert_names(read.refusal(PLAIN.replace(b"apollo", b"apo\0llo")), "nul_byte", line=2)


def test_too_many_rows(read: Reader) -> None:
    refusal = read.refusal(csv_bytes(rows_of(11)), limits=Limits(max_rows=10))
    assert_names(refusal, "too_many_rows", line=12, value="11")


def test_too_many_rows_over_all_files(read: Reader) -> None:
    refusal = read.refusal(PLAIN, PLAIN, limits=Limits(max_rows=5))
    assert (refusal.code, refusal.file) == ("too_many_rows", "part-1.data")


def test_too_many_bytes_after_decompression(read: Reader) -> None:
    content = gzip.compress(csv_bytes(rows_of(400)))
    refusal = read.refusal(content, limits=Limits(max_bytes=50_000))
    assert_names(refusal, "too_many_bytes", line=None)


def test_too_many_columns(read: Reader) -> None:
    content = csv_bytes([BASE_ROW | {f"x_{n}": "" for n in range(1_000)}])
    assert_names(
        read.refusal(content), "too_many_columns", line=1, value=str(len(BASE_ROW) + 1_000)
    )


def test_a_cell_that_is_too_long(read: Reader) -> None:
    refusal = read.refusal(row_bytes(ResourceId="r" * 101), limits=Limits(max_cell_chars=100))
    assert_names(refusal, "cell_too_long", line=3, column="ResourceId", value="101")


def test_a_line_that_is_too_long(read: Reader) -> None:
    limits = Limits(max_line_chars=2_000)
    refusal = read.refusal(row_bytes(ResourceId="r" * 2_000), limits=limits)
    assert_names(refusal, "line_too_long", line=3, value="characters")


def test_a_record_of_many_lines_that_is_too_long(read: Reader) -> None:
    limits = Limits(max_line_chars=300_000)
    content = row_bytes(ChargeDescription="r\n" * 400_000)
    assert_names(read.refusal(content, limits=limits), "line_too_long", line=3)


def test_a_quote_that_is_never_closed(read: Reader) -> None:
    content = HEADER + b'"' + b"0042,Example\n" * 60_000
    assert_names(read.refusal(content), "line_too_long", line=2)


def test_too_many_rejections(read: Reader) -> None:
    refusal = read.refusal(csv_bytes(rows_of(740, ChargeCategory="Gift") * 2))
    assert_names(refusal, "too_many_rejections", line=1002, column="ChargeCategory", value="Gift")


def test_rows_before_too_many_rejections_are_kept_for_repair(read: Reader) -> None:
    files = read.land(csv_bytes(rows_of(740, ChargeCategory="Gift") * 2))
    batches = FocusSource().read(files, ReadOptions())
    assert len(next(batches).rejections) == 1_000
    with pytest.raises(ImportRefusedError):
        next(batches)
