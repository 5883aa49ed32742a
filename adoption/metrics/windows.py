"""The windows over which metrics are computed: whole, half-open, cut in one declared zone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from portal.shell.periods import day_bounds

# Four-week windows are counted from this Monday, so that every installation cuts them alike.
FOUR_WEEKS_FROM = dt.date(2024, 1, 1)
_WEEK = dt.timedelta(weeks=1)


class WindowKind(StrEnum):
    """How long a window is. Weeks are ISO weeks."""

    WEEK = "week"
    FOUR_WEEKS = "four_weeks"
    MONTH = "month"
    QUARTER = "quarter"


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Days from `starts_on` up to, not with, `ends_on`, cut in `zone` (an IANA name)."""

    starts_on: dt.date
    ends_on: dt.date
    zone: str

    def __post_init__(self) -> None:
        if self.ends_on <= self.starts_on:
            raise ValueError(f"a window ends after it starts: {self.starts_on} to {self.ends_on}")

    @property
    def starts_at(self) -> dt.datetime:
        """The first moment in it (UTC)."""
        return day_bounds(self.starts_on, ZoneInfo(self.zone))[0]

    @property
    def ends_at(self) -> dt.datetime:
        """The first moment after it (UTC)."""
        return day_bounds(self.ends_on, ZoneInfo(self.zone))[0]


def _month_start(day: dt.date, months: int, every: int) -> dt.date:
    index = (day.year * 12 + day.month - 1) // every * every + months
    return dt.date(index // 12, index % 12 + 1, 1)


def window_of(kind: WindowKind, day: dt.date, zone: str) -> Window:
    """The window of this kind that `day` lies in."""
    if kind is WindowKind.WEEK:
        start = day - dt.timedelta(days=day.weekday())
        return Window(start, start + _WEEK, zone)
    if kind is WindowKind.FOUR_WEEKS:
        length = 4 * _WEEK
        start = FOUR_WEEKS_FROM + (day - FOUR_WEEKS_FROM) // length * length
        return Window(start, start + length, zone)
    every = 1 if kind is WindowKind.MONTH else 3
    return Window(_month_start(day, 0, every), _month_start(day, every, every), zone)


def windows_between(
    kind: WindowKind, starts_on: dt.date, ends_on: dt.date, zone: str
) -> Iterator[Window]:
    """The windows that lie wholly between two days (`ends_on` exclusive), oldest first."""
    window = window_of(kind, starts_on, zone)
    while window.ends_on <= ends_on:
        if window.starts_on >= starts_on:
            yield window
        window = window_of(kind, window.ends_on, zone)
