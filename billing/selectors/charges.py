"""One cost line: its attributes, its history, its allocations."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import QuerySet

from billing.models import Allocation, Charge
from billing.policies import may_see_charges
from portal.policies import AnyUser

# Attribute → FOCUS column, in reading order; the last five have no column in FOCUS.
ATTRIBUTES = {
    "provider": "ProviderName",
    "publisher": "PublisherName",
    "invoice_issuer": "InvoiceIssuerName",
    "invoice_id": "InvoiceId",
    "billing_account_id": "BillingAccountId",
    "billing_account_name": "BillingAccountName",
    "sub_account_id": "SubAccountId",
    "sub_account_name": "SubAccountName",
    "service_category": "ServiceCategory",
    "service_name": "ServiceName",
    "sku_id": "SkuId",
    "sku_price_id": "SkuPriceId",
    "sku_meter": "SkuMeter",
    "resource_id": "ResourceId",
    "resource_name": "ResourceName",
    "resource_type": "ResourceType",
    "region_id": "RegionId",
    "charge_category": "ChargeCategory",
    "charge_class": "ChargeClass",
    "charge_frequency": "ChargeFrequency",
    "charge_description": "ChargeDescription",
    "pricing_category": "PricingCategory",
    "pricing_unit": "PricingUnit",
    "pricing_currency": "PricingCurrency",
    "consumed_unit": "ConsumedUnit",
    "commitment_discount_id": "CommitmentDiscountId",
    "commitment_discount_status": "CommitmentDiscountStatus",
    "model": "Model",
    "api_key_id": "API key",
    "cost_center": "Cost centre",
    "repository": "Repository",
    "principal_id": "Principal",
}


def charges_visible_to(user: AnyUser | None) -> QuerySet[Charge]:
    """Cost lines that this person may see; all of them for None, the operator at the terminal."""
    if user is not None and not may_see_charges(user):
        return Charge.objects.none()
    return Charge.objects.all()


def charge_for_page(user: AnyUser | None, pk: int) -> Charge | None:
    """One cost line with everything that its page shows of it, or None."""
    return (
        charges_visible_to(user)
        .select_related("dimension", "slice__connection", "run", "file")
        .filter(pk=pk)
        .first()
    )


def attributes_of_charge(charge: Charge) -> list[tuple[str, str]]:
    """FOCUS column and value of everything that the line says about itself."""
    found = [
        (column, getattr(charge.dimension, name))
        for name, column in ATTRIBUTES.items()
        if getattr(charge.dimension, name)
    ]
    quantities = (
        ("PricingQuantity", charge.pricing_quantity),
        ("ConsumedQuantity", charge.consumed_quantity),
    )
    found += [(column, value) for column, value in quantities if value]
    return found


def tags_of_charge(charge: Charge) -> list[tuple[str, str]]:
    """Tag keys and values, as allocation rules see them."""
    return _pairs(charge.dimension.tags)


def extra_of_charge(charge: Charge) -> list[tuple[str, str]]:
    """Columns of the provider's own, and further prices and quantities where they are kept."""
    return _pairs(charge.dimension.extra) + _pairs(getattr(charge, "measures", "") or "{}")


def _pairs(text: str) -> list[tuple[str, str]]:
    loaded: dict[str, Any] = json.loads(text) if text else {}
    return [
        (key, value if isinstance(value, str) else json.dumps(value))
        for key, value in loaded.items()
    ]


def history_of_charge(charge: Charge) -> list[Charge]:
    """Every version of this line, newest first: same slice, same identity.

    Lines alike in everything but amounts share an identity, so there can be several live ones.
    """
    rows = Charge.objects.filter(slice_id=charge.slice_id, identity=charge.identity)
    return list(rows.select_related("run", "file").order_by("-recorded_at", "-pk")[:100])


def allocations_of_charge(charge: Charge) -> list[Allocation]:
    """The parts of this line; for a superseded line, as they were last."""
    rows = Allocation.objects.filter(charge_id=charge.pk).select_related("rule", "use_case")
    return list(rows.order_by("pk"))
