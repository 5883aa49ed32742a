"""Calendar periods: half-open ranges of days and months, cut in a declared zone.

A day belongs to a zone: `day_bounds` says which UTC instants it covers there, also on the days on
which clocks change. Every range is half-open, so that days add up to months without a gap or an
overlap.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self
from zoneinfo import ZoneInfo

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
MONTHS_IN_YEAR = 12


class BadPeriodError(ValueError):
    """A period that cannot be read or that ends before it starts; the message says which."""


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """One calendar month. Months compare and subtract like numbers."""

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (1 <= self.month <= MONTHS_IN_YEAR and 1 <= self.year <= 9998):
            raise BadPeriodError(f"no such month: {self.year}-{self.month}")

    @classmethod
    def of(cls, day: dt.date) -> Self:
        """The month that `day` (a date, not a moment) lies in."""
        return cls(day.year, day.month)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `YYYY-MM`.

        Raises:
            BadPeriodError: the text is anything else.
        """
        found = _MONTH.fullmatch(text)
        if found is None:
            raise BadPeriodError(f"{text!r} is not a month; expected YYYY-MM")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"

    @property
    def label(self) -> str:
        """For people: `Mar 2026`."""
        return self.start.strftime("%b %Y")

    @property
    def start(self) -> dt.date:
        """First day."""
        return dt.date(self.year, self.month, 1)

    @property
    def end(self) -> dt.date:
        """First day of the next month (exclusive end)."""
        return (self + 1).start

    @property
    def range(self) -> DateRange:
        return DateRange(self.start, self.end)

    def __add__(self, months: int) -> Self:
        years, index = divmod(self.month - 1 + months, MONTHS_IN_YEAR)
        return type(self)(self.year + years, index + 1)

    def __sub__(self, months: int) -> Self:
        return self + (-months)

    def months_until(self, later: Month) -> int:
        """How many months `later` is away (negative when it is earlier)."""
        return (later.year - self.year) * MONTHS_IN_YEAR + later.month - self.month


@dataclass(frozen=True, slots=True, order=True)
class DateRange:
    """Days from `start` up to, not including, `end`."""

    start: dt.date
    end: dt.date

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise BadPeriodError(f"the range ends ({self.end}) before it starts ({self.start})")

    def __contains__(self, day: object) -> bool:
        return isinstance(day, dt.date) and self.start <= day < self.end

    def __len__(self) -> int:
        return (self.end - self.start).days

    def days(self) -> Iterator[dt.date]:
        """Every day of the range, in order."""
        for offset in range(len(self)):
            yield self.start + dt.timedelta(days=offset)

    def months(self) -> list[Month]:
        """Every month that the range touches, in order; none for an empty range."""
        if not len(self):
            return []
        return month_range(Month.of(self.start), Month.of(self.end - dt.timedelta(days=1)) + 1)

    def overlap(self, other: DateRange) -> DateRange | None:
        """The days that both have, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return DateRange(start, end) if start < end else None

    def bounds(self, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
        """The half-open range of UTC moments that these days cover in `zone`."""
        return day_start(self.start, zone), day_start(self.end, zone)


def month_range(start: Month, end: Month) -> list[Month]:
    """Months from `start` up to, not including, `end`; empty when `end` is not later."""
    return [start + offset for offset in range(start.months_until(end))]


def last_months(count: int, *, today: dt.date) -> list[Month]:
    """`count` months, the last of them the month of `today`, oldest first."""
    current = Month.of(today)
    return month_range(current - (count - 1), current + 1)


def day_start(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The UTC moment at which `day` starts in `zone`.

    Where clocks jump over midnight the day starts at the first moment that exists; where they go
    back over midnight it starts at the first of the two.
    """
    local = dt.datetime.combine(day, dt.time.min, tzinfo=zone)
    return local.astimezone(dt.UTC)


def day_bounds(day: dt.date, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    """The half-open range of UTC moments of one day in `zone`: 23, 24 or 25 hours as a rule."""
    return day_start(day, zone), day_start(day + dt.timedelta(days=1), zone)


def day_of(moment: dt.datetime, zone: ZoneInfo) -> dt.date:
    """The day on which an aware `moment` falls in `zone`.

    Raises:
        BadPeriodError: `moment` carries no time zone.
    """
    if moment.tzinfo is None:
        raise BadPeriodError(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(zone).date()


@dataclass(frozen=True, slots=True)
class FiscalCalendar:
    """A fiscal year that starts with `first_month` (1 to 12) and is named after where it ends."""

    first_month: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.first_month <= MONTHS_IN_YEAR:
            raise BadPeriodError(f"no month {self.first_month}; expected 1 to 12")

    def _start_of(self, day: dt.date) -> Month:
        year = day.year if day.month >= self.first_month else day.year - 1
        return Month(year, self.first_month)

    def year_of(self, day: dt.date) -> DateRange:
        """The fiscal year around `day`."""
        start = self._start_of(day)
        return DateRange(start.start, (start + MONTHS_IN_YEAR).start)

    def quarter_of(self, day: dt.date) -> DateRange:
        """The fiscal quarter around `day`."""
        start = self._start_of(day)
        first = start + 3 * (start.months_until(Month.of(day)) // 3)
        return DateRange(first.start, (first + 3).start)

    def quarter_label(self, day: dt.date) -> str:
        """For people: `Q2 FY2027` (the year in which the fiscal year ends)."""
        start = self._start_of(day)
        quarter = start.months_until(Month.of(day)) // 3 + 1
        return f"Q{quarter} FY{(start + (MONTHS_IN_YEAR - 1)).year}"
