"""Amounts and quantities: exact decimals from text, never through a binary float."""

from __future__ import annotations

import re
from decimal import Decimal

from portal.shell.money import MAX_NANO, AmountOutOfRangeError, decimal_text, to_nano

# Kept low enough that sums of many million amounts stay exact in `portal.shell.money.EXACT`.
MAX_DECIMAL_PLACES = 64
MAX_NUMBER_CHARS = 128
MAX_QUANTITY_DIGITS = 40
NANO_DIGITS = 9
CACHED_NUMBERS = 50_000

NULL_WORDS = frozenset(("", "NULL", "null"))

_PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
# Already as `decimal_text` would write it: nothing to strip, no exponent, no plus.
_CANONICAL = re.compile(r"-?(?!0$)(?:0|[1-9]\d{0,18})(?:\.\d{0,18}[1-9])?|0", re.ASCII)
_DRESSED = re.compile(
    r"([+-]?)\s*([$€£¥₹]?)\s*([+-]?)"
    r"((?:\d+|[1-9]\d{0,2}(?:,\d{3})+)(?:\.\d*)?|\.\d+)",
    re.ASCII,
)
_SIGN_CURRENCIES = {
    "€": frozenset(("EUR",)),
    "£": frozenset(("GBP", "EGP", "FKP", "GIP", "LBP", "SHP", "SSP", "SDG", "SYP")),
    "¥": frozenset(("JPY", "CNY")),
    "₹": frozenset(("INR",)),
}
_NOT_DOLLARS = frozenset().union(*_SIGN_CURRENCIES.values())


class BadNumberError(ValueError):
    """A cell that cannot be read exactly as a number; says what would have been right."""

    def __init__(self, code: str, expected: str) -> None:
        super().__init__(code)
        self.code = code
        self.expected = expected


# One money cell: the exact decimal, its nano-units, its canonical text; empty when null.
# Not a class: there may be a new one for every row.
Amount = tuple[Decimal | None, int | None, str]
NO_AMOUNT: Amount = (None, None, "")


def parse_number(text: str, currency: str) -> Decimal | None:
    """The exact decimal a cell stands for, None when it is null.

    Takes surrounding blanks, E-notation, and (without E-notation) a leading currency sign and
    thousands commas.

    Args:
        text: the cell as it came.
        currency: ISO code that a currency sign must not contradict.

    Raises:
        BadNumberError: anything else, NaN and infinity included.
    """
    text = text.strip()
    if text in NULL_WORDS:
        return None
    if len(text) > MAX_NUMBER_CHARS:
        raise BadNumberError("bad_amount", f"a number of at most {MAX_NUMBER_CHARS} characters")
    if not _PLAIN.fullmatch(text):
        text = _undress(text, currency)
    number = Decimal(text)
    if not number:
        # A zero written with two decimals stays one, so that sums read as the source writes them.
        return number if 0 <= -int(number.as_tuple().exponent) <= MAX_DECIMAL_PLACES else Decimal(0)
    # Few characters without an exponent cannot hold too many decimal places.
    if (len(text) > MAX_DECIMAL_PLACES or "e" in text or "E" in text) and (
        _decimal_places(number) > MAX_DECIMAL_PLACES
    ):
        raise BadNumberError(
            "amount_out_of_range", f"a number with at most {MAX_DECIMAL_PLACES} decimal places"
        )
    return number


def _undress(text: str, currency: str) -> str:
    dressed = _DRESSED.fullmatch(text)
    if not dressed or (dressed[1] and dressed[3]):
        raise BadNumberError(
            "bad_amount", "a decimal number with a dot, such as -1234.50 or 35.2E-7"
        )
    before, sign, after, digits = dressed.groups()
    allowed = _SIGN_CURRENCIES.get(sign)
    if (allowed and currency not in allowed) or (sign == "$" and currency in _NOT_DOLLARS):
        raise BadNumberError("currency_sign_contradicts", f"an amount in {currency}")
    return before + after + digits.replace(",", "")


def _decimal_places(number: Decimal) -> int:
    """How many decimal places a finite number other than 0 needs."""
    _, digits, exponent = number.as_tuple()
    text = "".join(map(str, digits))
    trailing_zeros = len(text) - len(text.rstrip("0"))
    return -int(exponent) - trailing_zeros


def parse_amount(text: str, currency: str) -> Amount:
    """One money cell; see `parse_number`.

    Raises:
        BadNumberError: not exactly readable, or beyond 64-bit nano-units.
    """
    canonical = _CANONICAL.fullmatch(text)
    if canonical:
        # Nano-units by their digits, where there are no finer ones: there may be one a row.
        whole, _, fraction = text.partition(".")
        if len(fraction) <= NANO_DIGITS:
            nano = int(whole + fraction.ljust(NANO_DIGITS, "0"))
            if -MAX_NANO <= nano <= MAX_NANO:
                return Decimal(text), nano, text
    number = Decimal(text) if canonical else parse_number(text, currency)
    if number is None:
        return NO_AMOUNT
    try:
        nano = to_nano(number)
    except AmountOutOfRangeError as error:
        raise BadNumberError(
            "amount_out_of_range", "an amount within ±9223372036.854775807"
        ) from error
    return number, nano, text if canonical else decimal_text(number)


def parse_quantity(text: str) -> str:
    """A quantity as canonical decimal text, empty when null.

    Raises:
        BadNumberError: not exactly readable, or larger than any quantity could be.
    """
    if _CANONICAL.fullmatch(text):
        return text
    try:
        number = parse_number(text, "")
    except BadNumberError as error:
        raise BadNumberError(error.code.replace("amount", "quantity"), error.expected) from None
    if number is None:
        return ""
    if number.adjusted() >= MAX_QUANTITY_DIGITS:
        raise BadNumberError(
            "quantity_out_of_range", f"a number with at most {MAX_QUANTITY_DIGITS} whole digits"
        )
    return decimal_text(number)


class AmountCache(dict[str, Amount]):
    """Cell text → amount, of one currency. Bounded: it starts anew when it is full."""

    def __init__(self, currency: str) -> None:
        super().__init__()
        self.currency = currency

    def __missing__(self, text: str) -> Amount:
        amount = parse_amount(text, self.currency)
        if len(self) >= CACHED_NUMBERS:
            self.clear()
        self[text] = amount
        return amount


class QuantityCache(dict[str, str]):
    """Cell text → canonical quantity; bounded like `AmountCache`."""

    def __missing__(self, text: str) -> str:
        quantity = parse_quantity(text)
        if len(self) >= CACHED_NUMBERS:
            self.clear()
        self[text] = quantity
        return quantity
