"""Money as signed whole nano-units (10⁻⁹ of the currency unit): exact on every database."""

from __future__ import annotations

import decimal
from decimal import Decimal

NANO_PER_UNIT = 1_000_000_000
MAX_NANO = 2**63 - 1
# Wide enough that the context itself never rounds an amount that `to_nano` accepts.
EXACT = decimal.Context(prec=100, rounding=decimal.ROUND_HALF_EVEN)
_NANO_EXPONENT = Decimal("1E-9")


class AmountOutOfRangeError(ValueError):
    """The amount does not fit 64 bits of nano-units (about ±9.2 thousand million units)."""


def to_nano(amount: Decimal) -> int:
    """Round a finite decimal amount half-even to whole nano-units.

    Raises:
        AmountOutOfRangeError: it does not fit a signed 64-bit integer.
    """
    if not amount.is_finite() or amount.adjusted() > 10:
        raise AmountOutOfRangeError(f"{amount} does not fit 64-bit nano-units")
    nano = int(amount.quantize(_NANO_EXPONENT, context=EXACT).scaleb(9, context=EXACT))
    if abs(nano) > MAX_NANO:
        raise AmountOutOfRangeError(f"{amount} does not fit 64-bit nano-units")
    return nano


def from_nano(nano: int) -> Decimal:
    """The exact decimal amount of a number of nano-units."""
    return Decimal(nano).scaleb(-9, context=EXACT)


def decimal_text(amount: Decimal) -> str:
    """Plain decimal text, no exponent, no trailing zeros: what API and exports write."""
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"", "-0", "-"} else text


def nano_text(nano: int) -> str:
    """Nano-units as plain decimal text."""
    return decimal_text(from_nano(nano))
