"""Quantities summed before they become records: no row of usage is about one person or one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.sources.lines import BadValueError, UsageLine, day_start, exact, usage_record
from billing.sources.records import UsageRecord
from portal.shell.money import EXACT

MILLIONTH = Decimal("0.000001")
ZERO = Decimal(0)


class QuantitySums:
    """Adds quantities that are alike in everything but their amount, exactly, over all pages.

    Sources write quantities as binary floats (`0.8999999999999999` requests), so a sum is rounded
    once, half to even, to a millionth.
    """

    def __init__(self) -> None:
        self._lines: dict[UUID, UsageLine] = {}

    def add(self, lines: Iterable[UsageLine]) -> None:
        """Add the quantities of one row: all of them or, when one is bad, none.

        Raises:
            BadValueError: a quantity is negative or does not fit.
        """
        taken = [(_identity(line), line) for line in lines if line.quantity]
        for identity, line in taken:
            known = self._lines.get(identity)
            if known is not None:
                line = replace(known, quantity=EXACT.add(known.quantity, line.quantity))
            self._lines[identity] = line

    def take(self) -> tuple[UsageRecord, ...]:
        """The sums as records, in the order in which each first came; then forgotten.

        Raises:
            BadValueError: a sum does not fit.
        """
        lines, self._lines = list(self._lines.values()), {}
        return tuple(usage_record(replace(line, quantity=_rounded(line))) for line in lines)


def _identity(line: UsageLine) -> UUID:
    if line.quantity < 0:
        raise BadValueError(line.metric, line.quantity, "bad_quantity", "0 or more")
    return usage_record(replace(line, quantity=_rounded(line))).identity


def _rounded(line: UsageLine) -> Decimal:
    return line.quantity.quantize(MILLIONTH, context=EXACT)


def quantity(row: Mapping[str, Any], key: str) -> Decimal:
    """A quantity of a row; what is absent or null counts nothing.

    Raises:
        BadValueError: it is no number, or negative.
    """
    value = row.get(key)
    if value is None or value == "":
        return ZERO
    number = exact(value, key, fatal=False)
    if number < 0:
        raise BadValueError(key, value, "bad_quantity", "0 or more")
    return number


def text_of(row: Mapping[str, Any], *keys: str) -> str:
    """The first text that is there under one of these keys; `''` when none is.

    Raises:
        BadValueError: there is a list or an object in its place.
    """
    for key in keys:
        value = row.get(key)
        if isinstance(value, (dict, list)):
            raise BadValueError(key, value, "bad_text", "a text")
        if value not in (None, ""):
            return str(value).replace("\0", "").strip()
    return ""


def day_of(row: Mapping[str, Any], key: str) -> datetime:
    """The start of the UTC day that a row names; a time of midnight may stand behind it.

    Raises:
        BadValueError: it names none.
    """
    value = row.get(key)
    text = str(value)
    for midnight in ("T00:00:00Z", "T00:00:00.000Z", "T00:00:00", " 00:00:00"):
        text = text.removesuffix(midnight)
    try:
        return day_start(text, key)
    except BadValueError as error:
        raise BadValueError(key, value, error.code, error.expected) from error


def bound_of(expected: Decimal, *, percent: int, floor: int) -> Decimal:
    """How far a control total may be off: the larger of a share of it and a sum in whole units."""
    share = EXACT.multiply(abs(expected), Decimal(percent).scaleb(-2))
    return max(share, Decimal(floor))
