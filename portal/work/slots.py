"""When a schedule was due: pure arithmetic on moments (UTC).

Celery's own schedules answer how long until the next time, seen from now; here the question is
which times lie between two moments, however long ago. Numbers of seconds are counted from the
epoch, so that every process names the same times.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeAlias

from celery.schedules import crontab, schedule

When: TypeAlias = crontab | schedule | float
FURTHEST_BACK = timedelta(days=400)


def slots_between(when: When, after: datetime, until: datetime) -> Iterator[datetime]:
    """Due times later than `after` and not later than `until`, newest first; at most 400 days."""
    after = max(after, until - FURTHEST_BACK)
    due = _cron_backwards(when, after, until) if isinstance(when, crontab) else _steps(when, until)
    for slot in due:
        if slot <= after:
            return
        if slot <= until:
            yield slot


def _steps(when: schedule | float, until: datetime) -> Iterator[datetime]:
    step = float(when.run_every.total_seconds() if isinstance(when, schedule) else when)
    number = int(until.timestamp() // step)
    while True:
        yield datetime.fromtimestamp(number * step, UTC)
        number -= 1


def _cron_backwards(when: crontab, after: datetime, until: datetime) -> Iterator[datetime]:
    day = until.astimezone(UTC).date()
    while day >= after.astimezone(UTC).date():
        if _comes_on(when, day):
            for hour in sorted(when.hour, reverse=True):
                for minute in sorted(when.minute, reverse=True):
                    yield datetime.combine(day, time(hour, minute), UTC)
        day -= timedelta(days=1)


def _comes_on(when: crontab, day: date) -> bool:
    return (
        day.month in when.month_of_year
        and day.day in when.day_of_month
        and day.isoweekday() % 7 in when.day_of_week  # cron begins the week on Sunday, with 0
    )
