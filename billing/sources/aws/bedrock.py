"""Amazon Bedrock in a CUR: two billing shapes, tokens in three units, the model in two places.

First-party models are billed by AWS under product codes of Bedrock; third-party ones through AWS
Marketplace, with the model as a product and, in newer rows, millions of tokens called *Units*.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from billing.sources.aws.line_items import Row
from portal.shell.money import EXACT

PRODUCT_CODES = frozenset(
    {
        "AmazonBedrock",
        "AmazonBedrockService",
        "AmazonBedrockFoundationModels",
        "AmazonBedrockAgentCore",
    }
)
MARKETPLACE = "AWS Marketplace"
_EDITION = re.compile(r"\s*\(Amazon Bedrock Edition\)\s*$", re.IGNORECASE)
_INVOCATIONS = ("", "InvokeModelInference", "InvokeModelStreamingInference")
# The first that fits; a cache read of input is a cache read.
_TOKEN_TYPES = (
    (re.compile(r"cache[-_]?read"), "tokens.input.cache_read"),
    (re.compile(r"cache[-_]?write.*1h|1h.*cache[-_]?write"), "tokens.input.cache_write_1h"),
    (re.compile(r"cache[-_]?write"), "tokens.input.cache_write"),
    (re.compile(r"input"), "tokens.input.uncached"),
    (re.compile(r"output"), "tokens.output"),
)
_PRICING = (
    ("provisionedthroughput", "provisioned"),
    ("reserved", "reserved"),
    ("batch", "batch"),
    ("-flex", "flex"),
    ("-priority", "priority"),
    ("latency-optimized", "latency_optimized"),
)
_THOUSAND, _MILLION = Decimal(1_000), Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class BedrockUse:
    """What a Bedrock row says beyond its amount; empty text and None where it does not say."""

    model: str
    token_type: str
    pricing: str
    tokens: Decimal | None


def bedrock_use(row: Row, product_name: str, quantity: Decimal | None) -> BedrockUse | None:
    """What the row says when it is one of Bedrock; None otherwise."""
    is_marketplace = row.get("bill_billing_entity", "") == MARKETPLACE
    usage_type = row.get("line_item_usage_type", "").lower()
    is_named = "amazon bedrock" in product_name.lower()
    is_first_party = row.get("line_item_product_code", "") in PRODUCT_CODES
    # A marketplace row without a product name still counts tokens of a model.
    is_tokens = "token" in usage_type
    if not (is_first_party or (is_marketplace and (is_named or is_tokens))):
        return None
    token_type = _token_type(usage_type) if is_tokens else ""
    scale = _scale(row, is_marketplace) if token_type else None
    return BedrockUse(
        model=_model(row, product_name if is_marketplace else "", token_type),
        token_type=token_type,
        pricing=next((name for mark, name in _PRICING if mark in usage_type), "on_demand"),
        tokens=None if scale is None or quantity is None else EXACT.multiply(quantity, scale),
    )


def _token_type(usage_type: str) -> str:
    return next((name for pattern, name in _TOKEN_TYPES if pattern.search(usage_type)), "")


def _scale(row: Row, is_marketplace: bool) -> Decimal | None:
    """How many tokens one unit is; None when the unit is none that is known."""
    parts = row.get("line_item_line_item_description", "").split("|")
    told = parts[2].lower() if is_marketplace and len(parts) > 2 else ""
    unit = row.get("pricing_unit", "").strip().lower()
    if "million" in told or unit == "1m tokens" or (unit == "units" and is_marketplace):
        return _MILLION
    if unit == "1k tokens" or "thousand" in told or "1k" in told or "1,000" in told:
        return _THOUSAND
    return Decimal(1) if unit == "tokens" else None


def _model(row: Row, product_name: str, token_type: str) -> str:
    if product_name:
        return _EDITION.sub("", product_name).strip()
    if row.get("line_item_operation", "") not in _INVOCATIONS or not token_type:
        return ""
    parts = row.get("line_item_usage_type", "").split("-")
    return parts[1] if len(parts) > 2 else ""
