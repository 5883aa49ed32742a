"""From a row of activity, or a purchase of credits, to a cost line.

Prepaid credits follow FOCUS: the purchase bills and has no effective cost, its use bills nothing
and has the effective cost. So cash is the sum of billed, consumption the sum of effective, and
neither counts a credit twice. What is paid elsewhere with an own key is in neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from billing.sources.lines import (
    DAY,
    CostLine,
    charge_record,
    currency_code,
    exact,
)
from billing.sources.openrouter.config import OpenRouterConfig
from billing.sources.openrouter.purchases import check_width
from billing.sources.pages import Page
from billing.sources.quantities import ZERO, QuantitySums, day_of, quantity, text_of
from billing.sources.records import ChargeRecord
from billing.sources.usage_rows import UsageRow

SERVICE = "OpenRouter"
DATASET = "openrouter.activity"
CREDIT = "openrouter_credit"  # the virtual currency; one is a US dollar of usage
METRICS = {
    "prompt_tokens": ("tokens.input.total", "tokens"),
    "completion_tokens": ("tokens.output", "tokens"),
    "reasoning_tokens": ("tokens.output.reasoning", "tokens"),  # among the output tokens
    "requests": ("requests", "requests"),
}


def charge_of(
    row: Mapping[str, Any],
    page: Page,
    config: OpenRouterConfig,
    workspaces: Mapping[str, str],
    sums: QuantitySums,
) -> ChargeRecord:
    """The cost line of a day, model, endpoint and workspace, in US dollars.

    Raises:
        BadValueError: its day, an amount or a quantity cannot be read.
    """
    start = day_of(row, "date")
    usage = exact(row.get("usage"), "usage")
    elsewhere = elsewhere_of(row)
    workspace = text_of(row, "workspace_id")
    line = CostLine(
        file_index=page.file.index,
        line=page.line,
        currency="USD",
        billed=ZERO if config.payment == "prepaid" else usage,
        effective=usage,
        period=(start, start + DAY),
        billing_account_id=account_of(config),
        sub_account_id=workspace,
        sub_account_name=workspaces.get(workspace, ""),
        provider=SERVICE,
        publisher=text_of(row, "provider_name"),
        invoice_issuer=SERVICE,
        service_name=SERVICE,
        resource_id=text_of(row, "endpoint_id"),
        pricing_category="Standard",
        pricing_currency=CREDIT if config.payment == "prepaid" else "USD",
        pricing_unit="credits",
        pricing_quantity=usage,
        model=text_of(row, "model_permaslug", "model"),
        measures={"byok_usage_inference": elsewhere} if elsewhere else {},
    )
    record = charge_record(line)
    sums.add(
        UsageRow(
            file_index=line.file_index,
            line=line.line,
            dataset=DATASET,
            period=line.period,
            billing_account_id=line.billing_account_id,
            sub_account_id=workspace,
            provider=SERVICE,
            service_name=SERVICE,
            model=line.model,
        ),
        [(metric, unit, quantity(row, key)) for key, (metric, unit) in METRICS.items()],
    )
    return record


def account_of(config: OpenRouterConfig) -> str:
    """The billing account; answers do not name it."""
    return config.organization or "openrouter"


def elsewhere_of(row: Mapping[str, Any]) -> Decimal:
    """What the row says was paid elsewhere with an own key, in US dollars; 0 where it says nothing.

    Raises:
        BadValueError: it cannot be read.
    """
    value = row.get("byok_usage_inference")
    return ZERO if value is None else exact(value, "byok_usage_inference")


def purchase_of(row: Mapping[str, Any], page: Page, config: OpenRouterConfig) -> ChargeRecord:
    """The cost line of a purchase of credits: what was paid, with fees, on the day it was paid.

    Raises:
        BadValueError: its day, amount, currency or number of credits cannot be read, or it has
            another width than its header.
    """
    check_width(row)
    start = day_of(row, "date")
    paid = exact(row.get("amount"), "amount")
    credits = exact(row.get("credits"), "credits")
    return charge_record(
        CostLine(
            file_index=page.file.index,
            line=page.line,
            currency=currency_code(row.get("currency")),
            billed=paid,
            effective=ZERO,
            period=(start, start + DAY),
            billing_account_id=account_of(config),
            provider=SERVICE,
            publisher=SERVICE,
            invoice_issuer=SERVICE,
            service_name=SERVICE,
            charge_category="Purchase",
            charge_frequency="One-Time",
            description=text_of(row, "description") or "Credits",
            invoice_id=text_of(row, "invoice_id"),
            pricing_category="Standard",
            pricing_currency=CREDIT,
            pricing_unit="credits",
            pricing_quantity=credits,
        )
    )
