"""Times as providers write them, turned into UTC at the edge and nowhere else."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

FIRST_YEAR, LAST_YEAR = 1970, 2199
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[T ](?P<clock>\d\d:\d\d:\d\d)(?:[.,](?P<fraction>\d{1,9}))?"
    r"\s?(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
# Below 10^11 seconds end in the year 5138, so each unit has a range of its own.
_UNITS = ((10**11, 1), (10**14, 10**3), (10**17, 10**6), (10**20, 10**9))


def read_moment(value: object) -> datetime:
    """An aware moment in UTC.

    Takes RFC 3339 with up to nine digits of a second (cut to microseconds), the same with a blank
    instead of the `T`, `… UTC`, `… +0200`, and seconds, milliseconds, microseconds or nanoseconds
    since 1970 by their magnitude.

    Raises:
        ValueError: it is none of these, has no zone (guessing one moves changes between days), or
            lies outside 1970 to 2199. The message says what was expected.
    """
    moment = _of_text(value) if isinstance(value, str) else _of_number(value)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"a date between {FIRST_YEAR} and {LAST_YEAR}")
    return moment


def _of_text(value: str) -> datetime:
    match = _TEXT.fullmatch(value.strip())
    if match is None:
        raise ValueError("a date and time with offset, such as 2026-03-01T09:30:00+01:00")
    if match["zone"] is None:
        raise ValueError("an offset from UTC after the time, such as +01:00 or Z")
    zone = "+00:00" if match["zone"] in ("Z", "UTC") else match["zone"]
    fraction = (match["fraction"] or "0")[:6].ljust(6, "0")
    try:
        moment = datetime.fromisoformat(f"{match['day']}T{match['clock']}.{fraction}{zone}")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("a date and time that exist") from None


def _of_number(value: object) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or value < 0:
        raise ValueError("a date and time, as text or as seconds since 1970")
    for most, unit in _UNITS:
        if value < most:
            return _EPOCH + timedelta(microseconds=int(Decimal(value) * 10**6 / unit))
    raise ValueError("seconds, milliseconds, microseconds or nanoseconds since 1970")
