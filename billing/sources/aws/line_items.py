"""What each line item type of a CUR means in FOCUS terms, and which amount is its effective cost.

The rules are those by which AWS itself amortises: covered usage costs its share of the commitment,
the fee itself costs nothing but what stayed unused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from billing.sources.lines import BadValueError, exact
from portal.shell.money import EXACT

Row = Mapping[str, str]  # column → cell; an absent column has an empty cell
RESERVATION = "reservation_reservation_a_r_n"
SAVINGS_PLAN = "savings_plan_savings_plan_a_r_n"
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Kind:
    """One line item type.

    Attributes:
        category, frequency, charge_class: the FOCUS words.
        effective: the row's effective cost; None when its column is not there. Not set: what it is
            billed at.
        unused: the share of a commitment's fee that nobody used.
        commitment: the column with the commitment's name.
    """

    category: str
    frequency: str = "Usage-Based"
    charge_class: str = ""
    effective: Callable[[Row, bool], Decimal | None] | None = None
    unused: Callable[[Row, bool], Decimal | None] | None = None
    commitment: str = ""


def _nothing(row: Row, net: bool) -> Decimal | None:
    return ZERO


def _amount(row: Row, column: str) -> Decimal | None:
    """An amount, None when the cell is empty."""
    return exact(row[column], column) if row.get(column, "") else None


def _column(plain: str, net: str) -> Callable[[Row, bool], Decimal | None]:
    return lambda row, is_net: _amount(row, net if is_net else plain)


def _reservation_unused(row: Row, is_net: bool) -> Decimal | None:
    word = "net_" if is_net else ""
    parts = [
        _amount(row, f"reservation_{word}unused_amortized_upfront_fee_for_billing_period"),
        _amount(row, f"reservation_{word}unused_recurring_fee"),
    ]
    known = [part for part in parts if part is not None]
    return sum(known, ZERO) if known else None


def _savings_plan_unused(row: Row, is_net: bool) -> Decimal | None:
    """Commitment less what was used. AWS states both before private discounts only, so that what
    is unused is known net of them only when it is nothing."""
    total = _amount(row, "savings_plan_total_commitment_to_date")
    used = _amount(row, "savings_plan_used_commitment")
    if total is None or used is None:
        return None
    unused = EXACT.subtract(total, used)
    return None if is_net and unused else unused


_DISCOUNT = Kind("Adjustment")
KINDS: Mapping[str, Kind] = {
    "Usage": Kind("Usage"),
    "DiscountedUsage": Kind(
        "Usage",
        effective=_column("reservation_effective_cost", "reservation_net_effective_cost"),
        commitment=RESERVATION,
    ),
    "SavingsPlanCoveredUsage": Kind(
        "Usage",
        effective=_column(
            "savings_plan_savings_plan_effective_cost",
            "savings_plan_net_savings_plan_effective_cost",
        ),
        commitment=SAVINGS_PLAN,
    ),
    # Takes back what covered usage is billed at: the fee has paid for it.
    "SavingsPlanNegation": Kind("Adjustment", effective=_nothing, commitment=SAVINGS_PLAN),
    "SavingsPlanRecurringFee": Kind(
        "Purchase",
        "Recurring",
        effective=_nothing,
        unused=_savings_plan_unused,
        commitment=SAVINGS_PLAN,
    ),
    "SavingsPlanUpfrontFee": Kind(
        "Purchase", "One-Time", effective=_nothing, commitment=SAVINGS_PLAN
    ),
    "RIFee": Kind(
        "Purchase",
        "Recurring",
        effective=_nothing,
        unused=_reservation_unused,
        commitment=RESERVATION,
    ),
    "Fee": Kind("Purchase", "One-Time", commitment=RESERVATION),
    "FlatRateSubscription": Kind("Purchase", "Recurring"),
    "Tax": Kind("Tax", "One-Time"),
    "Credit": Kind("Credit", "One-Time"),
    "Refund": Kind("Adjustment", "One-Time", "Correction"),
    "Discount": _DISCOUNT,
    "BundledDiscount": _DISCOUNT,
    "EdpDiscount": _DISCOUNT,
    "PrivateRateDiscount": _DISCOUNT,
    "SppDiscount": _DISCOUNT,
    "RiVolumeDiscount": _DISCOUNT,
}


def kind_of(row: Row) -> Kind:
    """The row's line item type.

    Raises:
        BadValueError: an unknown one. What it means for a sum would be a guess.
    """
    name = row["line_item_line_item_type"]
    if name not in KINDS:
        raise BadValueError(
            "line_item_line_item_type", name, "unknown_line_item_type", f"one of {', '.join(KINDS)}"
        )
    return KINDS[name]


def effective_cost(row: Row, kind: Kind, billed: Decimal, *, is_net: bool) -> Decimal | None:
    """What the row costs with prepayments spread over what they pay for; None when unknown."""
    if row["line_item_line_item_type"] == "Fee" and row.get(RESERVATION, ""):
        return ZERO  # an upfront payment, spread over the usage it covers
    return billed if kind.effective is None else kind.effective(row, is_net)
