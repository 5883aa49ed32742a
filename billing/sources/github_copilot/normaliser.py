"""From an item of the billing API or a line of the billing report to a cost line and quantities.

net is what GitHub charges (billed), gross the list price, discount the included allowance between
them. AI credits and premium requests are different units and are never added.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.sources.github_copilot.config import CopilotConfig
from billing.sources.lines import BadValueError, CostLine, charge_record, exact
from billing.sources.pages import Page
from billing.sources.quantities import QuantitySums, text_of
from billing.sources.records import ChargeRecord
from billing.sources.usage_rows import UsageRow
from portal.shell.money import EXACT

SERVICE = "GitHub Copilot"
UNITS = {"ai-credits": "credits", "requests": "requests"}  # as GitHub says → metric
DATASETS = {"ai-credits": "github_copilot.ai_credits", "requests": "github_copilot.requests"}
TOLERANCE = Decimal("0.000001")  # binary floats: 0.9 − 0.3 is not quite 0.6

REPORT_NAMES = {
    "username": "user",
    "unit_type": "unitType",
    "applied_cost_per_quantity": "pricePerUnit",
    "quantity": "grossQuantity",
    "gross_amount": "grossAmount",
    "discount_amount": "discountAmount",
    "net_amount": "netAmount",
    "repository": "repositoryName",
    "cost_center_name": "costCenterName",
}

Period = tuple[datetime, datetime]


def from_report(row: Mapping[str, str]) -> dict[str, Any]:
    """A line of the billing report in the words of the API, so that both give the same record."""
    return {REPORT_NAMES.get(key, key): value for key, value in row.items()}


def is_copilot(item: Mapping[str, Any]) -> bool:
    """Whether the item is about Copilot; the general report has other products too."""
    return text_of(item, "product").casefold() == "copilot"


def charge_of(
    item: Mapping[str, Any],
    page: Page,
    period: Period,
    config: CopilotConfig,
    sums: QuantitySums,
    organization: str = "",
) -> ChargeRecord:
    """The cost line of an item, in US dollars; its quantity goes to `sums`.

    Raises:
        BadValueError: an amount cannot be read, amounts contradict each other, or the unit is new.
    """
    unit = text_of(item, "unitType")
    if unit not in UNITS:
        raise BadValueError("unitType", unit, "unknown_unit", " or ".join(UNITS), fatal=True)
    net, gross, discount = _amounts(item)
    amount = exact(item.get("grossQuantity"), "grossQuantity")
    line = CostLine(
        file_index=page.file.index,
        line=page.line,
        currency="USD",
        billed=net,
        effective=net,
        listed=gross,
        period=period,
        billing_account_id=config.organization or text_of(item, "organization") or organization,
        sub_account_id=text_of(item, "organization") or organization,
        provider="GitHub",
        publisher="GitHub",
        invoice_issuer="GitHub",
        service_name=SERVICE,
        sku_id=text_of(item, "sku"),
        sku_meter=unit,
        pricing_category="Standard",
        pricing_unit=unit,
        pricing_quantity=amount,
        consumed_unit=unit,
        consumed_quantity=amount,
        model=text_of(item, "model"),
        cost_center=text_of(item, "costCenterName", "costCenterId"),
        repository=text_of(item, "repositoryName"),
        principal_id=text_of(item, "user"),
        measures=_measures(item, discount),
    )
    record = charge_record(line)
    sums.add(_usage_row(line, unit), [(UNITS[unit], unit, amount)])
    return record


def _amounts(item: Mapping[str, Any]) -> tuple[Decimal, Decimal, Decimal]:
    net = exact(item.get("netAmount"), "netAmount")
    gross = exact(item.get("grossAmount"), "grossAmount")
    discount = exact(item.get("discountAmount"), "discountAmount")
    if abs(EXACT.subtract(EXACT.subtract(gross, discount), net)) > TOLERANCE:
        raise BadValueError(
            "netAmount",
            item.get("netAmount"),
            "amounts_contradict",
            f"grossAmount − discountAmount, which is {EXACT.subtract(gross, discount)}",
            fatal=True,
        )
    return net, gross, discount


def _measures(item: Mapping[str, Any], discount: Decimal) -> dict[str, Decimal]:
    """The discount, the price, and what a premium request would be in credits: never added."""
    found = {"discount_amount": discount}
    named = {
        "unit_price": "pricePerUnit",
        "credit_equivalent": "aic_quantity",
        "credit_equivalent_amount": "aic_gross_amount",
    }
    for name, key in named.items():
        if item.get(key) not in (None, ""):
            found[name] = exact(item[key], key, fatal=False)
    for name in ("credit_equivalent", "credit_equivalent_amount"):
        # On credits they repeat the quantity, or stand at 0; the API does not give them.
        if item.get("unitType") != "requests" or not found.get(name):
            found.pop(name, None)
    return {name: value.normalize(EXACT) for name, value in found.items()}


def _usage_row(line: CostLine, unit: str) -> UsageRow:
    return UsageRow(
        file_index=line.file_index,
        line=line.line,
        dataset=DATASETS[unit],
        period=line.period,
        billing_account_id=line.billing_account_id,
        sub_account_id=line.sub_account_id,
        provider=line.provider,
        service_name=line.service_name,
        model=line.model,
    )
