"""Asking Cursor's Admin API: the cycle, then every event of the window.

Basic authentication with the key as user name; reading is by POST. Cursor allows 20 requests a
minute, so an initial fetch of a large team is slow; the engine waits as it is told to.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from billing.sources.cursor.config import CursorConfig
from billing.sources.pages import raw_text
from portal.imports.contracts import (
    FetchJob,
    FetchSpec,
    ImportRefusedError,
    SourceUnavailableError,
    raw_digest,
)

EVENTS = "events"
RUNNING = "events-of-the-running-day"  # counted against the control total, never imported
SPEND = "spend"  # the snapshot that is compared
AGAIN = "events-asked-for-again"  # to be compared, never imported
CYCLE = "cycle"  # the same answer where only the start of the cycle is needed
_EVENTS_PATH = "/teams/filtered-usage-events"
PAGE_SIZE = 100
MOST_PAGES = 10_000
DAYS_A_REQUEST = 15  # a range is bounded: 30 days for daily data


def headers(secret: Any) -> Mapping[str, str | SecretStr]:
    """Basic authentication: the key as user name, no password."""
    pair = f"{secret.get_secret_value()}:".encode()
    return {"Authorization": SecretStr(f"Basic {base64.b64encode(pair).decode()}")}


def origin(config: Mapping[str, Any]) -> str:
    """Scheme and host that are asked."""
    return CursorConfig.model_validate(config).base_url


def fetch(job: FetchJob) -> None:
    """The spend of the cycle, the events of the window and, for the newest window, those of the
    running day: the spend counts them already.

    Raises:
        ImportRefusedError: an answer is none of these.
        SourceUnavailableError: the pages do not add up.
    """
    _fetch_spend(job)
    start = job.start
    while start < job.end:
        stop = min(job.end, start + timedelta(days=DAYS_A_REQUEST))
        _fetch_events(job, EVENTS, start, stop)
        start = stop
    if job.is_newest:
        _fetch_events(job, RUNNING, job.end, job.end + timedelta(days=1))


def probe(job: FetchJob) -> None:
    """Ask for one row of the spend."""
    job.ask(CYCLE, "/teams/spend", body={"page": 1, "pageSize": 1})


def _fetch_spend(job: FetchJob) -> None:
    endpoint = SPEND if job.is_newest else CYCLE
    seen, page = 0, 1
    while True:
        answer = job.ask(endpoint, "/teams/spend", body={"page": page, "pageSize": PAGE_SIZE})
        members = _list(answer, "teamMemberSpend")
        seen += len(members)
        if endpoint == CYCLE:
            return
        pages, total = answer.get("totalPages", 1), answer.get("totalMembers", seen)
        if page >= pages or page >= MOST_PAGES:
            break
        page += 1
    if seen != total:
        raise SourceUnavailableError(
            f"Cursor speaks of the spend of {total} members and lists {seen}: the answer is not "
            "whole, so nothing is taken"
        )


def _fetch_events(job: FetchJob, endpoint: str, start: date, stop: date) -> None:
    window = {"startDate": _milliseconds(start), "endDate": _milliseconds(stop)}
    seen, known = 0, set[str]()
    for page in range(1, MOST_PAGES + 1):
        asked = {**window, "page": page, "pageSize": PAGE_SIZE}
        answer = job.ask(endpoint, _EVENTS_PATH, body=asked)
        events = _list(answer, "usageEvents")
        if endpoint == EVENTS:
            _see_that_they_are_others(job, asked, events, known)
        seen += len(events)
        paging = answer.get("pagination")
        if not isinstance(paging, dict) or paging.get("currentPage") != page:
            raise SourceUnavailableError(f"Cursor did not answer page {page} when asked for it")
        if paging.get("hasNextPage") is not True:
            break
    else:
        raise SourceUnavailableError(f"Cursor gives more than {MOST_PAGES} pages")
    # On the running day events come in between two pages.
    total = answer.get("totalUsageEventsCount")
    if endpoint == EVENTS and seen != total:
        raise SourceUnavailableError(
            f"Cursor speaks of {total} events from {start} to {stop} and lists {seen}: the answer "
            "is not whole, so nothing is taken"
        )


def _see_that_they_are_others(
    job: FetchJob, asked: Mapping[str, Any], events: list[Any], known: set[str]
) -> None:
    """Events have no ids, and two that are equal are two. Several that all have their equals on one
    other page are that page again, in the place of one that is then lost: the count is right.

    Raises:
        SourceUnavailableError: they are, or a single one is another when it is asked for again.
    """
    name = _name_of(events)
    if not events or name not in known:
        known.add(name)
        return
    is_one = len(events) == 1 and all(
        _name_of(_list(job.ask(AGAIN, _EVENTS_PATH, body=asked), "usageEvents")) == name
        for _ in range(2)
    )
    if not is_one:
        raise SourceUnavailableError(
            f"Cursor gives the events of an earlier page again as page {asked['page']}: another "
            "one is missing, so nothing is taken"
        )


def _name_of(events: list[Any]) -> str:
    return raw_digest("\n".join(sorted(map(raw_text, events))))


def _list(answer: Any, key: str) -> list[Any]:
    rows = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise ImportRefusedError("unknown_answer", f"Cursor answered without {key}")
    return rows


def _milliseconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


# A cycle of 31 days is final two days after its end, and a Monday comes within six more. The rest
# is for a Monday that is made up for later in the week.
FETCH = FetchSpec(
    origin=origin, headers=headers, fetch=fetch, probe=probe, reread_days=3, weekly_days=42
)
