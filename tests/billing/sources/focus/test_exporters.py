"""How providers and gateways deviate from FOCUS, and what their own columns and tags fill."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from billing.sources.focus.config import FocusConfig
from billing.sources.focus.dimensions import read_tags
from billing.sources.records import ChargeRecord
from portal.imports.contracts import ImportRefusedError, ReadOptions
from tests.billing.sources.focus.focus_files import (
    BASE_ROW,
    Reader,
    csv_bytes,
    read_landed,
    without,
)


def read_one(read: Reader, row: Mapping[str, str], **config: Any) -> ChargeRecord:
    options = ReadOptions(config=FocusConfig(**config).model_dump(mode="json"))
    (record,) = read_landed(read.land(csv_bytes([row])), options).records
    return record


def ours(record: ChargeRecord) -> tuple[str, str, str, str, str]:
    found = record.dimension
    return (
        found.model,
        found.api_key_id,
        found.cost_center,
        found.repository,
        found.principal_id,
    )


# --- well-known and configured columns --------------------------------------------------------


def test_custom_columns_known_by_name_fill_our_fields(read: Reader) -> None:
    row = BASE_ROW | {
        "x_Model": "large-1",
        "x_ApiKeyId": "key-7",
        "x_CostCenter": "K-12",
        "X_Repository": "acme/claims",
        "x_user_email": "alice@example.com",
        "Tags": '{"model": "not this", "CostCenter": "nor this"}',
    }
    record = read_one(read, row)
    assert ours(record) == ("large-1", "key-7", "K-12", "acme/claims", "alice@example.com")
    assert json.loads(record.dimension.extra)["x_Model"] == "large-1"  # kept as it came


def test_tags_known_by_name_fill_what_columns_leave_empty(read: Reader) -> None:
    tags = {
        "model": "large-1",
        "api_key_alias": "claims",
        "user:Cost-Centre": "K-12",
        "aws/repo": "acme/claims",
        "user_id": "u-1",
    }
    row = BASE_ROW | {"x_CostCenter": "", "Tags": json.dumps(tags)}
    assert ours(read_one(read, row)) == ("large-1", "claims", "K-12", "acme/claims", "u-1")


def test_a_model_tag_counts_for_ai_services_only(read: Reader) -> None:
    row = BASE_ROW | {"ServiceCategory": "Compute", "Tags": '{"model": "T-800"}'}
    assert read_one(read, row).dimension.model == ""


def test_a_connection_names_its_columns_and_tags(read: Reader) -> None:
    row = BASE_ROW | {"Engine": "large-2", "x_Model": "other", "Tags": '{"kst": "K-9"}'}
    record = read_one(read, row, model_column="engine", cost_center_column="Tags/kst")
    assert ours(record) == ("large-2", "", "K-9", "", "")


def test_a_named_column_that_is_not_there_is_told(read: Reader) -> None:
    options = ReadOptions(config={"model_column": "Engine"})
    outcome = read_landed(read.land(csv_bytes([BASE_ROW | {"x_Model": "m"}])), options)
    assert outcome.records[0].dimension.model == ""
    assert "configured_columns_missing" in outcome.note_codes


# --- LiteLLM ----------------------------------------------------------------------------------

LITELLM = BASE_ROW | {
    "BillingAccountId": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05",
    "BillingAccountName": "claims-bot",
    "BillingAccountType": "API Key",
    "BillingPeriodStart": "2026-05-03T00:00:00Z",
    "BillingPeriodEnd": "2026-05-04T00:00:00Z",
    "ChargePeriodStart": "2026-05-03T00:00:00Z",
    "ChargePeriodEnd": "2026-05-04T00:00:00Z",
    "ConsumedQuantity": "1.000000",
    "ConsumedUnit": "Requests",
    "ProviderName": "anthropic",
    "ResourceId": "claude-example",
    "Tags": json.dumps(
        {
            "team_id": "t-1",
            "user_id": "u-1",
            "user_email": "alice@example.com",
            "api_key_alias": "claims-bot",
            "model": "claude-example",
        }
    ),
}


def test_a_gateways_rows_are_billed_to_a_key(read: Reader) -> None:
    record = read_one(read, LITELLM, cost_basis="estimated")
    assert ours(record) == (
        "claude-example",
        "88dc28d0f030c55ed4ab77ed8faf098196cb1c05",
        "",
        "",
        "alice@example.com",
    )


@pytest.mark.parametrize("basis", ["invoiced", "metered"])
def test_a_gateways_estimate_is_no_bill(read: Reader, basis: str) -> None:
    with pytest.raises(ImportRefusedError) as caught:
        read_one(read, LITELLM, cost_basis=basis)
    assert caught.value.code == "estimate_as_bill"


# --- Google, Azure, Oracle --------------------------------------------------------------------


def test_google_lists_its_tags(read: Reader) -> None:
    tags = [
        {"key": "team", "value": "core", "x_type": "label", "x_inherited": "false"},
        {"key": "team", "value": "42", "x_type": "tag"},
        {"key": "empty", "value": None},
    ]
    record = read_one(read, BASE_ROW | {"Tags": json.dumps(tags)})
    assert json.loads(record.dimension.tags) == {"team": "core", "tag/team": "42", "empty": None}


@pytest.mark.parametrize(
    "text",
    [
        "[1]",
        '[{"value": "a"}]',
        '[{"key": "a", "value": 1}, {"key": "a", "value": 2}]',
        "[",
        '"a"',
        '["a", "b"]',
    ],
)
def test_a_list_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (a message would only repeat the text)
        read_tags(text)


def test_azure_leaves_braces_and_services_out_and_keeps_dollars_beside(read: Reader) -> None:
    row = BASE_ROW | {
        "BillingCurrency": "EUR",
        "ServiceName": "",
        "Tags": '"team": "core","env": "prod"',
        "ChargePeriodStart": "2026-05-03T00:00Z",
        "ChargePeriodEnd": "2026-05-04T00:00Z",
        "x_BilledCostInUsd": "1.62",
        "x_BillingExchangeRate": "1.08",
        "x_CostCenter": "K-12",
        "x_SkuMeterCategory": "Foundry Models",
    }
    record = read_one(read, row)
    assert json.loads(record.dimension.tags) == {"team": "core", "env": "prod"}
    assert record.dimension.cost_center == "K-12"
    assert json.loads(record.measures)["x_BilledCostInUsd"] == "1.62"
    assert json.loads(record.dimension.extra)["x_SkuMeterCategory"] == "Foundry Models"
    assert record.currency == "EUR"


def test_oracles_own_columns_are_kept_and_its_line_numbers_make_no_dimension(
    read: Reader,
) -> None:
    def row(number: int) -> dict[str, str]:
        return BASE_ROW | {
            "oci_CompartmentName": "claims",
            "oci_ReferenceNumber": f"ref-{number}",
            "oci_CostOverage": "0.50",
            "oci_AttributedUsage": "3",
        }

    outcome = read(csv_bytes([row(1), row(2)]))
    first, second = outcome.records
    assert first.dimension == second.dimension
    assert json.loads(first.dimension.extra)["oci_CompartmentName"] == "claims"
    assert json.loads(first.measures) == {
        "ListUnitPrice": "0.02",
        "oci_AttributedUsage": "3",
        "oci_CostOverage": "0.5",
        "oci_ReferenceNumber": "ref-1",
    }
    assert "unknown_columns" not in outcome.note_codes


# --- versions ---------------------------------------------------------------------------------


def test_1_4_has_neither_provider_nor_publisher(read: Reader) -> None:
    (row,) = without("ProviderName", "PublisherName")
    new = {
        "ServiceProviderName": "Anthropic",
        "HostProviderName": "AWS",
        "InvoiceDetailId": "d-1",
        "CommitmentProgramEligibilityDetails": "{}",
    }
    record = read_one(read, row | new)
    assert (record.dimension.provider, record.dimension.publisher) == ("Anthropic", "")
    assert json.loads(record.dimension.extra)["HostProviderName"] == "AWS"


@pytest.mark.parametrize("column", ["BillingPeriodStatus", "BillingPeriodLastUpdated"])
def test_the_billing_period_data_set_of_1_4_is_called_by_its_name(
    read: Reader, column: str
) -> None:
    row = {
        "BillingAccountId": "1",
        "BillingPeriodStart": "2026-05-01T00:00:00Z",
        "BillingPeriodEnd": "2026-06-01T00:00:00Z",
        column: "Closed",
    }
    refused = read.refusal(csv_bytes([row]))
    assert refused.code == "not_cost_data"
    assert "the FOCUS data set Billing Period" in refused.problem


def test_virtual_currency_is_bought_once_and_burned_without_a_bill(read: Reader) -> None:
    """The worked example of FOCUS 1.2: 100,000 tokens for 200,000 dollars, 245 of them used."""
    bought = BASE_ROW | {
        "ChargeCategory": "Purchase",
        "ChargeFrequency": "One-Time",
        "BilledCost": "200000",
        "EffectiveCost": "0",
        "PricingCurrency": "USD",
        "PricingQuantity": "100000",
        "PricingUnit": "Token",
        "PricingCurrencyEffectiveCost": "",
        "ConsumedQuantity": "",
        "ConsumedUnit": "",
    }
    used = BASE_ROW | {
        "BilledCost": "0",
        "EffectiveCost": "490.00",
        "PricingCurrency": "Token",
        "PricingQuantity": "245",
        "PricingUnit": "Token",
        "PricingCurrencyEffectiveCost": "245",
        "ConsumedQuantity": "245",
        "ConsumedUnit": "Token",
    }
    bought = {name: bought[name] for name in used}
    first, second = read(csv_bytes([bought, used])).records
    assert (first.billed_nano, first.effective_nano) == (200_000 * 10**9, 0)
    assert (second.billed_nano, second.effective_nano) == (0, 490 * 10**9)
    assert second.dimension.pricing_currency == "Token"
    assert json.loads(second.measures)["PricingCurrencyEffectiveCost"] == "245"
    assert second.currency == "USD"
