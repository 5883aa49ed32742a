"""Fetching: which days, the whole answer or nothing, one run for one window."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.choices import RunStatus
from portal.imports.contracts import (
    FetchJob,
    FetchSpec,
    ImportRefusedError,
    SourceUnavailableError,
    every_page,
)
from portal.imports.fetching import FetchWindow, due_windows, split_days, spool_line
from portal.imports.files import landed_path
from portal.imports.outbound.errors import SourceBusyError
from portal.imports.registry import import_sources
from portal.models import ImportRun, WorkItem
from portal.services import fetching
from portal.services.fetching import (
    FETCH_KIND,
    request_due_fetches,
    request_fetch,
    request_fetch_of_days,
    run_fetch,
)
from portal.work.registry import Work, WorkLaterError, WorkRefusedError
from portal.work.runner import Outcome, execute_item
from tests.imports import START, make_connection, make_person

TODAY = START.date()
DAY = dt.timedelta(days=1)


def spec(
    fetch: Callable[[FetchJob], dt.date | None] = lambda job: None, **fields: Any
) -> FetchSpec:
    values: dict[str, Any] = {
        "origin": lambda config: "https://provider.example",
        "headers": lambda secret: {},
        "fetch": fetch,
        "probe": fetch,
        "reread_days": 3,
        "weekly_days": 35,
    }
    return FetchSpec(**values | fields)


# --- which days -------------------------------------------------------------------------------


def test_the_first_time_reads_from_the_day_that_was_asked_for() -> None:
    first = TODAY - 40 * DAY
    windows = due_windows(spec(), first=first, fetched_to=None, today=TODAY)
    assert windows == [
        FetchWindow(first, first + 31 * DAY),
        FetchWindow(first + 31 * DAY, TODAY),
    ]


def test_later_it_reads_again_what_may_still_be_restated() -> None:
    friday = dt.date(2026, 11, 20)
    (window,) = due_windows(spec(), first=None, fetched_to=friday - DAY, today=friday)
    assert window == FetchWindow(friday - 3 * DAY, friday)
    monday = dt.date(2026, 11, 23)
    weekly = due_windows(spec(), first=None, fetched_to=monday - DAY, today=monday)
    assert weekly[0].start == monday - 35 * DAY


def test_on_some_days_of_the_month_the_month_before_is_read_again() -> None:
    closing = spec(reread_days=10, weekly_days=0, month_days=(3, 10))
    for today, start in (
        (dt.date(2026, 10, 3), dt.date(2026, 9, 1)),
        (dt.date(2026, 10, 10), dt.date(2026, 9, 1)),
        (dt.date(2026, 10, 9), dt.date(2026, 9, 29)),
        (dt.date(2026, 1, 3), dt.date(2025, 12, 1)),
    ):
        windows = due_windows(closing, first=None, fetched_to=today - DAY, today=today)
        assert windows[0].start == start
        assert windows[-1].end == today


def test_a_day_on_which_more_is_read_is_made_up_for_when_its_fetch_failed() -> None:
    sunday, tuesday = dt.date(2026, 11, 22), dt.date(2026, 11, 24)
    (late, *_) = due_windows(spec(), first=None, fetched_to=sunday, today=tuesday)
    assert late.start == tuesday - 35 * DAY
    (usual,) = due_windows(spec(), first=None, fetched_to=tuesday - DAY, today=tuesday)
    assert usual.start == tuesday - 3 * DAY
    (again,) = due_windows(spec(), first=None, fetched_to=tuesday, today=tuesday)
    assert again.start == tuesday - 3 * DAY
    closing = spec(reread_days=10, weekly_days=0, month_days=(3, 10), settles_days=1)
    twelfth = dt.date(2026, 10, 12)
    for fetched_to, start in ((8, dt.date(2026, 9, 1)), (10, dt.date(2026, 10, 1))):
        days = due_windows(
            closing, first=None, fetched_to=dt.date(2026, 10, fetched_to), today=twelfth
        )
        assert days[0].start == start


def test_a_configuration_may_change_how_often_days_are_read_again() -> None:
    slow = spec(varies=lambda config: {"reread_days": 31} if config.get("slow") else {})
    assert slow.suited({"slow": True}).reread_days == 31
    assert slow.suited({}).reread_days == 3


@given(start=st.dates(), days=st.integers(0, 400))
def test_days_are_split_into_windows_that_touch(start: dt.date, days: int) -> None:
    end = start + days * DAY if start < dt.date(9000, 1, 1) else start
    windows = split_days(start, end)
    assert sum((each.end - each.start).days for each in windows) == (end - start).days
    assert [each.start for each in windows[1:]] == [each.end for each in windows[:-1]]
    assert all((each.end - each.start).days <= 31 for each in windows)


@given(
    gap=st.integers(0, 200),
    reread=st.integers(1, 40),
    settles=st.integers(0, 5),
    today=st.dates(dt.date(2026, 1, 1), dt.date(2027, 1, 1)),
)
def test_no_day_is_ever_left_out(gap: int, reread: int, settles: int, today: dt.date) -> None:
    fetched_to = today - gap * DAY
    windows = due_windows(
        spec(reread_days=reread, settles_days=settles),
        first=None,
        fetched_to=fetched_to,
        today=today,
    )
    for before, after in zip(windows, windows[1:], strict=False):
        assert before.end == after.start
    if windows:
        assert windows[0].start <= fetched_to
        assert windows[-1].end == today - settles * DAY
        assert all((each.end - each.start).days <= 31 for each in windows)
    else:
        assert fetched_to >= today - settles * DAY


# --- cursors ----------------------------------------------------------------------------------


def test_every_page_is_followed_to_the_end_and_a_circle_is_no_end() -> None:
    def provider(nexts: Mapping[str | None, str | None]) -> Callable[[Sequence[Any]], Any]:
        return lambda params: nexts[params[0][1] if params else None]

    def follow(nexts: Mapping[str | None, str | None]) -> list[Any]:
        return list(every_page(provider(nexts), next_of=lambda page: page, parameter="page"))

    assert follow({None: "b", "b": "c", "c": None}) == ["b", "c", None]
    with pytest.raises(SourceUnavailableError, match="in a circle"):
        follow({None: "b", "b": "c", "c": "b"})


# --- one fetch --------------------------------------------------------------------------------


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A source that is fetched: `answers` by path; `fetch` asks for all of them."""
    state: dict[str, Any] = {"answers": {"/a": {"n": 1}, "/b": {"n": 2}}}

    @contextmanager
    def asking(
        spec: Any, config: Any, secret: Any, spool: BinaryIO, memory: object = None
    ) -> Iterator[Any]:
        def ask(endpoint: str, path: str, params: Sequence[tuple[str, str]] = ()) -> Any:
            answer = state["answers"][path]
            if isinstance(answer, Exception):
                raise answer
            spool.write(spool_line(endpoint, json.dumps(answer).encode()))
            return answer

        yield ask

    def fetch(job: FetchJob) -> dt.date | None:
        state["job"] = job
        for path in state["answers"]:
            job.ask(path.strip("/"), path)
        return state.get("whole_to")

    known = import_sources.get("focus")
    fetched = dataclasses.replace(known, fetch=spec(fetch), credential=None)
    monkeypatch.setitem(import_sources._items, "focus", fetched)
    monkeypatch.setattr(fetching, "asking", asking)
    return state


def work_for(item: WorkItem) -> Work:
    return Work(
        item_id=item.pk,
        key=item.key,
        payload=item.payload,
        attempt=1,
        at=START,
        clock=lambda: START,
    )


@pytest.mark.both_engines
@pytest.mark.django_db
def test_a_whole_fetch_becomes_one_run_over_its_window(provider: dict[str, Any]) -> None:
    connection = make_connection()
    window = FetchWindow(TODAY - 3 * DAY, TODAY)
    item = request_fetch(connection=connection, window=window, actor=None, at=START)
    assert (item.kind, item.payload["connection"]) == (FETCH_KIND, connection.pk)
    run_fetch(work_for(item))
    assert (provider["job"].start, provider["job"].end) == (window.start, window.end)
    assert provider["job"].is_newest
    run = ImportRun.objects.get()
    assert (run.window_start, run.window_end, run.status) == (window.start, window.end, "queued")
    spool = landed_path(run.files.get().sha256).read_text()
    assert spool == '{"endpoint": "a", "body": {"n": 1}}\n{"endpoint": "b", "body": {"n": 2}}\n'


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (SourceUnavailableError("answered 500"), WorkLaterError),
        (SourceBusyError("answered 429", retry_after=90), WorkLaterError),
        (ImportRefusedError("credential_refused", "answered 401"), WorkRefusedError),
    ],
)
def test_a_fetch_that_is_not_whole_leaves_nothing(
    provider: dict[str, Any], problem: Exception, told: type[Exception]
) -> None:
    provider["answers"]["/b"] = problem
    window = FetchWindow(TODAY - DAY, TODAY)
    item = request_fetch(connection=make_connection(), window=window, actor=None, at=START)
    with pytest.raises(told):
        run_fetch(work_for(item))
    assert not ImportRun.objects.exists()


@pytest.mark.django_db
def test_each_connection_is_asked_for_once_a_day(provider: dict[str, Any]) -> None:
    connection = make_connection()
    asked = request_due_fetches(at=START)
    assert [item.payload["start"] for item in asked] == [
        str(TODAY - days * DAY) for days in (90, 59, 28)
    ]
    for item in asked:
        run_fetch(work_for(item))
    assert request_due_fetches(at=START + dt.timedelta(hours=1)) == []
    ImportRun.objects.update(status=RunStatus.REFUSED)
    again = request_due_fetches(at=START + dt.timedelta(hours=21))
    assert again[0].payload["start"] == str(TODAY - 90 * DAY)  # nothing was taken yet
    ImportRun.objects.update(status=RunStatus.APPLIED)
    later = request_due_fetches(at=START + dt.timedelta(days=1))
    assert [item.payload["start"] for item in later] == [str(TODAY - 2 * DAY)]
    connection.is_active = False
    connection.save()
    assert request_due_fetches(at=START + dt.timedelta(days=3)) == []


@pytest.mark.django_db
def test_what_is_not_fetched_is_not_asked_for() -> None:
    make_connection()
    assert import_sources.get("focus").fetch is None
    assert request_due_fetches(at=START) == []


def _end(item: WorkItem, status: RunStatus) -> None:
    run_fetch(work_for(item))
    ImportRun.objects.filter(pk=ImportRun.objects.latest("pk").pk).update(status=status)


@pytest.mark.django_db
def test_a_window_that_failed_between_others_is_fetched_again(provider: dict[str, Any]) -> None:
    """Windows are fetched side by side: what lies behind a gap does not hide it."""
    make_connection()
    early, failed, late = request_due_fetches(at=START)
    _end(early, RunStatus.APPLIED)
    _end(late, RunStatus.APPLIED)
    again = request_due_fetches(at=START + dt.timedelta(days=1))
    assert again[0].payload["start"] == failed.payload["start"]
    _end(again[0], RunStatus.HELD)  # it is here, and a person decides
    later = request_due_fetches(at=START + dt.timedelta(days=2))
    assert later[0].payload["start"] == str(TODAY - DAY)


@pytest.mark.django_db
def test_what_a_person_asked_for_does_not_stand_for_the_daily_fetch(
    provider: dict[str, Any],
) -> None:
    connection = make_connection()
    items = request_fetch_of_days(
        connection=connection,
        start=TODAY - 70 * DAY,
        end=TODAY + 5 * DAY,
        actor=make_person("fin"),
        at=START,
    )
    days = [(item.payload["start"], item.payload["end"]) for item in items]
    assert [end for _, end in days[:-1]] == [start for start, _ in days[1:]]
    assert (len(days), days[0][0], days[-1][1]) == (3, str(TODAY - 70 * DAY), str(TODAY))
    for item in items:
        _end(item, RunStatus.APPLIED)
    assert {run.requested_by.username for run in ImportRun.objects.all() if run.requested_by} == {
        "fin"
    }
    assert len(request_due_fetches(at=START)) == 3
    with pytest.raises(WorkRefusedError, match="no whole day"):
        request_fetch_of_days(
            connection=connection, start=TODAY, end=TODAY + DAY, actor=None, at=START
        )


@pytest.mark.django_db
def test_only_days_that_the_provider_calls_complete_are_taken(provider: dict[str, Any]) -> None:
    window = FetchWindow(TODAY - 3 * DAY, TODAY)
    connection = make_connection()
    provider["whole_to"] = TODAY - DAY
    run_fetch(work_for(request_fetch(connection=connection, window=window, actor=None, at=START)))
    assert ImportRun.objects.get().window_end == TODAY - DAY
    provider["whole_to"] = TODAY - 3 * DAY
    item = request_fetch(connection=connection, window=window, actor=None, at=START)
    assert execute_item(item.pk, clock=lambda: START) == Outcome.FAILED
    item.refresh_from_db()
    assert (item.status, item.attempt) == ("queued", 0)
    assert item.not_before == START + dt.timedelta(hours=4)
    assert ImportRun.objects.count() == 1


@pytest.mark.django_db
def test_being_told_to_wait_costs_no_attempt_for_a_day(provider: dict[str, Any]) -> None:
    provider["answers"]["/b"] = SourceBusyError("api.example answered 429", retry_after=900)
    window = FetchWindow(TODAY - DAY, TODAY)
    item = request_fetch(connection=make_connection(), window=window, actor=None, at=START)
    now = START
    for _ in range(6):
        assert execute_item(item.pk, clock=lambda: now) == Outcome.FAILED  # noqa: B023
        item.refresh_from_db()
        assert (item.status, item.attempt, item.problem) == (
            "queued",
            0,
            "api.example answered 429",
        )
        assert item.not_before == now + dt.timedelta(minutes=15)
        now = item.not_before
    now = START + dt.timedelta(days=2)
    for _ in range(3):
        execute_item(item.pk, clock=lambda: now)  # noqa: B023
        now += dt.timedelta(hours=1)
    item.refresh_from_db()
    assert item.status == "held"
    assert "answered 429" in item.problem


@pytest.mark.django_db
def test_a_provider_that_is_down_costs_attempts_and_is_named(provider: dict[str, Any]) -> None:
    provider["answers"]["/b"] = SourceUnavailableError("api.example answered 503")
    window = FetchWindow(TODAY - DAY, TODAY)
    item = request_fetch(connection=make_connection(), window=window, actor=None, at=START)
    for hour in range(3):
        execute_item(item.pk, clock=lambda: START + dt.timedelta(hours=hour))  # noqa: B023
    item.refresh_from_db()
    assert item.status == "held"
    assert item.problem == "Given up after 3 attempts. The last: api.example answered 503"


@pytest.mark.django_db
def test_days_that_the_provider_no_longer_has_stay_a_gap_that_is_seen(
    provider: dict[str, Any],
) -> None:
    """Row 42: nothing was fetched for 200 days, and the provider keeps the last hundred."""
    connection = make_connection(slug="old")
    long_after = START + dt.timedelta(days=200)
    for item in request_due_fetches(at=START):
        _end(item, RunStatus.APPLIED)
    asked = request_due_fetches(at=long_after)
    starts = [item.payload["start"] for item in asked]
    assert starts[0] <= str(TODAY)
    assert starts[1:] == [item.payload["end"] for item in asked[:-1]]
    for item in asked:
        is_kept = item.payload["start"] >= str(long_after.date() - 100 * DAY)
        told = {"n": 1} if is_kept else ImportRefusedError("bad_status", "answered 400")
        provider["answers"]["/b"] = told
        execute_item(item.pk, clock=lambda: long_after)
    ImportRun.objects.update(status=RunStatus.APPLIED)
    lost = WorkItem.objects.filter(status="failed")
    assert [each.problem for each in lost] == ["answered 400 [bad_status]"] * 4
    again = request_due_fetches(at=long_after + dt.timedelta(days=1))
    assert again[0].payload["start"] == starts[0]
    assert connection.runs.filter(window_end=long_after.date()).exists()
