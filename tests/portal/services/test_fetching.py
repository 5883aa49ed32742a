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
from portal.imports.fetching import FetchWindow, due_windows, spool_line
from portal.imports.files import landed_path
from portal.imports.registry import import_sources
from portal.models import ImportRun, WorkItem
from portal.services import fetching
from portal.services.fetching import FETCH_KIND, request_due_fetches, request_fetch, run_fetch
from portal.work.registry import Work, WorkRefusedError
from tests.imports import START, make_connection

TODAY = START.date()
DAY = dt.timedelta(days=1)


def spec(fetch: Callable[[FetchJob], None] = lambda job: None, **fields: Any) -> FetchSpec:
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
    def asking(spec: Any, config: Any, secret: Any, spool: BinaryIO) -> Iterator[Any]:
        def ask(endpoint: str, path: str, params: Sequence[tuple[str, str]] = ()) -> Any:
            answer = state["answers"][path]
            if isinstance(answer, Exception):
                raise answer
            spool.write(spool_line(endpoint, json.dumps(answer).encode()))
            return answer

        yield ask

    def fetch(job: FetchJob) -> None:
        state["job"] = job
        for path in state["answers"]:
            job.ask(path.strip("/"), path)

    known = import_sources.get("focus")
    fetched = dataclasses.replace(known, fetch=spec(fetch))
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
        (SourceUnavailableError("answered 500"), SourceUnavailableError),
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
    assert again[0].payload["start"] == str(TODAY - 89 * DAY)  # nothing was taken yet
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
