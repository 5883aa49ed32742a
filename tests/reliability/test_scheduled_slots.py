"""Rows 14 and 15 of the failure catalogue: each due time runs once, whoever asks how often."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery.schedules import crontab, schedule
from django.db import connections
from hypothesis import given
from hypothesis import strategies as st

from portal.choices import SlotOutcome
from portal.models import ScheduledSlot, WorkItem
from portal.schedule import CatchUp, JobRegistry, ScheduledJob, scheduled_jobs, work_kind_of
from portal.services import schedule as service
from portal.services.work import tidy_work
from portal.work.registry import work_kinds
from portal.work.runner import Outcome, execute_item
from portal.work.slots import slots_between
from tests.imports import Clock

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIVE_MINUTES = 300.0

Register = Callable[..., ScheduledJob]


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Register:
    """Jobs of one test in the place of the portal's own."""
    jobs = JobRegistry("scheduled job")
    monkeypatch.setattr(service, "scheduled_jobs", jobs)
    monkeypatch.setattr(work_kinds, "_items", dict(work_kinds._items))

    def add(key: str = "test-job", **options: Any) -> ScheduledJob:
        given = {"task": "portal.tasks.tidy_work", "when": FIVE_MINUTES, "reason": "A test."}
        return jobs.register(ScheduledJob(key=key, **{**given, **options}))

    return add


def runs() -> int:
    return ScheduledSlot.objects.filter(outcome=SlotOutcome.RAN).count()


@pytest.mark.both_engines
@pytest.mark.django_db(transaction=True)
def test_row_14_many_schedulers_claim_each_due_time_once(register: Register) -> None:
    job = register(catch_up=CatchUp.EACH)
    service.claim_due_slots(at=NOON - timedelta(seconds=1))
    number, rounds = 4, 5
    gate = threading.Barrier(number)
    claimed: list[int] = []

    def beat() -> None:
        try:
            for turn in range(rounds):
                gate.wait(timeout=20)
                claimed.append(service.claim_due_slots(at=NOON + turn * timedelta(minutes=5)))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=beat) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sum(claimed) == runs() == rounds
    items = WorkItem.objects.filter(kind=work_kind_of(job))
    assert items.count() == rounds
    assert set(items.values_list("requests", flat=True)) == {1}


@pytest.mark.both_engines
@pytest.mark.django_db
@pytest.mark.parametrize(("catch_up", "expected"), [(CatchUp.ONCE, 1), (CatchUp.EACH, 36)])
def test_row_15_after_three_hours_without_a_scheduler_a_five_minute_job_catches_up(
    register: Register, catch_up: CatchUp, expected: int
) -> None:
    job = register(catch_up=catch_up)
    service.claim_due_slots(at=NOON - timedelta(minutes=5))
    assert service.claim_due_slots(at=NOON) == 1
    ScheduledSlot.objects.filter(outcome=SlotOutcome.RAN).get()
    WorkItem.objects.all().delete()
    back = NOON + timedelta(hours=3, seconds=7)
    assert service.claim_due_slots(at=back) == expected
    assert service.claim_due_slots(at=back + timedelta(seconds=10)) == 0
    assert WorkItem.objects.filter(kind=work_kind_of(job)).count() == expected
    newest = ScheduledSlot.objects.latest("slot")
    assert newest.slot == NOON + timedelta(hours=3)
    assert newest.skipped == 36 - expected


@pytest.mark.both_engines
@pytest.mark.django_db
def test_a_job_that_is_still_queued_is_not_queued_twice(register: Register) -> None:
    job = register()
    for minutes in (0, 5, 10, 15):
        service.claim_due_slots(at=NOON + timedelta(minutes=minutes))
    assert runs() == 3
    assert WorkItem.objects.get(kind=work_kind_of(job)).requests == 3


@pytest.mark.django_db
def test_a_job_that_was_never_seen_waits_for_its_next_due_time(register: Register) -> None:
    register(when=crontab(hour="3", minute="0"))
    assert service.claim_due_slots(at=NOON) == 0
    assert service.claim_due_slots(at=NOON + timedelta(hours=14)) == 0
    assert service.claim_due_slots(at=NOON + timedelta(hours=16)) == 1
    assert ScheduledSlot.objects.latest("slot").slot == datetime(2026, 11, 21, 3, tzinfo=UTC)


@pytest.mark.both_engines
@pytest.mark.django_db
def test_the_work_of_a_job_calls_its_task() -> None:
    job = scheduled_jobs.get("tidy-work")
    service.claim_due_slots(at=NOON)
    assert service.claim_due_slots(at=NOON + timedelta(hours=1)) >= 1
    item = WorkItem.objects.get(kind=work_kind_of(job))
    assert execute_item(item.pk, clock=Clock(NOON + timedelta(hours=1))) == Outcome.DONE


@pytest.mark.both_engines
@pytest.mark.django_db
def test_tidying_keeps_the_newest_due_time_so_that_nothing_is_run_again(register: Register) -> None:
    register()
    register("rare-job", when=10_000_000.0)
    for minutes in (0, 5, 10):
        service.claim_due_slots(at=NOON + timedelta(minutes=minutes))
    assert tidy_work(at=NOON + timedelta(days=30)) == 2
    kept = set(ScheduledSlot.objects.values_list("job", "slot"))
    assert kept == {("test-job", NOON + timedelta(minutes=10)), ("rare-job", NOON)}


def by_the_minute(when: crontab, after: datetime, until: datetime) -> list[datetime]:
    """What a clock that is looked at every minute would say."""
    found = []
    minute = after.replace(second=0, microsecond=0)
    while minute <= until:
        if (
            minute > after
            and minute.minute in when.minute
            and minute.hour in when.hour
            and minute.day in when.day_of_month
            and minute.month in when.month_of_year
            and (minute.weekday() + 1) % 7 in when.day_of_week
        ):
            found.append(minute)
        minute += timedelta(minutes=1)
    return found[::-1]


moments = st.datetimes(
    min_value=datetime(2026, 2, 26),  # noqa: DTZ001  (hypothesis adds the zone)
    max_value=datetime(2026, 3, 5),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(
    moments,
    st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=2)),
    st.sampled_from(["*", "0", "*/7", "3,59"]),
    st.sampled_from(["*", "0", "*/5", "23"]),
    st.sampled_from(["*", "sun", "1-5"]),
    st.sampled_from(["*", "1", "28-31"]),
)
def test_due_times_of_a_crontab_are_those_that_a_clock_would_show(
    after: datetime, length: timedelta, minute: str, hour: str, weekday: str, day: str
) -> None:
    when = crontab(minute=minute, hour=hour, day_of_week=weekday, day_of_month=day)
    found = list(slots_between(when, after, after + length))
    assert found == by_the_minute(when, after, after + length)


@given(moments, st.integers(0, 50_000), st.integers(1, 5000))
def test_due_times_in_steps_are_the_same_whenever_one_looks(
    after: datetime, length: int, step: int
) -> None:
    until = after + timedelta(seconds=length)
    middle = after + timedelta(seconds=length / 3)
    whole = list(slots_between(float(step), after, until))
    assert whole == [
        *slots_between(schedule(step), middle, until),
        *slots_between(float(step), after, middle),
    ]
    assert all(int(slot.timestamp()) % step == 0 and after < slot <= until for slot in whole)
    assert abs(len(whole) - length / step) <= 1


def test_a_day_that_hardly_ever_comes_is_not_looked_for_for_ever() -> None:
    when = crontab(minute="0", hour="0", day_of_month="29", month_of_year="2")
    assert list(slots_between(when, datetime(2000, 1, 1, tzinfo=UTC), NOON)) == []
