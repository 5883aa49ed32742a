"""Quantities summed before they become records: no row of usage is about one person or one call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from billing.sources.lines import BadValueError, day_start, exact
from billing.sources.records import UsageRecord
from billing.sources.usage_rows import MOST, Quantity, UsageRow, usage_record
from portal.imports.contracts import ImportRefusedError
from portal.shell.money import EXACT

_Key = tuple[int, str, str]  # what is counted, metric, unit
MILLIONTH = Decimal("0.000001")
ZERO = Decimal(0)


class QuantitySums:
    """Adds quantities that are alike in everything but their amount, exactly, over all pages.

    Sources write quantities as binary floats (`0.8999999999999999` requests), so a sum is rounded
    once, half to even, to a millionth.
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[Any, ...], int] = {}  # of what is counted
        self._first: dict[_Key, UsageRow] = {}
        self._sums: dict[_Key, Decimal] = {}

    def add(self, row: UsageRow, quantities: Iterable[Quantity]) -> None:
        """Add the quantities of one row: all of them or, when one is bad, none.

        Raises:
            BadValueError: a quantity is negative, or more than can be stored.
        """
        taken = [each for each in quantities if each[2]]
        for metric, _, amount in taken:
            if not 0 <= amount <= MOST:
                raise BadValueError(metric, amount, "bad_quantity", f"0 to {MOST:,}")
        number = self._numbers.setdefault(_name(row), len(self._numbers))
        for metric, unit, amount in taken:
            key = number, metric, unit
            if key in self._sums:
                self._sums[key] = EXACT.add(self._sums[key], amount)
            else:
                self._first[key], self._sums[key] = row, amount

    def take(self) -> tuple[UsageRecord, ...]:
        """The sums as records, in the order in which each first came; then forgotten.

        Raises:
            ImportRefusedError: a sum does not fit. Each row of it did, so none can be put aside.
        """
        first, sums = self._first, self._sums
        self._numbers, self._first, self._sums = {}, {}, {}
        return tuple(
            usage_record(first[key], key[1], key[2], _rounded(first[key], key, found))
            for key, found in sums.items()
        )


def _rounded(row: UsageRow, key: _Key, found: Decimal) -> Decimal:
    amount = found.quantize(MILLIONTH, context=EXACT)
    if amount > MOST:
        raise ImportRefusedError(
            "sum_too_large",
            f"quantities of {row.dataset} add up to more than can be stored, so nothing of the "
            f"import is taken; the first of them stands on line {row.line} of file number "
            f"{row.file_index + 1}",
            column=key[1],
            value=f"{amount:,f} {key[2]} on {row.period[0]:%Y-%m-%d}",
            expected=f"at most {MOST:,} in all",
        )
    return amount


def _name(row: UsageRow) -> tuple[Any, ...]:
    """Everything that a row says but its place."""
    return (*row[2:-1], *sorted(row.tags.items()))


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
