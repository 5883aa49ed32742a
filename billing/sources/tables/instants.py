"""Dates and times of FOCUS files: everything becomes an instant in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

from billing.sources.lines import YEARS, can_be_meant

EXPECTED_INSTANT = f"a date and time {YEARS} such as 2026-05-01T00:00:00Z"

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?(Z|UTC|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_US = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)(?: (\d{1,2}):(\d\d)(?::(\d\d))?)?", re.ASCII)


class Instant(NamedTuple):
    """One parsed cell: the instant in UTC, and what had to be assumed to read it."""

    at: datetime
    utc_assumed: bool
    us_date: bool


def parse_instant(text: str) -> Instant:
    """Read an ISO 8601 or US date and time; without an offset it is UTC, as FOCUS says.

    Takes `2024-09-18T22:00:00Z`, any offset, a blank instead of `T`, a date alone (midnight)
    and `4/1/25` (month, day, year).

    Raises:
        ValueError: anything else, days or hours that do not exist, and years but 2000 to 2099.
    """
    text = text.strip()
    found = _parse(text)
    if not can_be_meant(found.at):
        raise ValueError(text)
    return found._replace(at=found.at.astimezone(UTC))


def _parse(text: str) -> Instant:
    if iso := _ISO.fullmatch(text):
        day, clock, offset = iso.groups()
        zone = "+00:00" if offset in (None, "Z", "UTC") else offset
        at = datetime.fromisoformat(f"{day}T{clock or '00:00'}{zone}")
        return Instant(at, offset is None, False)
    if us := _US.fullmatch(text):
        month, day_number, year, hour, minute, second = (int(part or 0) for part in us.groups())
        # Two digits: billing files are of this century.
        year = year + 2000 if year < 100 else year
        at = datetime(year, month, day_number, hour, minute, second, tzinfo=UTC)
        return Instant(at, True, True)
    raise ValueError(text)
