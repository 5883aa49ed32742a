"""Parquet: exact text from every column type, and refusals that name their place."""

from __future__ import annotations

import json
from collections.abc import Generator
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from billing.sources.focus.source import FocusSource
from billing.sources.tables import parquet_rows
from portal.imports.contracts import Limits, ReadOptions
from tests.billing.sources.focus.focus_files import (
    BASE_ROW,
    Outcome,
    Reader,
    csv_bytes,
    rows_of,
)
from tests.billing.sweeps import swept
from tests.plugins.sweeping import sampled


class ParquetMaker:
    """Writes the rows of a CSV as Parquet, with some columns as another SQL expression."""

    def __init__(self, folder: Path) -> None:
        self._csv = folder / "rows.csv"
        self._parquet = folder / "made.parquet"

    def __call__(
        self, rows: list[dict[str, str]], query: str = "", options: str = "", **replaced: str
    ) -> bytes:
        self._csv.write_bytes(csv_bytes(rows))
        columns = ", ".join(f'{sql} AS "{name}"' for name, sql in replaced.items())
        select = f"SELECT * REPLACE ({columns})" if replaced else "SELECT *"
        source = f"FROM read_csv('{self._csv}', all_varchar = true, quote = '\"', escape = '\"')"
        with duckdb.connect() as engine:
            engine.execute("SET TimeZone = 'UTC'")
            engine.execute(f"CREATE TABLE rows AS {select} {source}")
            engine.execute(
                f"COPY ({query or 'FROM rows'}) TO '{self._parquet}' (FORMAT parquet {options})"
            )
        return self._parquet.read_bytes()


@pytest.fixture
def parquet(tmp_path: Path) -> ParquetMaker:
    return ParquetMaker(tmp_path)


def same(one: Outcome, other: Outcome) -> bool:
    return one.digests == other.digests and not one.rejections and not other.rejections


# Many types in one file, which is read once.
MIXED_TYPES = {
    "BilledCost": "BilledCost::DECIMAL(38, 18)",
    "ListCost": "ListCost::BIGINT",
    "EffectiveCost": "EffectiveCost::DOUBLE",
    "ContractedCost": "ContractedCost::FLOAT",
    "PricingQuantity": "PricingQuantity::INTEGER",
    "BillingPeriodStart": "BillingPeriodStart::DATE",
    "BillingPeriodEnd": "BillingPeriodEnd::TIMESTAMPTZ",
    "ChargePeriodStart": "ChargePeriodStart::TIMESTAMP",
    "Tags": "MAP {'use_case': 'triage', 'team': 'core'}",
    "ServiceName": "ServiceName::BLOB",
    "ChargeClass": "NULL::VARCHAR",
}
TYPES: list[dict[str, str]] = [
    MIXED_TYPES,
    {},
    {"BilledCost": "BilledCost::DECIMAL(38, 18)", "ListCost": "ListCost::BIGINT"},
    {"EffectiveCost": "EffectiveCost::DOUBLE", "ContractedCost": "ContractedCost::FLOAT"},
    {"PricingQuantity": "PricingQuantity::INTEGER", "ListUnitPrice": "ListUnitPrice::DOUBLE"},
    {"BillingPeriodStart": "BillingPeriodStart::DATE"},
    {"BillingPeriodStart": "BillingPeriodStart::TIMESTAMP"},
    {"BillingPeriodStart": "BillingPeriodStart::TIMESTAMP_NS"},
    {"BillingPeriodStart": "BillingPeriodStart::TIMESTAMPTZ"},
    {"Tags": "MAP {'use_case': 'triage', 'team': 'core'}"},
    {"Tags": "{'team': 'core', 'use_case': 'triage'}"},
    {"Tags": "Tags::BLOB", "ServiceName": "ServiceName::BLOB"},
    {"ChargeClass": "NULL::VARCHAR"},
]


@pytest.mark.parametrize("types", sampled(TYPES, MIXED_TYPES))
def test_the_same_rows_in_any_column_type_are_the_same_data(
    read: Reader, parquet: ParquetMaker, types: dict[str, str]
) -> None:
    rows = rows_of(5)
    assert same(read(parquet(rows, **types)), read(csv_bytes(rows)))


def test_decimals_of_38_digits_stay_exact(read: Reader, parquet: ParquetMaker) -> None:
    amount = "1234567890.1234567890123456789012345678"
    [record] = read(
        parquet([BASE_ROW | {"BilledCost": amount}], BilledCost="BilledCost::DECIMAL(38, 28)")
    ).records
    assert record.billed_exact == Decimal(amount)


def test_binary_floats_give_their_shortest_text_and_are_noted_once(
    read: Reader, parquet: ParquetMaker
) -> None:
    rows = [BASE_ROW | {"BilledCost": cell} for cell in ("0.1", "1e-7", "0.30000000000000004")]
    outcome = read(parquet(rows, BilledCost="BilledCost::DOUBLE"))
    assert [str(record.billed_exact) for record in outcome.records] == [
        "0.1",
        "1E-7",
        "0.30000000000000004",
    ]
    assert outcome.note_codes == ["binary_floats"]
    assert "BilledCost" in outcome.notes[0].message


def test_floats_that_are_no_number_are_fatal(read: Reader, parquet: ParquetMaker) -> None:
    rows = [BASE_ROW | {"BilledCost": cell} for cell in ("nan", "inf", "1e300")]
    rejections = read(parquet(rows, BilledCost="BilledCost::DOUBLE")).rejections
    assert [(r.line, r.field, r.value, r.fatal) for r in rejections] == [
        (1, "BilledCost", "nan", True),
        (2, "BilledCost", "inf", True),
        (3, "BilledCost", "1e+300", True),
    ]


def test_the_raw_text_of_a_row_is_a_json_object_that_can_be_mended(
    read: Reader, parquet: ParquetMaker
) -> None:
    content = parquet([BASE_ROW, BASE_ROW | {"ChargeCategory": "Gift"}])
    [rejection] = read(content).rejections
    document = json.loads(rejection.raw_text)
    assert rejection.line == 2
    assert document["ChargeCategory"] == "Gift"
    assert document["ChargeClass"] is None
    mended = json.dumps(document | {"ChargeCategory": "Usage"})
    outcome = read(content, repairs={rejection.raw_sha256: mended})
    assert same(outcome, read(csv_bytes([BASE_ROW, BASE_ROW])))
    assert outcome.note_codes == ["repaired_row"]


@pytest.mark.parametrize(
    "repair",
    sampled(["", "[]", '{"Colour": "red"}', '{"Tags": {"a": 1}}', "{"], '{"Colour": "red"}'),
)
def test_a_repair_that_is_not_the_row_is_rejected(
    read: Reader, parquet: ParquetMaker, repair: str
) -> None:
    content = parquet([BASE_ROW, BASE_ROW | {"ChargeCategory": "Gift"}])
    [first] = read(content).rejections
    [rejection] = read(content, repairs={first.raw_sha256: repair}).rejections
    assert (rejection.code, rejection.raw_text) == ("bad_repair", first.raw_text)


def test_rows_keep_their_order_over_row_groups(read: Reader, parquet: ParquetMaker) -> None:
    content = parquet(
        [BASE_ROW],
        "SELECT rows.* REPLACE (i AS PricingQuantity) FROM range(9_000) AS t(i), rows ORDER BY i",
        ", ROW_GROUP_SIZE 2048",
    )
    quantities = [record.pricing_quantity for record in read(content).records]
    assert quantities == [str(n) for n in range(9_000)]


def test_a_parquet_file_without_its_footer_is_refused(read: Reader, parquet: ParquetMaker) -> None:
    content = parquet(rows_of(20))
    for size in (4, 8, 11, len(content) // 2, len(content) - 1):
        refusal = read.refusal(content[:size])
        assert (refusal.code, refusal.file) == ("truncated_parquet", "part-0.data")
        assert "PAR1" in refusal.expected


def test_a_damaged_parquet_file_is_refused(read: Reader, parquet: ParquetMaker) -> None:
    content = bytearray(parquet(rows_of(200)))
    content[20 : len(content) // 2] = b"\xa5" * (len(content) // 2 - 20)
    refusal = read.refusal(bytes(content))
    assert refusal.code in ("damaged_parquet", "too_costly")
    assert refusal.file == "part-0.data"


@pytest.mark.parametrize("before_end", sampled([500, 400, 300, 200, 100], 300))
def test_a_damaged_footer_is_refused(read: Reader, parquet: ParquetMaker, before_end: int) -> None:
    damaged = bytearray(parquet(rows_of(20)))
    start = len(damaged) - before_end
    damaged[start : start + 40] = b"\xff" * 40
    refusal = read.refusal(bytes(damaged))
    assert refusal.code in ("damaged_parquet", "too_costly", "missing_columns")


@pytest.mark.sweep
def test_a_doubled_column_is_refused(read: Reader, parquet: ParquetMaker) -> None:
    # No writer makes such a file: both names are of one length, so that one can be overwritten.
    content = parquet([BASE_ROW | {"LostCost": "3"}])
    refusal = read.refusal(content.replace(b"LostCost", b"ListCost"))
    assert (refusal.code, refusal.column) == ("duplicate_column", "ListCost")


@pytest.mark.sweep
def test_missing_columns_and_other_data_sets_are_named(read: Reader, parquet: ParquetMaker) -> None:
    refusal = read.refusal(parquet([BASE_ROW], "SELECT * EXCLUDE (BilledCost) FROM rows"))
    assert (refusal.code, refusal.column, refusal.line) == ("missing_columns", "BilledCost", None)


@pytest.mark.sweep
def test_a_file_without_rows_is_refused(read: Reader, parquet: ParquetMaker) -> None:
    assert read.refusal(parquet([BASE_ROW], "FROM rows LIMIT 0")).code == "no_rows"


def test_a_nul_character_is_refused(read: Reader, parquet: ParquetMaker) -> None:
    content = parquet(rows_of(2), ResourceId="'a' || chr(0) || 'b'")
    refusal = read.refusal(content)
    assert (refusal.code, refusal.line, refusal.column) == ("nul_byte", 1, "ResourceId")


@pytest.mark.sweep
def test_a_backslash_that_looks_like_a_nul_is_read(read: Reader, parquet: ParquetMaker) -> None:
    [record] = read(parquet([BASE_ROW], ResourceId=r"'a\u0000b'")).records
    assert record.dimension.resource_id == r"a\u0000b"


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(max_rows=19), "too_many_rows"),
        *swept(
            (Limits(max_columns=20), "too_many_columns"),
            (Limits(max_cell_chars=37), "cell_too_long"),
            (Limits(max_cell_chars=100, max_line_chars=200), "line_too_long"),
            (Limits(max_bytes=5_000), "too_many_bytes"),
        ),
    ],
)
def test_limits_hold(read: Reader, parquet: ParquetMaker, limits: Limits, code: str) -> None:
    refusal = read.refusal(parquet(rows_of(20)), limits=limits)
    assert (refusal.code, refusal.file) == (code, "part-0.data")
    assert refusal.expected


def test_a_file_that_unpacks_to_far_more_than_real_data_is_refused(
    read: Reader, parquet: ParquetMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = parquet([BASE_ROW], "SELECT rows.* FROM range(9_000), rows")
    assert len(read(content).records) == 9_000
    monkeypatch.setattr(parquet_rows, "FREE_BYTES", 1_000)
    monkeypatch.setattr(parquet_rows, "MOST_UNPACKED_PER_BYTE", 10)
    assert read.refusal(content).code == "unpacks_too_much"


@pytest.mark.sweep
def test_limits_hold_over_all_files(read: Reader, parquet: ParquetMaker) -> None:
    content = parquet(rows_of(20))
    refusal = read.refusal(content, content, limits=Limits(max_rows=30))
    assert (refusal.code, refusal.file) == ("too_many_rows", "part-1.data")


@pytest.mark.sweep
def test_a_path_that_looks_like_a_pattern_is_read(tmp_path: Path, parquet: ParquetMaker) -> None:
    folder = tmp_path / "a*[b]?'"
    folder.mkdir()
    assert len(Reader(folder)(parquet(rows_of(3))).records) == 3


def test_no_child_is_left_when_reading_stops_early(read: Reader, parquet: ParquetMaker) -> None:
    files = read.land(parquet([BASE_ROW], "SELECT rows.* FROM range(100_000), rows"))
    batches = FocusSource().read(files, ReadOptions())
    assert isinstance(batches, Generator)
    next(batches)
    children = Path("/proc/self/task")
    before = running_children(children)
    batches.close()
    assert len(before) - len(running_children(children)) == 1


def running_children(tasks: Path) -> set[str]:
    return {child for task in tasks.iterdir() for child in (task / "children").read_text().split()}
