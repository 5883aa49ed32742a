"""The same rows give the same identities and contents, however they are packed."""

from __future__ import annotations

import gzip
import random
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.sources.focus.charges import uuid_of
from portal.shell.money import EXACT, from_nano, to_nano
from tests.billing.sources.focus.focus_files import (
    BASE_ROW,
    Outcome,
    Reader,
    csv_bytes,
    landed,
    read_landed,
    row_bytes,
)
from tests.plugins.sweeping import examples

CATEGORIES = ("Usage", "Purchase", "Tax", "Credit", "Adjustment")
TEXTS = st.text(
    # Python's writer leaves a lone carriage return unquoted, which is not CSV.
    st.characters(codec="utf-8", exclude_characters="\0\r"),
    max_size=12,
).filter(lambda text: text.strip() not in ("NULL", "null"))
PLAIN_AMOUNTS = st.decimals(
    min_value=-(10**9), max_value=10**9, allow_nan=False, allow_infinity=False, places=15
)
AMOUNT_TEXTS = st.one_of(
    PLAIN_AMOUNTS.map(lambda amount: format(amount, "f")),
    st.tuples(
        st.integers(-(10**12), 10**12), st.integers(-30, -4), st.sampled_from(("E", "e"))
    ).map(lambda parts: f"{parts[0]}{parts[2]}{parts[1]}"),
    st.integers(0, 10**9).map(lambda amount: f"${amount:,}.50 "),
    st.integers(-999, 999).map(lambda amount: f"{amount:+d}.0"),
)
ROWS = st.builds(
    lambda hour, category, amount, effective, resource, text: (
        BASE_ROW
        | {
            "ChargePeriodStart": f"2026-05-03T{hour:02}:00:00Z",
            "ChargePeriodEnd": f"2026-05-03T{hour:02}:30:00Z",
            "ChargeCategory": category,
            "BilledCost": amount,
            "EffectiveCost": effective,
            "ResourceId": resource,
            "ChargeDescription": text,
        }
    ),
    st.integers(0, 23),
    st.sampled_from(CATEGORIES),
    AMOUNT_TEXTS,
    st.one_of(AMOUNT_TEXTS, st.just("NULL")),
    st.sampled_from(("a", "b", "")),
    TEXTS,
)


def read_bytes(*contents: bytes) -> Outcome:
    with TemporaryDirectory() as folder:
        return Reader(Path(folder))(*contents)


@settings(max_examples=examples(6))
@given(st.lists(ROWS, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_order_line_ends_compression_and_splitting_do_not_matter(
    rows: list[dict[str, str]], rng: random.Random
) -> None:
    expected = read_bytes(csv_bytes(rows))
    assert not expected.rejections
    assert sum(expected.digests.values()) == len(rows)
    shuffled = rng.sample(rows, len(rows))
    columns = rng.sample(list(BASE_ROW), len(BASE_ROW))
    shuffled = [{name: row[name] for name in columns} for row in shuffled]
    packings = [
        (b"\xef\xbb\xbf" + csv_bytes(shuffled),),
        (csv_bytes(shuffled, line_end="\r\n"),),
        (gzip.compress(csv_bytes(rows)),),
        tuple(csv_bytes([row]) for row in shuffled),
    ]
    for packing in packings:
        assert read_bytes(*packing).digests == expected.digests


@settings(max_examples=examples(10))
@given(st.lists(st.tuples(AMOUNT_TEXTS, AMOUNT_TEXTS), min_size=1, max_size=20))
def test_sums_of_exact_amounts_are_the_sums_of_the_texts(amounts: list[tuple[str, str]]) -> None:
    rows = [BASE_ROW | {"BilledCost": b, "EffectiveCost": e} for b, e in amounts]
    records = read_bytes(csv_bytes(rows)).records
    as_decimals = [
        tuple(Decimal(text.replace("$", "").replace(",", "").strip()) for text in pair)
        for pair in amounts
    ]
    for place, exact in enumerate((lambda r: r.billed_exact, lambda r: r.effective_exact)):
        total = Decimal(0)
        expected = Decimal(0)
        for record, pair in zip(records, as_decimals, strict=True):
            total = EXACT.add(total, exact(record))
            expected = EXACT.add(expected, pair[place])
        assert total == expected


@given(AMOUNT_TEXTS)
def test_nano_units_are_the_exact_amount_rounded_half_even(text: str) -> None:
    [record] = read_bytes(csv_bytes([BASE_ROW | {"BilledCost": text}])).records
    assert record.billed_nano == to_nano(record.billed_exact)
    residue = EXACT.subtract(record.billed_exact, from_nano(record.billed_nano))
    assert abs(residue) <= Decimal("5E-10")


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("0.0000000005", 0),
        ("0.0000000015", 2),
        ("0.0000000025", 2),
        ("-0.0000000015", -2),
        ("0.00000000050000000000000001", 1),
        ("9223372036.854775807", 2**63 - 1),
        ("35.2E-7", 3520),
        ("0E-30", 0),
        ("-0.00", 0),
    ],
)
def test_halves_of_a_nano_unit_go_to_the_even_one(read: Reader, text: str, nano: int) -> None:
    assert read(row_bytes(BilledCost=text)).records[1].billed_nano == nano


@pytest.mark.parametrize(
    ("column", "one", "other"),
    [
        ("BilledCost", "1.0", "1.00"),
        ("BilledCost", "-0.0", "0"),
        ("EffectiveCost", "1e2", "100.000"),
        ("ListCost", "$1,000.00", "1000"),
        ("PricingQuantity", "100", "100.000000"),
        ("ConsumedQuantity", "+1E5", "100000.0"),
        ("ListUnitPrice", "2E-2", "0.0200"),
        ("Tags", '{"a":1,"b":[2.50]}', '{ "b" : [2.50], "a" : 1 }'),
        ("Tags", "", "{}"),
        ("ResourceId", " x ", "x"),
        ("ChargePeriodStart", "2026-05-03T10:00:00Z", "2026-05-03T12:00:00+02:00"),
    ],
)
def test_one_value_written_in_two_ways_is_the_same_row(
    read: Reader, column: str, one: str, other: str
) -> None:
    first, second = (read(row_bytes(**{column: text})).records[1] for text in (one, other))
    assert (first.identity, first.content) == (second.identity, second.content)


@pytest.mark.parametrize(
    "column",
    [
        "BillingAccountId",
        "BillingAccountName",
        "ProviderName",
        "PublisherName",
        "InvoiceIssuerName",
        "ServiceName",
        "ServiceCategory",
        "ServiceSubcategory",
        "ResourceId",
        "ChargeDescription",
        "ChargeFrequency",
        "PricingUnit",
        "ConsumedUnit",
        "x_Project",
    ],
)
def test_another_text_is_another_row(read: Reader, column: str) -> None:
    records = read(row_bytes(**{column: "something else"})).records
    assert records[0].identity != records[1].identity
    assert records[0].content == records[1].content


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("ChargePeriodStart", "2026-05-03T09:00:00Z"),
        ("ChargePeriodEnd", "2026-05-03T12:00:00Z"),
        ("BillingPeriodStart", "2026-04-01T00:00:00Z"),
        ("BillingPeriodEnd", "2026-07-01T00:00:00Z"),
        ("ChargeCategory", "Tax"),
        ("ChargeClass", "Correction"),
        ("Tags", '{"team": "other"}'),
    ],
)
def test_another_period_or_kind_is_another_row(read: Reader, column: str, value: str) -> None:
    records = read(row_bytes(**{column: value})).records
    assert records[0].identity != records[1].identity


@pytest.mark.parametrize(
    "column",
    [
        "BilledCost",
        "EffectiveCost",
        "ListCost",
        "ContractedCost",
        "PricingQuantity",
        "ConsumedQuantity",
        "ListUnitPrice",
    ],
)
def test_another_amount_is_the_same_row_with_other_content(read: Reader, column: str) -> None:
    records = read(row_bytes(**{column: "77.7"})).records
    assert records[0].identity == records[1].identity
    assert records[0].content != records[1].content


def test_neighbouring_texts_cannot_be_confused(read: Reader) -> None:
    one = read(row_bytes(ServiceName="ab", ResourceId="c")).records[1]
    other = read(row_bytes(ServiceName="a", ResourceId="bc")).records[1]
    assert one.dimension.digest != other.dimension.digest


def test_the_digest_of_the_dimension_is_that_of_its_fields(read: Reader) -> None:
    records = read(csv_bytes([BASE_ROW, BASE_ROW | {"BilledCost": "9"}])).records
    assert records[0].dimension == records[1].dimension
    assert len({record.dimension.digest for record in records}) == 1


@given(st.binary(min_size=16, max_size=16))
def test_the_quick_uuid_is_the_ordinary_one(digest: bytes) -> None:
    quick, ordinary = uuid_of(digest), UUID(bytes=digest)
    assert quick == ordinary
    assert (str(quick), hash(quick), quick.is_safe) == (
        str(ordinary),
        hash(ordinary),
        ordinary.is_safe,
    )


def test_the_sample_is_the_same_data_in_every_packing(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "focus" / "focus_sample.csv"
    expected = read_landed([landed(path)])
    content = path.read_bytes()
    header, *lines = content.splitlines(keepends=True)
    random.Random(7).shuffle(lines)  # noqa: S311 - the same order in every run
    parquet = tmp_path / "sample.parquet"
    engine = duckdb.connect()
    engine.execute("SET TimeZone = 'UTC'")
    engine.execute(
        f"""COPY (SELECT * REPLACE (
            BilledCost::DECIMAL(38,18) AS BilledCost, EffectiveCost::DOUBLE AS EffectiveCost,
            nullif(ContractedCost, 'NULL')::DECIMAL(30,15) AS ContractedCost,
            nullif(PricingQuantity, 'NULL')::DOUBLE AS PricingQuantity,
            ChargePeriodStart::TIMESTAMP AS ChargePeriodStart,
            ChargePeriodEnd::TIMESTAMPTZ AS ChargePeriodEnd,
            BillingPeriodStart::DATE AS BillingPeriodStart)
            FROM read_csv('{path}', all_varchar = true)) TO '{parquet}' (FORMAT parquet)"""  # noqa: S608  (names of our own)
    )
    packings = {
        "gzip": gzip.compress(content),
        "crlf": content.replace(b"\n", b"\r\n"),
        "bom": b"\xef\xbb\xbf" + content,
        "shuffled": header + b"".join(lines),
        "parquet": parquet.read_bytes(),
    }
    outcomes = {name: Reader(tmp_path)(packed) for name, packed in packings.items()}
    for name, outcome in outcomes.items():
        assert outcome.digests == expected.digests, name
        assert sum(r.billed_exact for r in outcome.records) == Decimal("20.52022672899")
    assert "binary_floats" in outcomes["parquet"].note_codes


def test_another_currency_is_another_row(read: Reader) -> None:
    dollars, euros = (
        read(csv_bytes([BASE_ROW | {"BillingCurrency": code}])).records[0]
        for code in ("USD", "EUR")
    )
    assert dollars.dimension == euros.dimension
    assert dollars.identity != euros.identity
