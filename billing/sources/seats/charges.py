"""From a row of seats to its cost lines: one purchase, and a line for each day it pays for.

The purchase is billed on the day of the invoice, with effective cost 0; each day is billed 0 and
has its part of the price as effective cost (FOCUS 1.2; `docs/sources/seats.md` says why). So the
sum of what is billed is the invoice, and the sum of what is effective over all days is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from billing.sources.lines import BadValueError, CostLine, charge_record
from billing.sources.price_plans import PriceList
from billing.sources.records import ChargeRecord
from billing.sources.seats.proration import spread, whole_periods
from billing.sources.seats.rows import SeatRow
from portal.shell.money import EXACT, AmountOutOfRangeError, from_nano, to_nano

_DAY = timedelta(days=1)
_NOTHING = Decimal(0)


def charges_of(
    row: SeatRow,
    *,
    place: tuple[int, int],
    prices: PriceList,
    document: Mapping[str, str],
    is_invoiced: bool,
) -> list[ChargeRecord]:
    """The purchase first, then a line for each day held, or two where some seats are unused.

    Args:
        place: index of the file and line of the row.
        document: hash and name of the invoice; stands on the purchase only.

    Raises:
        BadValueError: no price is known, or the basis asks for an invoice and there is none.
    """
    if is_invoiced and (row.amount is None or not row.invoice_id):
        field = "amount" if row.amount is None else "invoice_id"
        raise BadValueError(
            field, "", "needs_invoice",
            "amount and number of the invoice, because this connection takes invoiced amounts",
            fatal=True,
        )  # fmt: skip
    if not row.seats and row.amount is not None:
        row = replace(row, amount=_NOTHING)  # 0 seats withdraw the period, whatever it cost
    currency, days = _days(row, prices)
    bought = from_nano(sum(days)) if row.amount is None else row.amount
    shared = _shared(row, currency, place)
    return [
        charge_record(_purchase(row, shared, bought, document)),
        *(
            charge_record(line)
            for number, nano in enumerate(days)
            for line in _day_lines(row, shared, row.held[0] + number * _DAY, nano)
        ),
    ]


def _days(row: SeatRow, prices: PriceList) -> tuple[str, list[int]]:
    """Currency, and nano-units of each day held."""
    held = (row.held[1] - row.held[0]).days
    if row.amount is not None:
        return _stated_currency(row, "amount"), spread(_nano(row.amount, "amount"), held)
    currency, price = _price(row, prices)
    total = _nano(EXACT.multiply(price, Decimal(row.seats)), "price_per_seat")
    if not row.is_prorated:
        return currency, spread(total, held)
    whole = spread(total, (row.period[1] - row.period[0]).days)
    first = (row.held[0] - row.period[0]).days
    return currency, whole[first : first + held]


def _price(row: SeatRow, prices: PriceList) -> tuple[str, Decimal]:
    """Currency and price of one seat for the whole period, from the row or from its plan."""
    if row.price is not None:
        return _stated_currency(row, "price_per_seat"), row.price
    plan = prices.find(row.provider, row.plan, row.period[0])
    if plan is None or plan.seat is None:
        raise BadValueError(
            "plan", row.plan, "no_price",
            f"a price plan of {row.provider} with a price for a seat on {row.period[0]}, or "
            "price_per_seat or amount in the row",
            fatal=True,
        )  # fmt: skip
    if row.currency and row.currency != plan.currency:
        raise BadValueError(
            "currency", row.currency, "currency_contradicts", f"{plan.currency}, as the plan says",
            fatal=True,
        )  # fmt: skip
    periods = whole_periods(*row.period, plan.months)
    return plan.currency, EXACT.multiply(plan.seat, Decimal(periods))


def _stated_currency(row: SeatRow, beside: str) -> str:
    if not row.currency:
        raise BadValueError(
            "currency", "", "missing_value", f"the currency of {beside}, such as USD", fatal=True
        )
    return row.currency


def _nano(amount: Decimal, field: str) -> int:
    try:
        return to_nano(amount)
    except AmountOutOfRangeError as error:
        raise BadValueError(
            field, amount, "amount_out_of_range", "an amount that fits", fatal=True
        ) from error


def _shared(row: SeatRow, currency: str, place: tuple[int, int]) -> dict[str, Any]:
    """What the purchase and its days have in common. The billing period is the subscription's
    own, so that a correction replaces exactly what was said of that period."""
    return {
        "file_index": place[0],
        "line": place[1],
        "currency": currency,
        "billing_account_id": row.subscription,
        "billing_period": (_midnight(row.period[0]), _midnight(row.period[1])),
        "provider": row.provider,
        "service_name": row.service,
        "sku_id": row.plan,
        "invoice_id": row.invoice_id,
        "resource_id": row.subscription,
        "resource_type": "subscription",
        "pricing_category": "Committed",
        "cost_center": row.cost_center,
    }


def _tags(row: SeatRow, *names: str) -> dict[str, str]:
    return {name: value for name in names if (value := getattr(row, name))}


def _purchase(
    row: SeatRow, shared: Mapping[str, Any], bought: Decimal, document: Mapping[str, str]
) -> CostLine:
    return CostLine(
        **shared,
        billed=bought,
        effective=_NOTHING,
        period=_day(row.invoice_date),
        charge_category="Purchase",
        charge_frequency="Recurring",
        description=f"{row.plan}: seats from {row.held[0]} to before {row.held[1]}",
        pricing_unit="Seats",
        pricing_quantity=Decimal(row.seats),
        tags=_tags(row, "team", "use_case"),
        extra=document,
    )


def _day_lines(row: SeatRow, shared: Mapping[str, Any], day: date, nano: int) -> list[CostLine]:
    """One line for the seats of a day; where the row says how many were assigned, one for those
    and one for the rest, which belongs to the owner of the subscription and to no use case."""
    if row.assigned is None:
        return [_day_line(row, shared, day, nano, row.seats, "")]
    used = nano * row.assigned // row.seats if row.seats else 0
    lines = []
    if row.assigned:
        lines.append(_day_line(row, shared, day, used, row.assigned, "Used"))
    if row.assigned < row.seats or not row.assigned:
        unused = row.seats - row.assigned
        lines.append(_day_line(row, shared, day, nano - used, unused, "Unused"))
    return lines


def _day_line(
    row: SeatRow, shared: Mapping[str, Any], day: date, nano: int, seats: int, status: str
) -> CostLine:
    names = ("team",) if status == "Unused" else ("team", "use_case")
    return CostLine(
        **shared,
        billed=_NOTHING,
        effective=from_nano(nano),
        period=_day(day),
        charge_category="Usage",
        charge_frequency="Usage-Based",
        description=f"{row.plan}: a day of seats",
        consumed_unit="Seat-Days",
        consumed_quantity=Decimal(seats),
        commitment_discount_id=row.subscription if status else "",
        commitment_discount_status=status,
        tags=_tags(row, *names),
    )


def _day(day: date) -> tuple[datetime, datetime]:
    return _midnight(day), _midnight(day + _DAY)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
