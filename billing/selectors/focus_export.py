"""Allocated cost as FOCUS 1.2 rows: what one of our own imports reads back to the same sums."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db.models import QuerySet

from billing.models import Allocation
from billing.policies import may_see_charges
from billing.selectors.focus_fills import (
    KEPT,
    OTHERS,
    empty_forbidden,
    fill,
    impersonal_tags,
    kept_columns,
    priced,
)
from billing.selectors.focus_parts import PartWeights, shared_nano, shared_quantity
from billing.selectors.line_status import LineBook, LineFacts
from billing.selectors.lineage import allocations_of
from billing.selectors.references import Scope
from billing.sources.focus.columns import FILLED_COLUMNS
from portal.policies import AnyUser
from portal.shell.money import from_nano
from portal.shell.periods import Month

_CHUNK = 2_000
# FOCUS column → what is read of an allocation; text as stored.
_TEXTS = {
    "BillingAccountId": "charge__dimension__billing_account_id",
    "BillingAccountName": "charge__dimension__billing_account_name",
    "BillingCurrency": "charge__currency",
    "ChargeCategory": "charge__dimension__charge_category",
    "ChargeClass": "charge__dimension__charge_class",
    "ChargeDescription": "charge__dimension__charge_description",
    "ChargeFrequency": "charge__dimension__charge_frequency",
    "CommitmentDiscountId": "charge__dimension__commitment_discount_id",
    "CommitmentDiscountStatus": "charge__dimension__commitment_discount_status",
    "ConsumedUnit": "charge__dimension__consumed_unit",
    "InvoiceId": "charge__dimension__invoice_id",
    "InvoiceIssuerName": "charge__dimension__invoice_issuer",
    "PricingCategory": "charge__dimension__pricing_category",
    "PricingCurrency": "charge__dimension__pricing_currency",
    "PricingUnit": "charge__dimension__pricing_unit",
    "ProviderName": "charge__dimension__provider",
    "PublisherName": "charge__dimension__publisher",
    "RegionId": "charge__dimension__region_id",
    "ResourceId": "charge__dimension__resource_id",
    "ResourceName": "charge__dimension__resource_name",
    "ResourceType": "charge__dimension__resource_type",
    "ServiceCategory": "charge__dimension__service_category",
    "ServiceName": "charge__dimension__service_name",
    "SkuId": "charge__dimension__sku_id",
    "SkuMeter": "charge__dimension__sku_meter",
    "SkuPriceId": "charge__dimension__sku_price_id",
    "SubAccountId": "charge__dimension__sub_account_id",
    "SubAccountName": "charge__dimension__sub_account_name",
    "Tags": "charge__dimension__tags",
    "x_UseCase": "use_case__slug",
    "x_UseCaseTeam": "use_case__team__slug",
    "x_UnallocatedReason": "unallocated_reason",
    "x_AllocationRule": "rule__key",
    "x_AllocationRuleVersion": "rule__version",
    "x_CostBasis": "charge__cost_basis",
    "x_Connection": "charge__slice__connection__slug",
    "x_ChargeNumber": "charge_id",
    "x_Model": "charge__dimension__model",
    "x_ApiKeyId": "charge__dimension__api_key_id",
    "x_CostCenter": "charge__dimension__cost_center",
    "x_Repository": "charge__dimension__repository",
}
_OF_A_PART = {name for name in _TEXTS.values() if not name.startswith("charge_")}
_AMOUNTS = {"BilledCost": "billed_nano", "EffectiveCost": "effective_nano"}
# Of the whole line: shared out by the weights of its split, so that the parts sum to the line.
_LINE_AMOUNTS = {"ListCost": "charge__list_nano", "ContractedCost": "charge__contracted_nano"}
_QUANTITIES = {
    "ConsumedQuantity": "charge__consumed_quantity",
    "PricingQuantity": "charge__pricing_quantity",
}
_PERIODS = {
    "ChargePeriodStart": "charge__charge_period_start",
    "ChargePeriodEnd": "charge__charge_period_end",
}
_BILLING_PERIOD = "charge__slice__billing_period_start"
# In the order of `LineFacts`: what decides how settled a line is.
_FACTS = (
    "charge__slice_id",
    "charge__dimension__invoice_issuer",
    "charge__dimension__provider",
    "charge__dimension__invoice_id",
    "charge__day",
)
# What its parts are weighed by, what else its source said, and whom no row may name.
_BEHIND = (
    "rule_id",
    "use_case_id",
    "charge__dimension__extra",
    "charge__dimension__principal_id",
)
_MADE_HERE = {"BillingPeriodStart", "BillingPeriodEnd", "x_FigureStatus", FILLED_COLUMNS, OTHERS}
COLUMNS: tuple[str, ...] = tuple(
    sorted(
        {*_TEXTS, *_AMOUNTS, *_LINE_AMOUNTS, *_QUANTITIES, *_PERIODS, *KEPT, *_MADE_HERE},
        key=lambda name: (name.startswith("x_"), name),
    )
)


def export_rows(scope: Scope, user: AnyUser) -> QuerySet[Allocation, Any]:
    """The allocations of a figure with everything that a row says; the principal is left out.

    Nothing for those who may not see single cost lines. The figure must hold lines with all their
    parts: it is of no use case, team or reason alone.
    """
    texts = [*_TEXTS.values(), *_QUANTITIES.values(), *_PERIODS.values()]
    amounts = [*_AMOUNTS.values(), *_LINE_AMOUNTS.values()]
    found = allocations_of(scope) if may_see_charges(user) else Allocation.objects.none()
    ordered = found.order_by("charge__day", "charge_id", "pk")
    columns = dict.fromkeys([*texts, *amounts, _BILLING_PERIOD, *_FACTS, *_BEHIND])
    rows: QuerySet[Allocation, Any] = ordered.values(*columns)
    return rows


def focus_rows(rows: QuerySet[Allocation, Any], *, now: dt.datetime) -> Iterator[list[Any]]:
    """Rows in the order of `COLUMNS`, one a part of a charge, in bounded memory.

    `x_FigureStatus` is how settled the line is at that moment: a part is as settled as its line.
    """
    slices = rows.order_by().values_list("charge__slice_id", flat=True).distinct()
    book = LineBook.of_slices(slices, now=now)
    status = cache(lambda facts, basis: book.status_of_line(facts, basis).value)
    weights = PartWeights.load()
    of_charge = groupby(rows.iterator(chunk_size=_CHUNK), key=itemgetter("charge_id"))
    for parts in (list(found) for _, found in of_charge):
        facts = LineFacts(*(parts[0][name] for name in _FACTS))
        said = {"x_FigureStatus": status(facts, parts[0]["charge__cost_basis"])}
        yield from _rows(parts, said, weights.of(parts) if len(parts) > 1 else [1])


def _rows(
    parts: Sequence[dict[str, Any]], said: dict[str, str], weights: Sequence[int]
) -> Iterator[list[Any]]:
    """The rows of one line; whatever is not split is the same on all of them."""
    first = parts[0]
    line = _line(first) | said
    stated = {name: line[name] for name in ("PricingQuantity", "PricingUnit")}
    line["PricingQuantity"], line["PricingUnit"] = priced(line)
    empty_forbidden(line)
    shares: dict[str, Sequence[Any]] = {
        column: shared_nano(first[name], weights) for column, name in _LINE_AMOUNTS.items()
    }
    quantities = {column: shared_quantity(line[column], weights) for column in _QUANTITIES}
    for place, part in enumerate(parts):
        row = line | {column: part[name] for column, name in _TEXTS.items() if name in _OF_A_PART}
        row |= {column: _amount(part[name]) for column, name in _AMOUNTS.items()}
        row |= {column: _amount(share[place]) for column, share in shares.items()}
        row |= {column: share[place] for column, share in quantities.items()}
        fill(row, stated)
        # FOCUS has no empty texts: what is not said is null.
        yield [row.get(name) if row.get(name) != "" else None for name in COLUMNS]


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a line says, by FOCUS column; amounts and quantities as they are, not split."""
    texts = _TEXTS | _QUANTITIES
    found: dict[str, Any] = {column: row[name] for column, name in texts.items()}
    principal: str = row["charge__dimension__principal_id"]
    found |= kept_columns(row["charge__dimension__extra"], principal)
    found["Tags"] = impersonal_tags(found["Tags"], principal)
    found |= {column: _moment(row[name]) for column, name in _PERIODS.items()}
    start: dt.date = row[_BILLING_PERIOD]
    found["BillingPeriodStart"] = _midnight(start)
    # Where it ends is not kept; periods are of a month, from whatever day they start on.
    found["BillingPeriodEnd"] = _midnight(_month_later(start))
    return found


def _amount(nano: int | None) -> Decimal | None:
    return None if nano is None else from_nano(nano)


def _moment(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def _midnight(day: dt.date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _month_later(day: dt.date) -> dt.date:
    following = Month.of(day) + 1
    return min(following.start + dt.timedelta(day.day - 1), following.end - dt.timedelta(1))


def bases_in(scope: Scope) -> Sequence[tuple[str, str]]:
    """Currencies and bases of a figure: a file holds one basis, so that nobody adds two."""
    rows = scope.monthly_costs().order_by("currency", "cost_basis")
    return list(rows.values_list("currency", "cost_basis").distinct())
