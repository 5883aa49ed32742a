"""One row of a file of seats, checked: every way of being wrong has a name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from billing.sources.lines import BadValueError, currency_code, day_start, exact

REQUIRED = (
    "subscription", "provider", "service", "plan", "seats", "period_start", "period_end",
    "invoice_date",
)  # fmt: skip
OPTIONAL = (
    "currency", "price_per_seat", "amount", "assigned_seats", "held_from", "held_until",
    "proration", "invoice_id", "document", "cost_center", "team", "use_case",
)  # fmt: skip
COLUMNS = REQUIRED + OPTIONAL
MOST_DAYS = 1_830  # five years
MOST_SEATS = 1_000_000
_DOCUMENT = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatRow:
    """Some seats of one plan for one period, as the file states them. Days are UTC, half-open.

    `amount` is what the invoice says for the row; `price` what one seat costs for the period.
    """

    subscription: str
    provider: str
    service: str
    plan: str
    seats: int
    assigned: int | None
    period: tuple[date, date]
    held: tuple[date, date]
    is_prorated: bool
    invoice_date: date
    invoice_id: str
    currency: str
    price: Decimal | None
    amount: Decimal | None
    document: str
    cost_center: str
    team: str
    use_case: str


def seat_row(cells: Mapping[str, str]) -> SeatRow:
    """The row that these cells state.

    Raises:
        BadValueError: a value is missing or cannot be taken; fatal when it is money.
    """
    for name in REQUIRED:
        if not cells[name]:
            raise BadValueError(name, "", "missing_value", "a value")
    if len(cells["subscription"]) > 200:
        raise BadValueError(
            "subscription", cells["subscription"], "too_long", "at most 200 characters"
        )
    period = _days(cells, "period_start", "period_end")
    seats = _count(cells, "seats")
    return SeatRow(
        subscription=cells["subscription"],
        provider=cells["provider"],
        service=cells["service"],
        plan=cells["plan"],
        seats=seats,
        assigned=_assigned(cells, seats),
        period=period,
        held=_held(cells, period),
        is_prorated=_proration(cells),
        invoice_date=day_start(cells["invoice_date"], "invoice_date").date(),
        invoice_id=cells.get("invoice_id", ""),
        currency=currency_code(cells["currency"]) if cells.get("currency") else "",
        price=_money(cells, "price_per_seat", negative=False),
        amount=_money(cells, "amount", negative=True),
        document=cells.get("document", ""),
        cost_center=cells.get("cost_center", ""),
        team=cells.get("team", ""),
        use_case=cells.get("use_case", ""),
    )


def _days(cells: Mapping[str, str], start: str, end: str) -> tuple[date, date]:
    first, last = day_start(cells[start], start).date(), day_start(cells[end], end).date()
    if last <= first:
        raise BadValueError(end, cells[end], "bad_period", f"a day after {first}")
    if (last - first).days > MOST_DAYS:
        raise BadValueError(end, cells[end], "period_too_long", f"at most {MOST_DAYS} days")
    return first, last


def _held(cells: Mapping[str, str], period: tuple[date, date]) -> tuple[date, date]:
    """The days on which the seats were held: the period, unless somebody joined or left in it."""
    days = {
        "held_from": cells.get("held_from") or str(period[0]),
        "held_until": cells.get("held_until") or str(period[1]),
    }
    held = _days(days, "held_from", "held_until")
    for name, day in zip(("held_from", "held_until"), held, strict=True):
        if not period[0] <= day <= period[1]:
            raise BadValueError(
                name, day, "outside_period", f"a day from {period[0]} to {period[1]}"
            )
    return held


def _count(cells: Mapping[str, str], name: str) -> int:
    text = cells[name]
    if not (text.isascii() and text.isdecimal()) or int(text) > MOST_SEATS:
        raise BadValueError(
            name, text, "bad_count", f"a whole number from 0 to {MOST_SEATS}", fatal=True
        )
    return int(text)


def _assigned(cells: Mapping[str, str], seats: int) -> int | None:
    if not cells.get("assigned_seats"):
        return None
    assigned = _count(cells, "assigned_seats")
    if assigned > seats:
        raise BadValueError(
            "assigned_seats", assigned, "more_than_bought", f"at most the {seats} seats of the row"
        )
    return assigned


def _proration(cells: Mapping[str, str]) -> bool:
    text = cells.get("proration") or "daily"
    if text not in ("daily", "none"):
        raise BadValueError("proration", text, "bad_proration", "daily or none", fatal=True)
    return text == "daily"


def _money(cells: Mapping[str, str], name: str, *, negative: bool) -> Decimal | None:
    text = cells.get(name, "")
    if not text:
        return None
    amount = exact(text, name)
    if amount < 0 and not negative:
        raise BadValueError(name, text, "negative_price", "0 or more", fatal=True)
    return amount


def is_document_hash(text: str) -> bool:
    """Whether a document is named by its hash, and so need not lie beside the file."""
    return _DOCUMENT.fullmatch(text) is not None
