"""From a row of CUR 2.0 to cost lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from billing.sources.aws.attribution import (
    cost_center_of,
    principal_of,
    read_map,
    repository_of,
    resource_of,
    tags_of,
)
from billing.sources.aws.bedrock import BedrockUse, bedrock_use
from billing.sources.aws.line_items import Kind, Row, effective_cost, kind_of
from billing.sources.lines import BadValueError, CostLine, currency_code, exact, month_of
from billing.sources.tables.instants import EXPECTED_INSTANT, parse_instant
from portal.shell.money import decimal_text

BILLED = "line_item_unblended_cost"
NET_BILLED = "line_item_net_unblended_cost"
# Without these a sum, its currency, its day or its owner would be a guess.
REQUIRED = (
    "bill_billing_period_start_date",
    "bill_payer_account_id",
    "line_item_line_item_type",
    "line_item_usage_start_date",
    "line_item_currency_code",
)
AMOUNTS = (
    BILLED,
    NET_BILLED,
    "pricing_public_on_demand_cost",
    "reservation_effective_cost",
    "reservation_net_effective_cost",
    "reservation_unused_amortized_upfront_fee_for_billing_period",
    "reservation_net_unused_amortized_upfront_fee_for_billing_period",
    "reservation_unused_recurring_fee",
    "reservation_net_unused_recurring_fee",
    "savings_plan_savings_plan_effective_cost",
    "savings_plan_net_savings_plan_effective_cost",
    "savings_plan_total_commitment_to_date",
    "savings_plan_used_commitment",
)
TEXTS = (
    "bill_billing_entity",
    "bill_invoice_id",
    "cost_category",
    "discount",
    "line_item_iam_principal",
    "line_item_legal_entity",
    "line_item_line_item_description",
    "line_item_operation",
    "line_item_product_code",
    "line_item_resource_id",
    "line_item_usage_account_id",
    "line_item_usage_account_name",
    "line_item_usage_amount",
    "line_item_usage_end_date",
    "line_item_usage_type",
    "pricing_rate_code",
    "pricing_unit",
    "product",
    "product_product_name",
    "product_region_code",
    "product_sku",
    "reservation_reservation_a_r_n",
    "resource_tags",
    "savings_plan_savings_plan_a_r_n",
    "tags",
)
COLUMNS = (*REQUIRED, *AMOUNTS, *TEXTS)
_AI = "AI and Machine Learning"
_DAY = timedelta(days=1)


@lru_cache(maxsize=20_000)
def _instant(cell: str, column: str) -> datetime:
    if not cell:
        raise BadValueError(column, cell, "missing_value", EXPECTED_INSTANT)
    try:
        return parse_instant(cell).at
    except ValueError as error:
        raise BadValueError(column, cell, "bad_datetime", EXPECTED_INSTANT) from error


class CurNormaliser:
    """Turns rows into cost lines, by what the connection says about amounts and tags."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._is_net = config.get("amounts") == "net"
        self._billed = NET_BILLED if self._is_net else BILLED
        self._cost_center_tag = str(config.get("cost_center_tag", ""))
        self._repository_tag = str(config.get("repository_tag", ""))

    @property
    def required(self) -> tuple[str, ...]:
        """Columns that the file must have."""
        return (*REQUIRED, self._billed)

    def lines(self, row: Row, *, file_index: int, line: int) -> Iterator[CostLine]:
        """The row's cost line, and a second one for what stayed unused of a commitment's fee.

        Amounts are in the row's currency; times in UTC, half-open.

        Raises:
            BadValueError: a cell cannot be read.
        """
        kind = kind_of(row)
        billed = exact(row[self._billed], self._billed)
        product = self._product_name(row)
        quantity = self._quantity(row)
        bedrock = bedrock_use(row, product, quantity)
        tokens = bedrock.tokens if bedrock else None
        common = self._common(row, kind, product, bedrock)
        common |= {"file_index": file_index, "line": line}
        effective = effective_cost(row, kind, billed, is_net=self._is_net)
        used = "Used" if kind.category == "Usage" and common["commitment_discount_id"] else ""
        yield CostLine(
            **common,
            pricing_quantity=quantity,
            pricing_unit=row["pricing_unit"],
            consumed_quantity=tokens,
            consumed_unit="" if tokens is None else "Tokens",
            billed=billed,
            effective=effective,
            listed=self._listed(row, kind),
            charge_category=kind.category,
            charge_frequency=kind.frequency,
            charge_class=kind.charge_class,
            commitment_discount_status=used,
            measures=self._measures(row),
        )
        if kind.unused is not None:
            yield from self._unused(common, kind.unused(row, self._is_net))

    def _unused(self, common: Mapping[str, Any], unused: Decimal | None) -> Iterator[CostLine]:
        """FOCUS shows what nobody used as usage of its own, billed at nothing. It stays with the
        commitment's account; when nobody says how much it was, the line says so by having none."""
        if unused is None or unused:
            yield CostLine(
                **common,
                billed=Decimal(0),
                effective=unused,
                charge_category="Usage",
                charge_frequency="Usage-Based",
                commitment_discount_status="Unused",
            )

    def _common(
        self, row: Row, kind: Kind, product: str, bedrock: BedrockUse | None
    ) -> dict[str, Any]:
        tags = tags_of(row)
        resource = resource_of(row["line_item_resource_id"])
        principal, role = principal_of(row["line_item_iam_principal"])
        commitment = row[kind.commitment] if kind.commitment else ""
        return {
            "currency": currency_code(row["line_item_currency_code"], "line_item_currency_code"),
            "period": self._period(row),
            "billing_period": self._billing_period(row),
            "billing_account_id": self._payer(row),
            "provider": "AWS",
            "service_name": product or row["line_item_product_code"],
            "service_category": _AI if bedrock else "",
            "sub_account_id": row["line_item_usage_account_id"],
            "sub_account_name": row["line_item_usage_account_name"],
            "invoice_issuer": row["line_item_legal_entity"],
            "invoice_id": row["bill_invoice_id"],
            "description": row["line_item_line_item_description"],
            "sku_id": row["product_sku"],
            "sku_price_id": row["pricing_rate_code"],
            "sku_meter": row["line_item_usage_type"],
            "resource_id": row["line_item_resource_id"],
            "resource_name": resource.name,
            "resource_type": resource.kind,
            "region_id": row["product_region_code"],
            "pricing_category": "Committed" if commitment and kind.category == "Usage" else "",
            "commitment_discount_id": commitment,
            "model": bedrock.model if bedrock else "",
            "cost_center": cost_center_of(tags, self._cost_center_tag),
            "repository": repository_of(tags, self._repository_tag),
            "principal_id": principal,
            "tags": tags,
            "extra": _extra(row, role, bedrock),
        }

    @staticmethod
    def _payer(row: Row) -> str:
        if not row["bill_payer_account_id"]:
            raise BadValueError("bill_payer_account_id", "", "missing_value", "a payer account")
        return row["bill_payer_account_id"]

    @staticmethod
    def _product_name(row: Row) -> str:
        product = read_map(row, "product")
        return row["product_product_name"] or str(product.get("product_name", ""))

    @staticmethod
    def _period(row: Row) -> tuple[datetime, datetime]:
        """A moment, as fees and credits have, is taken as the rest of its UTC day."""
        start = _instant(row["line_item_usage_start_date"], "line_item_usage_start_date")
        text = row["line_item_usage_end_date"]
        end = _instant(text, "line_item_usage_end_date") if text else start
        if end < start:
            raise BadValueError(
                "line_item_usage_end_date", text, "bad_period", "an end after the start"
            )
        if end == start:
            end = start.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
        return start, end

    @staticmethod
    def _billing_period(row: Row) -> tuple[datetime, datetime]:
        column = "bill_billing_period_start_date"
        return month_of(_instant(row[column], column))

    @staticmethod
    def _quantity(row: Row) -> Decimal | None:
        column = "line_item_usage_amount"
        return exact(row[column], column, fatal=False) if row[column] else None

    @staticmethod
    def _listed(row: Row, kind: Kind) -> Decimal | None:
        column = "pricing_public_on_demand_cost"
        return exact(row[column], column) if row[column] and kind.category == "Usage" else None

    def _measures(self, row: Row) -> dict[str, Any]:
        other = BILLED if self._is_net else NET_BILLED
        name = "x_UnblendedCost" if self._is_net else "x_NetUnblendedCost"
        measures: dict[str, Any] = {}
        if row[other]:
            measures[name] = decimal_text(exact(row[other], other))
        if discount := read_map(row, "discount"):
            measures["x_Discounts"] = dict(discount)
        return measures


def _extra(row: Row, role: str, bedrock: BedrockUse | None) -> dict[str, str]:
    """What has no column: kept when it says something."""
    told = {
        "x_LineItemType": row["line_item_line_item_type"],
        "x_BillingEntity": row["bill_billing_entity"],
        "x_ProductCode": row["line_item_product_code"],
        "x_Operation": row["line_item_operation"],
        "x_IamRole": role,
        "x_TokenType": bedrock.token_type if bedrock else "",
        "x_PricingModel": bedrock.pricing if bedrock else "",
    }
    return {name: value for name, value in told.items() if value}
