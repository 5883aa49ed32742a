"""Rows that are not taken: what is wrong is named; unreadable money stops the whole input."""

from __future__ import annotations

import pytest

from portal.imports.contracts import Rejection
from tests.billing.sources.focus.focus_files import BASE_ROW, Reader, csv_bytes, row_bytes, rows_of


def assert_rejected(rejection: Rejection, field: str, value: str, code: str) -> None:
    assert (rejection.file_index, rejection.line) == (0, 3)
    assert (rejection.field, rejection.value, rejection.code) == (field, value, code)
    assert rejection.expected


@pytest.mark.parametrize("column", ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"])
@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("NaN", "bad_amount"),
        ("nan", "bad_amount"),
        ("Infinity", "bad_amount"),
        ("-inf", "bad_amount"),
        ("ten", "bad_amount"),
        ("1.234,50", "bad_amount"),
        ("12,34", "bad_amount"),
        ("1,23", "bad_amount"),
        ("0,125", "bad_amount"),
        ("1 234", "bad_amount"),
        ("1_000", "bad_amount"),
        ("٣", "bad_amount"),
        ("(5.00)", "bad_amount"),
        ("--5", "bad_amount"),
        ("-$-5", "bad_amount"),
        ("5 USD", "bad_amount"),
        ("$", "bad_amount"),
        (".", "bad_amount"),
        ("0x10", "bad_amount"),
        ("1" * 129, "bad_amount"),
        ("1e400", "amount_out_of_range"),
        ("1e-400", "amount_out_of_range"),
        ("1" * 40, "amount_out_of_range"),
        ("9223372036.854775808", "amount_out_of_range"),
        ("-9223372036.854775809", "amount_out_of_range"),
        ("€5.00", "currency_sign_contradicts"),
    ],
)
def test_money_that_cannot_be_read_exactly_is_fatal(
    read: Reader, column: str, value: str, code: str
) -> None:
    rejection = read.rejection(row_bytes(**{column: value}))
    assert_rejected(rejection, column, value, code)
    assert rejection.fatal


@pytest.mark.parametrize("value", ["", "NULL", " null "])
def test_an_unknown_billed_cost_is_fatal(read: Reader, value: str) -> None:
    rejection = read.rejection(row_bytes(BilledCost=value))
    assert_rejected(rejection, "BilledCost", value, "missing_amount")
    assert rejection.fatal


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        *(
            (column, value, code)
            for column in (
                "ChargePeriodStart",
                "ChargePeriodEnd",
                "BillingPeriodStart",
                "BillingPeriodEnd",
            )
            for value, code in (
                ("yesterday", "bad_datetime"),
                ("2026-02-30T00:00:00Z", "bad_datetime"),
                ("2026-05-01T24:30:00Z", "bad_datetime"),
                ("13/25/26", "bad_datetime"),
                ("0001-01-01T00:00:00+05:00", "bad_datetime"),
                ("20260501", "bad_datetime"),
                ("1777593600", "bad_datetime"),
                ("", "missing_value"),
                ("NULL", "missing_value"),
            )
        ),
        ("ChargePeriodEnd", "2026-05-03T10:00:00Z", "period_end_not_after_start"),
        ("ChargePeriodEnd", "2026-05-03T09:00:00Z", "period_end_not_after_start"),
        ("BillingPeriodEnd", "2026-05-01T00:00:00Z", "period_end_not_after_start"),
        ("BillingAccountId", "", "missing_value"),
        ("BillingAccountId", "null", "missing_value"),
        ("BillingCurrency", "", "missing_value"),
        ("BillingCurrency", "US dollar", "bad_currency"),
        ("BillingCurrency", "$", "bad_currency"),
        ("ChargeCategory", "", "missing_value"),
        ("ChargeCategory", "usage", "unknown_charge_category"),
        ("ChargeCategory", "Gift", "unknown_charge_category"),
        ("ChargeClass", "Original", "unknown_charge_class"),
        ("Tags", "{'team': 'core'}", "malformed_tags"),
        ("Tags", "team=core", "malformed_tags"),
        ("Tags", '["core"]', "malformed_tags"),
        ("Tags", '{"a": 1, "a": 2}', "malformed_tags"),
        ("Tags", '{"a": NaN}', "malformed_tags"),
        ("Tags", '{"a": "\\ud800"}', "malformed_tags"),
        ("Tags", '{"a": "\\u0000"}', "malformed_tags"),
        ("Tags", '{"a": ' * 9_000, "malformed_tags"),
        ("PricingQuantity", "many", "bad_quantity"),
        ("ConsumedQuantity", "1e60", "quantity_out_of_range"),
    ],
)
def test_a_row_that_is_wrong_waits_and_the_rest_is_taken(
    read: Reader, column: str, value: str, code: str
) -> None:
    outcome = read(csv_bytes([BASE_ROW, BASE_ROW | {column: value}, BASE_ROW]))
    assert [record.line for record in outcome.records] == [2, 4]
    [rejection] = outcome.rejections
    assert_rejected(rejection, column, value[:200], code)
    assert not rejection.fatal


def test_a_missing_provider_waits(read: Reader) -> None:
    rejection = read.rejection(row_bytes(ProviderName=""))
    assert (rejection.field, rejection.code) == ("ServiceProviderName", "missing_value")
    assert "ProviderName" in rejection.expected


def test_money_is_looked_at_before_anything_else_of_the_row(read: Reader) -> None:
    rejection = read.rejection(row_bytes(BilledCost="NaN", ChargeCategory="Gift"))
    assert (rejection.field, rejection.fatal) == ("BilledCost", True)


def test_the_raw_text_is_the_exact_record(read: Reader) -> None:
    row = BASE_ROW | {"ChargeDescription": 'a "quoted"\nline, break', "ChargeCategory": "Gift"}
    content = csv_bytes([BASE_ROW, row, BASE_ROW], line_end="\r\n")
    [rejection] = read(content).rejections
    start = content.index(b"\r\n", content.index(b"\r\n") + 2) + 2
    assert rejection.raw_text == content[start : content.rindex(b"\r\n0042")].decode()
    assert rejection.line == 3


def test_a_long_raw_text_is_cut(read: Reader) -> None:
    [rejection] = read(row_bytes(ChargeCategory="Gift", ResourceId="r" * 9_000)).rejections
    assert len(rejection.raw_text) == 8_000


def test_one_percent_of_bad_rows_leaves_the_other_ninety_nine(read: Reader) -> None:
    rows = rows_of(700)
    for index in range(0, 700, 100):
        rows[index]["ChargePeriodStart"] = "?"
    outcome = read(csv_bytes(rows))
    assert len(outcome.records) == 693
    assert [item.line for item in outcome.rejections] == list(range(2, 702, 100))
    assert len(outcome.records) + len(outcome.rejections) == 700


def test_a_good_row_is_the_same_whether_its_neighbours_are_wrong_or_not(read: Reader) -> None:
    rows = rows_of(50)
    clean = read(csv_bytes(rows))
    mixed = read(csv_bytes([*rows, BASE_ROW | {"ChargeCategory": "Gift"}]))
    assert mixed.records == clean.records
