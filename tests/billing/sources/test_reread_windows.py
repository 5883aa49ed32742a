"""Each provider is asked again for as long as it is known to revise, or as is prudent."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from billing.sources.cursor.cycles import cycle_of
from portal.imports.fetching import due_windows
from portal.imports.registry import import_sources

DAY = dt.timedelta(days=1)
TUESDAY, MONDAY = dt.date(2026, 9, 22), dt.date(2026, 9, 21)
# Source, configuration, and how many days before the running one are read again: daily, on Mondays.
# Folders and buckets are not here: they are listed whole each time.
REVISED: tuple[tuple[str, dict[str, Any], int, int], ...] = (
    ("anthropic", {"report": "admin"}, 3, 35),
    ("anthropic", {"report": "enterprise"}, 31, 31),
    ("anthropic", {"report": "analytics"}, 31, 31),
    ("anthropic", {"report": "claude-code"}, 3, 7),
    ("openai", {}, 10, 35),
    ("cursor", {}, 2, 31 + 2 + 6),  # a whole cycle, on the Monday after it is final
    ("github_copilot", {}, 22 + 31 - 1, 21 + 31 - 1),  # this month and August
    ("litellm", {}, 2, 2),
    ("openrouter", {}, 3, 29),  # the thirtieth is gone at midnight
)


def read_again_from(source: str, config: dict[str, Any], today: dt.date) -> dt.date:
    """The first day that a daily fetch reads when nothing was left out before."""
    found = import_sources.get(source).fetch
    assert found is not None
    spec = found.suited(config)
    fetched_to = today - (spec.settles_days + 1) * DAY
    return due_windows(spec, first=None, fetched_to=fetched_to, today=today)[0].start


@pytest.mark.parametrize(
    ("source", "config", "daily", "weekly"), REVISED, ids=lambda each: str(each)
)
def test_days_are_read_again_for_as_long_as_they_may_be_revised(
    source: str, config: dict[str, Any], daily: int, weekly: int
) -> None:
    assert read_again_from(source, config, TUESDAY) <= TUESDAY - daily * DAY
    assert read_again_from(source, config, MONDAY) <= MONDAY - weekly * DAY


def test_openais_month_is_read_again_on_the_third_and_the_tenth() -> None:
    for day in (3, 10):
        assert read_again_from("openai", {}, dt.date(2026, 10, day)) <= dt.date(2026, 9, 1)


def test_every_day_of_a_cursor_cycle_is_read_again_once_the_cycle_is_final() -> None:
    """Whatever the day of the month on which cycles turn, and the day of the week of its end."""
    days = [dt.date(2026, 1, 1) + number * DAY for number in range(900)]
    reads_from = {day: read_again_from("cursor", {}, day) for day in days}
    weekdays = set()
    for anchor in range(1, 32):
        turn = dt.datetime(2026, 1, anchor, 23, 59, tzinfo=dt.UTC)
        for month in range(24):
            start, end = cycle_of(turn + month * dt.timedelta(30.44), turn)
            final = end.date() + 2 * DAY
            week = [reads_from[final + number * DAY] for number in range(7)]
            assert min(week) <= start.date(), (start, end)
            weekdays.add((final.weekday(), (end - start).days))
    assert {(day, 31) for day in range(7)} <= weekdays


@pytest.mark.parametrize("today", ["2026-09-01", "2026-09-30", "2026-10-31", "2027-01-15"])
def test_copilots_running_month_and_the_one_before_are_read_again_every_day(today: str) -> None:
    day = dt.date.fromisoformat(today)
    before = (day.replace(day=1) - DAY).replace(day=1)
    assert read_again_from("github_copilot", {}, day) == before
