"""From a usage event to a cost line and the team's quantities.

Events have no id. Two that are alike in everything are two: the store counts them. `isChargeable`
does not decide what is charged; an event included in the plan has a price all the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.sources.cursor.config import CursorConfig
from billing.sources.cursor.cycles import cycle_of, dollars, moment
from billing.sources.lines import (
    DAY,
    BadValueError,
    CostLine,
    charge_record,
    exact,
)
from billing.sources.pages import Page
from billing.sources.quantities import ZERO, QuantitySums, quantity, text_of
from billing.sources.records import ChargeRecord
from billing.sources.usage_rows import Quantity, UsageRow

SERVICE = "Cursor"
DATASET = "cursor.events"
HOUR = timedelta(hours=1)
ON_DEMAND = ("USAGE_BASED", "ON_DEMAND")
INCLUDED = ("INCLUDED",)
FREE = ("NOT_CHARGED", "FREE", "USER_API_KEY")
TOKENS = {
    "inputTokens": "tokens.input.uncached",
    "cacheReadTokens": "tokens.input.cache_read",
    "cacheWriteTokens": "tokens.input.cache_write",
    "outputTokens": "tokens.output",
}
MEASURES = ("chargedCents", "cursorTokenFee", "requestsCosts")


def charge_of(
    event: Mapping[str, Any],
    page: Page,
    anchor: datetime,
    config: CursorConfig,
    sums: QuantitySums,
) -> ChargeRecord:
    """The cost line of an event, in US dollars, of the UTC hour in which it happened.

    Raises:
        BadValueError: its time or an amount cannot be read, or its kind is new and it costs.
    """
    at = moment(event.get("timestamp"), "timestamp")
    billed, effective, listed = _costs(event, config)
    hour = at.replace(minute=0, second=0, microsecond=0)
    cycle = cycle_of(at, anchor)
    # The hour in which a cycle turns belongs to two, so its events start with their own.
    start = max(hour, cycle[0])
    line = CostLine(
        file_index=page.file.index,
        line=page.line,
        currency="USD",
        billed=billed,
        effective=effective,
        listed=listed,
        period=(start, hour + HOUR),
        billing_period=cycle,
        billing_account_id=account_of(config),
        provider="Cursor",
        publisher="Cursor",
        invoice_issuer="Cursor",
        service_name=SERVICE,
        sku_id=text_of(event, "kind"),
        pricing_category="Standard",
        consumed_unit="Requests",
        consumed_quantity=Decimal(1),
        model=text_of(event, "model"),
        principal_id=text_of(event, "userEmail"),
        extra=_extra(event),
        measures=_measures(event),
    )
    record = charge_record(line)
    sums.add(_usage_row(line, at), _quantities(event))
    return record


def account_of(config: CursorConfig) -> str:
    """The billing account; answers do not name it."""
    return config.organization or "cursor"


def kind_of(event: Mapping[str, Any]) -> str:
    """`on-demand`, `included`, `free`, or `unknown`."""
    kind = re.sub(r"[^A-Z0-9]+", "_", text_of(event, "kind").upper())
    for name, words in (("free", FREE), ("included", INCLUDED), ("on-demand", ON_DEMAND)):
        if any(word in kind for word in words):
            return name
    return "unknown"


def price_of(event: Mapping[str, Any]) -> Decimal | None:
    """The event's price in cents; None where Cursor does not say what an event is worth that the
    plan paid for. The kind alone says that a free one costs nothing.

    Raises:
        BadValueError: it cannot be read, or is missing where it would be on the bill.
    """
    if event.get("chargedCents") in (None, ""):
        kind = kind_of(event)
        if kind == "free":
            return ZERO
        if kind == "included":
            return None
    return exact(event.get("chargedCents"), "chargedCents")


def _costs(
    event: Mapping[str, Any], config: CursorConfig
) -> tuple[Decimal, Decimal | None, Decimal | None]:
    """Billed, effective and list cost in dollars; None is unknown, or not said by this source."""
    kind, cents = kind_of(event), price_of(event)
    value = None if cents is None else dollars(cents)
    if kind == "included":
        if config.included_usage == "list":
            return ZERO, ZERO, value
        return ZERO, value, None
    if value is None or kind == "free":
        _refuse_price(event, value, "charged_though_free")
        return ZERO, ZERO, None
    if kind == "on-demand":
        return value, value, None
    _refuse_price(event, value, "unknown_kind")
    return ZERO, ZERO, None


def _refuse_price(event: Mapping[str, Any], value: Decimal | None, code: str) -> None:
    if value:
        raise BadValueError(
            "kind",
            event.get("kind"),
            code,
            "Usage-based or Included in …, because the event costs something",
            fatal=True,
        )


def _extra(event: Mapping[str, Any]) -> dict[str, bool]:
    """Flags that say what kind of call it was."""
    names = ("isChargeable", "isHeadless", "isTokenBasedCall", "maxMode", "isFreeBugbot")
    return {name: event[name] for name in names if isinstance(event.get(name), bool)}


def _measures(event: Mapping[str, Any]) -> dict[str, Any]:
    """The moment and the amounts as they came: they tell events of one hour apart."""
    found: dict[str, Any] = {"timestamp": text_of(event, "timestamp")}
    found |= {
        name: exact(event[name], name) for name in MEASURES if event.get(name) not in (None, "")
    }
    usage = _token_usage(event)
    for name in ("totalCents", "discountPercentOff"):
        if usage.get(name) is not None:
            found[name] = exact(usage[name], f"tokenUsage.{name}")
    return found


def _token_usage(event: Mapping[str, Any]) -> Mapping[str, Any]:
    usage = event.get("tokenUsage")
    if usage is None:
        return {}
    if not isinstance(usage, dict):
        raise BadValueError("tokenUsage", usage, "bad_object", "a JSON object")
    return usage


def _usage_row(line: CostLine, at: datetime) -> UsageRow:
    """The team's day, by model and kind; the person is left behind here."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return UsageRow(
        file_index=line.file_index,
        line=line.line,
        dataset=DATASET,
        period=(day, day + DAY),
        billing_account_id=line.billing_account_id,
        provider=line.provider,
        service_name=line.service_name,
        model=line.model,
        tags={"kind": line.sku_id},
    )


def _quantities(event: Mapping[str, Any]) -> list[Quantity]:
    usage = _token_usage(event)
    found = [(metric, "tokens", quantity(usage, key)) for key, metric in TOKENS.items()]
    return [*found, ("requests", "requests", Decimal(1))]
