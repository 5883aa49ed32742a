"""What real files do and FOCUS forbids: read all the same, and said in a note where it matters."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from billing.sources.focus.amounts import parse_number
from billing.sources.focus.source import FocusSource
from portal.imports.contracts import ReadOptions
from tests.billing.sources.focus.focus_files import (
    BASE_ROW,
    Reader,
    csv_bytes,
    read_by_row_only,
    row_bytes,
    rows_of,
    without,
)


def respelt(name: str) -> str:
    """In capitals; a custom column's name is its owner's, so that its case counts."""
    return name if name.startswith("x_") else name.upper()


PLAIN = csv_bytes(rows_of(4))


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        PLAIN.replace(b"\n", b"\r"),
        PLAIN.replace(b"\n", b"\n\n"),
        b"\r\n\r\n" + PLAIN,
        PLAIN + b"," * (len(BASE_ROW) - 1) + b"\n",
        PLAIN + b" \n\n",
        PLAIN.rstrip(b"\n"),
        csv_bytes([dict(reversed(row.items())) for row in rows_of(4)]),
        csv_bytes([{respelt(name): cell for name, cell in row.items()} for row in rows_of(4)]),
        csv_bytes([{f" {name} ": f" {cell} " for name, cell in row.items()} for row in rows_of(4)]),
        csv_bytes(rows_of(4, ChargeClass="NULL")),
        csv_bytes(rows_of(4, ChargeClass="null", RegionId="")),
        csv_bytes(rows_of(4, EffectiveCost="$1.25 ", ListCost="+2.00")),
        csv_bytes(rows_of(4, ListCost="0.2E1", ContractedCost="15e-1")),
        csv_bytes(rows_of(4, BillingPeriodStart="2026-05-01 00:00:00", BillingPeriodEnd="6/1/26")),
        csv_bytes(rows_of(4, BillingPeriodStart="2026-05-01T02:00:00+02:00")),
        csv_bytes(rows_of(4, BillingPeriodStart="2026-05-01 00:00:00 UTC")),
        csv_bytes(rows_of(4, BillingPeriodStart="2026-05-01", BillingPeriodEnd="6/1/2026 00:00")),
        csv_bytes(rows_of(4, Tags='{ "use_case":"triage",\n"team":"core" }')),
        csv_bytes(rows_of(4, BillingCurrency="usd")),
        csv_bytes(rows_of(4, Id="17")),
    ],
)
def test_the_same_rows_written_otherwise_are_the_same_data(read: Reader, content: bytes) -> None:
    expected = read(PLAIN)
    outcome = read(content)
    assert not outcome.rejections
    assert outcome.digests == expected.digests


def test_a_literal_null_in_a_money_column_is_unknown_and_never_zero(read: Reader) -> None:
    changes = {"EffectiveCost": "NULL", "ListCost": "null", "ContractedCost": ""}
    record = read(row_bytes(**changes)).records[1]
    assert record.effective_nano is None
    assert record.effective_exact is None
    assert record.list_nano is None
    assert record.contracted_nano is None


def test_zero_and_unknown_are_different_content(read: Reader) -> None:
    zero, unknown = (read(row_bytes(ListCost=cell)).records[1] for cell in ("0", ""))
    assert zero.list_nano == 0
    assert zero.identity == unknown.identity
    assert zero.content != unknown.content


def test_a_quoted_line_break_does_not_end_a_record_and_lines_stay_physical(read: Reader) -> None:
    rows = rows_of(3, ChargeDescription="first\nsecond, and\r\nthird")
    outcome = read(csv_bytes(rows))
    assert [record.line for record in outcome.records] == [2, 5, 8]
    assert outcome.records[0].dimension.charge_description == "first\nsecond, and\r\nthird"


def test_a_record_may_go_on_from_one_block_of_reading_to_the_next(read: Reader) -> None:
    long = "a line of a long description\n" * 8_000  # 232 kB, a block is 256 KiB
    outcome = read(csv_bytes(rows_of(5, ChargeDescription=long)))
    assert [record.line for record in outcome.records] == [2 + 8_001 * n for n in range(5)]
    assert outcome.records[4].dimension.charge_description == long.strip()


def test_thousands_commas_and_a_currency_sign_are_read_exactly(read: Reader) -> None:
    record = read(row_bytes(BilledCost="$10,000.00 ", EffectiveCost="-$1,234,567.891")).records[1]
    assert record.billed_exact == Decimal(10000)
    assert record.effective_exact == Decimal("-1234567.891")
    assert record.effective_nano == -1_234_567_891_000_000


def test_us_dates_are_month_first_and_the_note_says_so(read: Reader) -> None:
    changes = {"ChargePeriodStart": "4/1/25", "ChargePeriodEnd": "12/31/2025 23:30"}
    outcome = read(row_bytes(**changes))
    assert outcome.records[1].charge_period_start == datetime(2025, 4, 1, tzinfo=UTC)
    assert outcome.records[1].charge_period_end == datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    assert outcome.note_codes == ["utc_assumed", "us_dates"]


def test_utc_is_noted_once_a_file_and_only_when_it_was_assumed(read: Reader) -> None:
    assumed = csv_bytes(rows_of(3, BillingPeriodStart="2026-05-01 00:00:00"))
    assert read(assumed, PLAIN, assumed).note_codes == ["utc_assumed", "utc_assumed"]


def test_all_times_are_utc(read: Reader) -> None:
    record = read(row_bytes(ChargePeriodEnd="2026-05-03T12:00:00+05:30")).rejections[0]
    assert record.code == "period_end_not_after_start"
    record_ok = read(row_bytes(ChargePeriodEnd="2026-05-03T12:00:00-05:30")).records[1]
    assert record_ok.charge_period_end == datetime(2026, 5, 3, 17, 30, tzinfo=UTC)
    assert record_ok.charge_period_end.tzinfo is UTC


def test_columns_that_money_can_do_without_may_be_missing_and_are_named(read: Reader) -> None:
    names = ("ServiceCategory", "ListCost", "ContractedCost", "PricingQuantity", "PricingUnit")
    outcome = read(csv_bytes(without(*names, "ConsumedQuantity", "Tags", "ChargeClass")))
    record = outcome.records[0]
    assert (record.list_nano, record.contracted_nano, record.pricing_quantity) == (None, None, "")
    assert (record.consumed_quantity, record.dimension.tags) == ("", "{}")
    note = next(n for n in outcome.notes if n.code == "missing_optional_columns")
    assert all(name in note.message for name in (*names, "ChargeClass"))


def test_custom_columns_are_kept_and_unknown_ones_noted_and_ignored(read: Reader) -> None:
    outcome = read(csv_bytes([BASE_ROW | {"Id": "7", "Colour": "red", "x_Cell": "a"}]))
    extra = json.loads(outcome.records[0].dimension.extra)
    assert extra == {"ServiceSubcategory": "Generative AI", "x_Cell": "a", "x_Project": "apollo"}
    assert [note.code for note in outcome.notes] == ["unknown_columns"]
    assert outcome.notes[0].message.endswith("Id, Colour")


def test_known_columns_without_a_field_are_kept_in_extra_or_measures(read: Reader) -> None:
    further = {
        "SkuPriceDetails": '{"CoreCount": 4, "x_Term": "P1Y"}',
        "AllocatedMethodId": "split-even",
        "AllocatedTags": '{"b": 1.50, "a": null}',
        "CapacityReservationId": "cr-1",
        "AvailabilityZone": "a",
        "RegionName": "North",
        "HostProviderName": "Host",
        "ContractApplied": '{"Elements":[{"ContractCommitmentAppliedCost": 0.10}]}',
        "PricingCurrencyEffectiveCost": "245.0",
        "x_EffectiveCostInUsd": "1.10",
    }
    record = read(csv_bytes([BASE_ROW | further])).records[0]
    assert record.dimension.extra == (
        '{"AllocatedMethodId":"split-even","AllocatedTags":{"a":null,"b":1.50},'
        '"AvailabilityZone":"a","CapacityReservationId":"cr-1","HostProviderName":"Host",'
        '"RegionName":"North","ServiceSubcategory":"Generative AI",'
        '"SkuPriceDetails":{"CoreCount":4,"x_Term":"P1Y"},"x_Project":"apollo"}'
    )
    assert record.measures == (
        '{"ContractApplied":{"Elements":[{"ContractCommitmentAppliedCost":0.10}]},'
        '"ListUnitPrice":"0.02","PricingCurrencyEffectiveCost":"245","x_EffectiveCostInUsd":"1.1"}'
    )


@pytest.mark.parametrize(
    ("columns", "provider", "kept"),
    [
        ({"ProviderName": "Old"}, "Old", None),
        ({"ProviderName": "Old", "ServiceProviderName": "New"}, "New", "Old"),
        ({"ProviderName": "Same", "ServiceProviderName": "Same"}, "Same", None),
        ({"ProviderName": "Old", "ServiceProviderName": ""}, "Old", None),
        ({"ServiceProviderName": "New", "HostProviderName": "Host"}, "New", None),
    ],
)
def test_the_provider_is_found_in_every_version(
    read: Reader, columns: dict[str, str], provider: str, kept: str | None
) -> None:
    [row] = without("ProviderName", "PublisherName")
    record = read(csv_bytes([row | columns])).records[0]
    assert record.dimension.provider == provider
    assert json.loads(record.dimension.extra).get("ProviderName") == kept


def test_an_identifier_keeps_its_leading_zeros(read: Reader) -> None:
    assert read(PLAIN).records[0].dimension.billing_account_id == "0042"


def test_a_row_without_a_service_name_is_taken_and_noted(read: Reader) -> None:
    outcome = read(row_bytes(ServiceName=""))
    assert len(outcome.records) == 2
    assert outcome.records[1].dimension.service_name == ""
    assert outcome.note_codes == ["unnamed_services"]


def test_two_identical_rows_are_two_rows(read: Reader) -> None:
    outcome = read(csv_bytes([BASE_ROW, BASE_ROW]))
    assert list(outcome.digests.values()) == [2]


def test_corrections_and_refunds_keep_their_sign(read: Reader) -> None:
    record = read(
        row_bytes(ChargeCategory="Credit", ChargeClass="Correction", BilledCost="-30.00")
    ).records[1]
    assert record.billed_nano == -30_000_000_000
    assert record.dimension.charge_class == "Correction"


def test_batches_hold_at_most_five_thousand_records(
    read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_by_row_only(monkeypatch)
    files = read.land(csv_bytes([BASE_ROW] * 12_001))
    sizes = [len(batch.records) for batch in FocusSource().read(files, ReadOptions())]
    assert sizes == [5_000, 5_000, 2_001]


def test_files_are_read_in_order_and_records_point_back(read: Reader) -> None:
    outcome = read(PLAIN, csv_bytes(rows_of(2)))
    assert [(r.file_index, r.line) for r in outcome.records] == [
        *((0, line) for line in (2, 3, 4, 5)),
        (1, 2),
        (1, 3),
    ]


@pytest.mark.parametrize(
    ("text", "kept"), [("0.00", "0.00"), ("0", "0"), ("0E-30", "0E-30"), ("0E+9999", "0")]
)
def test_a_zero_keeps_the_decimals_it_was_written_with(text: str, kept: str) -> None:
    assert str(parse_number(text, "USD")) == kept
