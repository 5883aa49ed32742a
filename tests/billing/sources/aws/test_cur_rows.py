"""What each kind of CUR row becomes: category, amounts, Bedrock's tokens, attribution."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from billing.sources.records import ChargeRecord
from portal.shell.money import from_nano
from tests.billing.sources.aws.exports import cur, export_objects

ReadRows = Callable[..., Any]
PLAN = "arn:aws:savingsplans::123456789012:savingsplan/sp-1"
RESERVED = "arn:aws:ec2:us-east-1:123456789012:reserved-instances/ri-1"


def amounts(record: ChargeRecord) -> tuple[Decimal, Decimal | None]:
    effective = record.effective_nano
    return from_nano(record.billed_nano), None if effective is None else from_nano(effective)


def words(record: ChargeRecord) -> tuple[str, str, str, str]:
    found = record.dimension
    return (
        found.charge_category,
        found.charge_frequency,
        found.charge_class,
        found.commitment_discount_status,
    )


@pytest.mark.parametrize(
    ("kind", "category", "frequency", "charge_class"),
    [
        ("Usage", "Usage", "Usage-Based", ""),
        ("Tax", "Tax", "One-Time", ""),
        ("Credit", "Credit", "One-Time", ""),
        ("Refund", "Adjustment", "One-Time", "Correction"),
        ("Fee", "Purchase", "One-Time", ""),
        ("FlatRateSubscription", "Purchase", "Recurring", ""),
        ("EdpDiscount", "Adjustment", "Usage-Based", ""),
        ("PrivateRateDiscount", "Adjustment", "Usage-Based", ""),
    ],
)
def test_a_row_that_no_commitment_touches_costs_what_it_is_billed_at(
    read_rows: ReadRows, kind: str, category: str, frequency: str, charge_class: str
) -> None:
    (record,) = read_rows(cur(cost="-12.5", line_item_line_item_type=kind)).records
    assert words(record) == (category, frequency, charge_class, "")
    assert amounts(record) == (Decimal("-12.5"), Decimal("-12.5"))


def test_a_savings_plan_of_one_dollar_three_quarters_used(read_rows: ReadRows) -> None:
    plan: dict[str, Any] = {"savings_plan_savings_plan_a_r_n": PLAN}
    covered = cur(
        cost="1.00",
        line_item_line_item_type="SavingsPlanCoveredUsage",
        savings_plan_savings_plan_effective_cost="0.75",
        **plan,
    )
    negated = cur(cost="-1.00", line_item_line_item_type="SavingsPlanNegation", **plan)
    fee = cur(
        cost="1.00",
        line_item_line_item_type="SavingsPlanRecurringFee",
        savings_plan_total_commitment_to_date="1.00",
        savings_plan_used_commitment="0.75",
        **plan,
    )
    records = read_rows(covered, negated, fee).records
    assert [(words(each)[0], words(each)[3], *amounts(each)) for each in records] == [
        ("Usage", "Used", Decimal(1), Decimal("0.75")),
        ("Adjustment", "", Decimal(-1), Decimal(0)),
        ("Purchase", "", Decimal(1), Decimal(0)),
        ("Usage", "Unused", Decimal(0), Decimal("0.25")),
    ]
    assert {each.dimension.commitment_discount_id for each in records} == {PLAN}
    assert sum(each.billed_nano for each in records) == 10**9  # the invoice: the fee
    assert sum(each.effective_nano or 0 for each in records) == 10**9


def test_a_reservation_spreads_its_upfront_payment_over_used_and_unused(
    read_rows: ReadRows,
) -> None:
    reserved: dict[str, Any] = {"reservation_reservation_a_r_n": RESERVED}
    upfront = cur(cost="8760", line_item_line_item_type="Fee", **reserved)
    covered = cur(
        cost="0",
        line_item_line_item_type="DiscountedUsage",
        reservation_effective_cost="0.6",
        **reserved,
    )
    fee = cur(
        cost="0",
        line_item_line_item_type="RIFee",
        reservation_unused_amortized_upfront_fee_for_billing_period="0.3",
        reservation_unused_recurring_fee="0.1",
        **reserved,
    )
    records = read_rows(upfront, covered, fee).records
    assert [(words(each)[0], words(each)[3], *amounts(each)) for each in records] == [
        ("Purchase", "", Decimal(8760), Decimal(0)),
        ("Usage", "Used", Decimal(0), Decimal("0.6")),
        ("Purchase", "", Decimal(0), Decimal(0)),
        ("Usage", "Unused", Decimal(0), Decimal("0.4")),
    ]


def test_what_the_export_does_not_say_stays_unknown(read_rows: ReadRows) -> None:
    covered = cur(cost="1", line_item_line_item_type="SavingsPlanCoveredUsage")
    fee = cur(cost="1", line_item_line_item_type="SavingsPlanRecurringFee")
    records = read_rows(covered, fee).records
    assert [amounts(each)[1] for each in records] == [None, Decimal(0), None]
    assert words(records[2])[3] == "Unused"


def test_net_amounts_are_taken_where_the_connection_says_so(read_rows: ReadRows) -> None:
    row = cur(cost="10", line_item_net_unblended_cost="9", discount='{"Edp": -1}')
    (net,) = read_rows(row, amounts="net").records
    assert amounts(net) == (Decimal(9), Decimal(9))
    assert json.loads(net.measures) == {"x_Discounts": {"Edp": "-1"}, "x_UnblendedCost": "10"}


def test_net_amounts_that_are_not_there_are_fatal(read_rows: ReadRows) -> None:
    (rejection,) = read_rows(cur(), amounts="net").rejections
    assert (rejection.field, rejection.code) == ("line_item_net_unblended_cost", "missing_amount")
    assert rejection.fatal


# --- Bedrock ----------------------------------------------------------------------------------

MARKET: dict[str, Any] = {
    "bill_billing_entity": "AWS Marketplace",
    "line_item_product_code": "a1b2c3d4e5",
    "product": '{"product_name": "Example Sonnet (Amazon Bedrock Edition)"}',
    "line_item_operation": "Usage",
}


@pytest.mark.parametrize(
    ("changes", "tokens"),
    [
        ({"pricing_unit": "1K tokens", "line_item_usage_amount": "120.5"}, "120500"),
        ({"pricing_unit": "1M tokens", "line_item_usage_amount": "0.1205"}, "120500"),
        (
            {
                **MARKET,
                "pricing_unit": "Units",
                "line_item_usage_amount": "0.412",
                "line_item_usage_type": "USE1-MP:USE1_OutputTokenCount-Units",
            },
            "412000",
        ),
        (
            {
                **MARKET,
                "pricing_unit": "1",
                "line_item_usage_amount": "3",
                "line_item_usage_type": "USE1-MP:USE1_InputTokenCount-Units",
                "line_item_line_item_description": "AWS Marketplace|us-east-1|Million Input Tokens",
            },
            "3000000",
        ),
        ({"pricing_unit": "Images", "line_item_usage_type": "USE1-Canvas-T2I-1024"}, ""),
        ({"pricing_unit": "Units"}, ""),  # a first-party row does not count in units
    ],
)
def test_tokens_in_every_unit(read_rows: ReadRows, changes: dict[str, Any], tokens: str) -> None:
    (record,) = read_rows(cur(**changes)).records
    assert record.consumed_quantity == tokens
    assert record.dimension.consumed_unit == ("Tokens" if tokens else "")
    assert record.dimension.service_category == "AI and Machine Learning"


@pytest.mark.parametrize(
    ("usage_type", "token_type", "pricing"),
    [
        ("USE1-X-input-tokens", "tokens.input.uncached", "on_demand"),
        ("USE1-X-output-tokens-batch", "tokens.output", "batch"),
        ("USE1-X-cache-read-input-token-count", "tokens.input.cache_read", "on_demand"),
        ("USE1-X-CacheWrite1hInputTokenCount", "tokens.input.cache_write_1h", "on_demand"),
        ("USE1-X-cache_write-input-tokens-flex", "tokens.input.cache_write", "flex"),
        ("USE1-X-ProvisionedThroughput-ModelUnits", None, "provisioned"),
        ("USE1-X-input-tokens-latency-optimized", "tokens.input.uncached", "latency_optimized"),
    ],
)
def test_token_type_and_pricing_come_from_the_usage_type(
    read_rows: ReadRows, usage_type: str, token_type: str | None, pricing: str
) -> None:
    (record,) = read_rows(cur(line_item_usage_type=usage_type)).records
    extra = json.loads(record.dimension.extra)
    assert (extra.get("x_TokenType"), extra["x_PricingModel"]) == (token_type, pricing)


def test_the_model_stands_in_the_usage_type_or_is_the_product(read_rows: ReadRows) -> None:
    third_party = cur(**MARKET, line_item_usage_type="USE1-MP:USE1_InputTokenCount-Units")
    agent = cur(line_item_operation="AgentCoreRuntime", line_item_usage_type="USE1-Runtime-vCPU")
    other = cur(line_item_product_code="AmazonEC2", line_item_usage_type="BoxUsage:t3", product="")
    records = read_rows(cur(), third_party, agent, other).records
    assert [each.dimension.model for each in records] == ["ExampleLarge", "Example Sonnet", "", ""]
    assert records[3].dimension.service_category == ""
    assert records[3].dimension.service_name == "AmazonEC2"


def test_the_example_of_the_reference(read_rows: ReadRows) -> None:
    """A marketplace row of few columns: no product name, an hour without an end."""
    row = {
        "bill_billing_period_start_date": "2026-09-01",
        "bill_payer_account_id": "123456789012",
        "bill_billing_entity": "AWS Marketplace",
        "line_item_line_item_type": "Usage",
        "line_item_usage_start_date": "2026-09-01T10:00:00Z",
        "line_item_usage_type": "USE1-ClaudeExample-output-tokens",
        "line_item_usage_amount": "0.412",
        "pricing_unit": "Units",
        "line_item_unblended_cost": "6.18",
        "line_item_currency_code": "USD",
        "line_item_iam_principal": "arn:aws:sts::123456789012:assumed-role/Claims-Bot/session-7",
        "tags": '{"iamPrincipal/project": "claims"}',
    }
    outcome = read_rows(row)
    (record,) = outcome.records
    assert amounts(record) == (Decimal("6.18"), Decimal("6.18"))
    assert (record.consumed_quantity, record.dimension.model) == ("412000", "ClaudeExample")
    assert record.dimension.principal_id == "arn:aws:sts::123456789012:assumed-role/Claims-Bot"
    assert json.loads(record.dimension.tags) == {"iamPrincipal/project": "claims"}
    assert record.charge_period_end.isoformat() == "2026-09-02T00:00:00+00:00"
    assert "missing_columns" in outcome.note_codes


# --- whom it is for ---------------------------------------------------------------------------


def test_the_person_behind_a_role_is_the_session_with_an_address(read_rows: ReadRows) -> None:
    row = cur(
        line_item_iam_principal="arn:aws:sts::123456789012:assumed-role/Claims/alice@example.com"
    )
    (record,) = read_rows(row).records
    assert record.dimension.principal_id == "alice@example.com"
    assert json.loads(record.dimension.extra)["x_IamRole"] == "Claims"


def test_tags_and_categories_keep_their_keys_and_fill_cost_centre_and_repository(
    read_rows: ReadRows,
) -> None:
    row = cur(
        resource_tags='{"user_Cost_Centre": "K-12", "user_team": null}',
        cost_category='{"Team": "claims"}',
        tags='{"iamPrincipal/repo": "acme/claims"}',
    )
    (record,) = read_rows(row).records
    assert json.loads(record.dimension.tags) == {
        "costCategory/Team": "claims",
        "iamPrincipal/repo": "acme/claims",
        "user_Cost_Centre": "K-12",
    }
    assert record.dimension.cost_center == "K-12"
    assert record.dimension.repository == "acme/claims"


def test_a_connection_names_its_own_tags(read_rows: ReadRows) -> None:
    row = cur(resource_tags='{"user_costcentre": "wrong", "user_kst": "K-7"}')
    (record,) = read_rows(row, cost_center_tag="user_kst").records
    assert record.dimension.cost_center == "K-7"


def test_an_inference_profile_is_the_resource(read_rows: ReadRows) -> None:
    arn = "arn:aws:bedrock:us-east-1:210987654321:application-inference-profile/claims1"
    (record,) = read_rows(cur(line_item_resource_id=arn)).records
    found = record.dimension
    assert (found.resource_id, found.resource_type, found.resource_name) == (
        arn,
        "application-inference-profile",
        "claims1",
    )


# --- what is wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field", "code", "fatal"),
    [
        ({"line_item_line_item_type": "Bonus"}, "line_item_line_item_type", None, False),
        ({"line_item_unblended_cost": "1,5"}, "line_item_unblended_cost", "bad_amount", True),
        ({"line_item_unblended_cost": ""}, "line_item_unblended_cost", "missing_amount", True),
        ({"line_item_unblended_cost": "NaN"}, "line_item_unblended_cost", "bad_amount", True),
        ({"line_item_usage_start_date": "soon"}, "line_item_usage_start_date", None, False),
        ({"resource_tags": "[1]"}, "resource_tags", "malformed_map", False),
        ({"bill_payer_account_id": ""}, "bill_payer_account_id", "missing_value", False),
        (
            {"line_item_usage_end_date": "2026-08-01T00:00:00Z"},
            "line_item_usage_end_date",
            "bad_period",
            False,
        ),
    ],
)
def test_a_bad_row_says_what_is_wrong_and_the_others_are_taken(
    read_rows: ReadRows, changes: dict[str, Any], field: str, code: str | None, fatal: bool
) -> None:
    outcome = read_rows(cur(), cur(**changes))
    (rejection,) = outcome.rejections
    assert (rejection.field, rejection.line, rejection.fatal) == (field, 3, fatal)
    assert code is None or rejection.code == code
    assert len(outcome.records) == 1


def test_columns_that_are_not_kept_are_named_once(read_objects: ReadRows) -> None:
    """Kept with the lines they would make other lines of those that are stored."""
    more = {"bill_type": "Anniversary", "line_item_normalization_factor": "2"}
    files = [[cur(day, **more)] for day in (1, 2)]
    outcome = read_objects(export_objects(*files, [cur(3)]))
    (note,) = (note for note in outcome.notes if note.code == "columns_not_kept")
    assert note.message.endswith(": columns not kept: bill_type, line_item_normalization_factor")
    names = {record.dimension.digest for record in outcome.records[1:]}
    assert len(names) == 1
