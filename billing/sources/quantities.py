"""Quantities summed before they become records: no row of usage is about one person or one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.sources.lines import BadValueError, day_start, exact
from billing.sources.records import UsageRecord
from billing.sources.usage_lines import UsageLine, usage_record
from portal.shell.money import EXACT

MILLIONTH = Decimal("0.000001")
ZERO = Decimal(0)


class QuantitySums:
    """Adds quantities that are alike in everything but their amount, exactly, over all pages.

    Sources write quantities as binary floats (`0.8999999999999999` requests), so a sum is rounded
    once, half to even, to a millionth.
    """

    def __init__(self) -> None:
        self._lines: dict[tuple[Any, ...], UsageLine] = {}
        self._sums: dict[tuple[Any, ...], Decimal] = {}

    def add(self, lines: Iterable[UsageLine]) -> None:
        """Add the quantities of one row: all of them or, when one is bad, none.

        Raises:
            BadValueError: a quantity is negative.
        """
        taken = [line for line in lines if line.quantity]
        for line in taken:
            if line.quantity < 0:
                raise BadValueError(line.metric, line.quantity, "bad_quantity", "0 or more")
        for line in taken:
            key = _name(line)
            self._lines.setdefault(key, line)
            self._sums[key] = EXACT.add(self._sums.get(key, ZERO), line.quantity)

    def take(self) -> tuple[UsageRecord, ...]:
        """The sums as records, in the order in which each first came; then forgotten.

        Raises:
            BadValueError: a sum does not fit.
        """
        lines, sums = self._lines, self._sums
        self._lines, self._sums = {}, {}
        return tuple(
            usage_record(line._replace(quantity=sums[key].quantize(MILLIONTH, context=EXACT)))
            for key, line in lines.items()
        )


def _name(line: UsageLine) -> tuple[Any, ...]:
    """Everything about a quantity but its place and amount."""
    return (
        *(line.dataset, line.metric, line.unit, line.period, line.billing_account_id),
        *(line.sub_account_id, line.api_key_id, line.provider, line.service_name, line.model),
        *(line.service_tier, *sorted(line.tags.items())),
    )


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
