"""Billing cycles of Cursor: a month from a moment that is not the first of a month."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from billing.sources.lines import YEARS, BadValueError, can_be_meant
from portal.shell.money import EXACT

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXPECTED = f"a time {YEARS} in milliseconds since 1970, such as 1788256812345"


def moment(value: Any, field: str) -> datetime:
    """Epoch milliseconds, as a number or as text, in UTC.

    Raises:
        BadValueError: they are none, or outside the years 2000 to 2099, as seconds are.
    """
    at = _EPOCH + timedelta(milliseconds=milliseconds(value, field))
    if not can_be_meant(at):
        raise BadValueError(field, value, "bad_datetime", _EXPECTED)
    return at


def milliseconds(value: Any, field: str) -> int:
    """The same as a number, of whatever year.

    Raises:
        BadValueError: they are none.
    """
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or len(text) > 14:
        raise BadValueError(field, value, "bad_datetime", _EXPECTED)
    return int(text)


def cycle_of(at: datetime, anchor: datetime) -> tuple[datetime, datetime]:
    """The cycle around a moment, half-open, when one cycle starts at `anchor`.

    A day that a month does not have is its last one.
    """
    months = (at.year - anchor.year) * 12 + at.month - anchor.month
    start = _months_on(anchor, months)
    if start > at:
        months -= 1
        start = _months_on(anchor, months)
    return start, _months_on(anchor, months + 1)


def _months_on(anchor: datetime, months: int) -> datetime:
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return anchor.replace(year=year, month=month + 1, day=min(anchor.day, last))


def dollars(cents: Decimal) -> Decimal:
    """Cents as US dollars, exactly."""
    return cents.scaleb(-2, context=EXACT)
