"""How values read on a page: one place for digits, signs, money and dates.

Pages may round for reading; the exact value stays in the `title` of what is shown and in every
export. Nothing here is used for calculating.
"""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_EVEN, Decimal
from zoneinfo import ZoneInfo

from portal.shell.money import EXACT, decimal_text, from_nano

MINUS = "\N{MINUS SIGN}"
MISSING = "\N{EM DASH}"
NARROW_SPACE = "\N{NO-BREAK SPACE}"
Number = int | float | Decimal
_HUNDREDTH = Decimal("0.01")


def to_decimal(value: Number) -> Decimal:
    """The decimal that `value` reads as; a float by its shortest text, not its binary tail."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def number_text(value: Number, decimals: int | None = 0) -> str:
    """Digits in groups of three, a real minus sign, `decimals` places (None: all there are)."""
    amount = to_decimal(value)
    if not amount.is_finite():
        return MISSING
    if decimals is not None:
        amount = amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN, context=EXACT)
        text = f"{abs(amount):,.{decimals}f}"
    else:
        whole, _, fraction = decimal_text(abs(amount)).partition(".")
        text = f"{int(whole):,}" + (f".{fraction}" if fraction else "")
    return MINUS + text if amount < 0 else text


def money_text(amount: Decimal, currency: str) -> str:
    """An amount for reading: cents as a rule, two significant digits below one cent.

    So that a fraction of a cent never reads as nothing: `0.0042 USD`, not `0.00 USD`.
    """
    if amount != 0 and abs(amount) < _HUNDREDTH:
        rounded = amount.quantize(
            Decimal(1).scaleb(amount.adjusted() - 1), ROUND_HALF_EVEN, context=EXACT
        )
        return f"{number_text(rounded, None)}{NARROW_SPACE}{currency}"
    return f"{number_text(amount, 2)}{NARROW_SPACE}{currency}"


def nano_money_text(nano: int, currency: str) -> str:
    """Nano-units of a currency, for reading."""
    return money_text(from_nano(nano), currency)


def percent_text(share: Number, decimals: int = 1) -> str:
    """A share (0.25) as a percentage (25.0 %).

    Nearly all never reads as all, nor nearly nothing as nothing: `> 99.9 %`, `< 0.1 %`.
    """
    exact = to_decimal(share)
    step = Decimal(1).scaleb(-decimals)
    if 0 < exact < 1:
        if exact * 100 < step / 2:
            return f"< {number_text(step, decimals)}{NARROW_SPACE}%"
        if exact * 100 > 100 - step / 2:
            return f"> {number_text(100 - step, decimals)}{NARROW_SPACE}%"
    return f"{number_text(exact * 100, decimals)}{NARROW_SPACE}%"


def short_number_text(value: Number) -> str:
    """Three significant digits with k, M or G: for axis labels only."""
    amount = to_decimal(value)
    for power, letter in ((9, "G"), (6, "M"), (3, "k")):
        if abs(amount) >= Decimal(10) ** power:
            scaled = amount.scaleb(-power)
            places = max(0, 2 - scaled.adjusted())
            text = decimal_text(scaled.quantize(Decimal(1).scaleb(-places), context=EXACT))
            return text.replace("-", MINUS) + letter
    return decimal_text(amount).replace("-", MINUS)


def date_text(day: dt.date) -> str:
    """`5 Mar 2026`."""
    return f"{day.day} {day:%b %Y}"


def moment_text(moment: dt.datetime, zone: ZoneInfo | None = None) -> str:
    """`5 Mar 2026, 14:05 UTC`: an aware moment in `zone` (default UTC), with the zone's name."""
    local = moment.astimezone(zone or dt.UTC)
    return f"{date_text(local.date())}, {local:%H:%M %Z}"


def age_text(moment: dt.datetime, now: dt.datetime) -> str:
    """How long ago, in the largest whole unit: `3 hours ago`."""
    seconds = int((now - moment).total_seconds())
    if seconds < 60:
        return "just now"
    for size, noun in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {noun}{'s' if count != 1 else ''} ago"
    return "just now"
