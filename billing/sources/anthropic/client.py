"""Asking Anthropic: every page of a report, days whole, sums checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from billing.sources.anthropic.rows import (
    CLAUDE_CODE,
    CONTROL,
    amount_of,
    bucket_start,
    is_flat,
    rows_in,
    watermark_of,
)
from billing.sources.buckets import (
    DAY,
    Params,
    add_up,
    check_days,
    check_rows,
    check_totals,
    next_id,
    read_report,
    rows_of,
    utc_midnight,
)
from billing.sources.lines import BadValueError
from billing.sources.pages import raw_text
from portal.imports.contracts import FetchJob, ImportRefusedError, every_page

ORGANIZATION = "/v1/organizations"
VERSION = "2023-06-01"
DIRECTORY = "workspaces"
BETA = "analytics-usage-cost-2026-08-24"

COST_GROUPS = {
    "cost_report": ("workspace_id", "description"),
    "analytics/cost_report": ("product", "model", "cost_type", "token_type"),
    "analytics/cost": ("workspace_id", "api_key_id", "product", "model", "cost_type", "token_type"),
}
USAGE_GROUPS = {
    "usage_report/messages": ("workspace_id", "api_key_id", "model", "service_tier"),
    "analytics/usage_report": ("product", "model"),
    "analytics/usage": ("workspace_id", "api_key_id", "product", "model"),
}
REPORTS = {
    "admin": ("cost_report", "usage_report/messages"),
    "enterprise": ("analytics/cost_report", "analytics/usage_report"),
    "analytics": ("analytics/cost", "analytics/usage"),
}


def headers(secret: Any) -> dict[str, Any]:
    """What goes with each request to the documented APIs."""
    return {"x-api-key": secret, "anthropic-version": VERSION}


def beta_headers(secret: Any) -> dict[str, Any]:
    """The same with the word that the beta wants on every request."""
    return {**headers(secret), "anthropic-beta": BETA}


def varies(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """How often which days are read again, by report: see docs/sources/anthropic.md."""
    report = config.get("report", "admin")
    if report == "enterprise":
        return {"reread_days": 31, "weekly_days": 0}
    if report == "analytics":
        return {"reread_days": 31, "weekly_days": 0, "settles_days": 1, "headers": beta_headers}
    if report == "claude-code":
        return {"weekly_days": 7}
    return {}


def fetch(job: FetchJob) -> date | None:
    """Every page of what the connection reads; the day before which it is complete, if told.

    Raises:
        SourceUnavailableError: a page was lost, repeated or leads in a circle, a day is missing, or
            the lines do not add up to the total.
        ImportRefusedError: the answer is not as documented.
    """
    try:
        return _fetch(job, job.config["report"])
    except BadValueError as error:
        raise ImportRefusedError(
            error.code,
            "the provider's answer cannot be read",
            column=error.field,
            value=error.value,
            expected=error.expected,
        ) from error


def _fetch(job: FetchJob, report: str) -> date | None:
    if report == "claude-code":
        _fetch_claude_code(job)
        return None
    if job.config["with_names"] and report != "enterprise":
        _fetch_workspaces(job)
    cost, usage = REPORTS[report]
    whole_to = [_fetch_costs(job, cost)]
    if job.config["with_usage"]:
        params = [*_window(job, usage), *_groups(USAGE_GROUPS[usage])]
        whole_to.append(_check(job, usage, list(_pages(job, usage, params, spooled_as=usage))))
    return min(whole_to)


def probe(job: FetchJob) -> None:
    """The first page of a day."""
    if job.config["report"] == "claude-code":
        rows_of(job.ask("probe", *_claude_code_request(job.start)))
        return
    name = REPORTS[job.config["report"]][0]
    rows_of(job.ask("probe", f"{ORGANIZATION}/{name}", _window(job, name)))


def _window(job: FetchJob, name: str) -> list[tuple[str, str]]:
    days = [("starting_at", _moment(job.start)), ("ending_at", _moment(job.end))]
    if is_flat(name):
        return [*days, ("time_bucket_width", "1d")]
    return [*days, ("bucket_width", "1d"), ("limit", "31")]


def _moment(day: date) -> str:
    return utc_midnight(day).strftime("%Y-%m-%dT%H:%M:%SZ")


def _groups(names: tuple[str, ...]) -> list[tuple[str, str]]:
    return [("group_by[]", name) for name in names]


def _pages(job: FetchJob, name: str, params: Params, *, spooled_as: str) -> Iterator[Any]:
    path = f"{ORGANIZATION}/{name}"
    return read_report(lambda sent: job.ask(spooled_as, path, sent), params)


def _fetch_costs(job: FetchJob, name: str) -> date:
    window = _window(job, name)
    grouped = [*window, *_groups(COST_GROUPS[name])]
    pages = list(_pages(job, name, grouped, spooled_as=name))
    end = _check(job, name, pages)
    if job.config["check_totals"]:
        control = list(_pages(job, name, window, spooled_as=f"{name}{CONTROL}"))
        end = min(end, _check(job, name, control))
        # With an amount that cannot be read there is no sum: the reader names it, and the import
        # is refused with the row in quarantine.
        with suppress(BadValueError):
            lines = _sums(job.start, end, pages)
            check_totals(lines, _sums(job.start, end, control))
    return end


def _check(job: FetchJob, name: str, pages: list[Any]) -> date:
    """See that nothing is missing or twice; returns the day before which it is complete."""
    marks = [mark.date() for page in pages if (mark := watermark_of(page)) is not None]
    end = min([job.end, *marks])
    rows = [row for page in pages for row in rows_of(page)]
    if is_flat(name):
        check_rows(rows, name_of=lambda row: (row.get("starting_at"), row.get("group")))
    else:
        check_days(rows, start_of=bucket_start, start=job.start, end=end)
    return end


def _sums(start: date, end: date, pages: list[Any]) -> dict[date, Decimal]:
    """What the pages say was spent, by day, in US dollars."""
    return add_up(
        (begins.date(), amount_of(row))
        for page in pages
        for begins, _, row in rows_in(page)
        if start <= begins.date() < end
    )


def _fetch_workspaces(job: FetchJob) -> None:
    """The directory, whose cursor is the last id."""

    def ask(more: Params) -> Any:
        params = [("limit", "1000"), ("include_archived", "true"), *more]
        return job.ask(DIRECTORY, f"{ORGANIZATION}/{DIRECTORY}", params)

    for page in every_page(ask, next_of=next_id, parameter="after_id"):
        rows_of(page)


def _claude_code_request(day: date) -> tuple[str, list[tuple[str, str]]]:
    path = f"{ORGANIZATION}/{CLAUDE_CODE}"
    return path, [("starting_at", day.isoformat()), ("limit", "1000")]


def _fetch_claude_code(job: FetchJob) -> None:
    """One UTC day a request."""
    day = job.start
    while day < job.end:
        path, params = _claude_code_request(day)
        ask = partial(job.ask, CLAUDE_CODE, path)
        # One page may hold a row twice, and the reader counts it once. One that brings rows of an
        # earlier page stands in the place of another, which is lost.
        pages = [set(map(raw_text, rows_of(page))) for page in read_report(ask, params)]
        check_rows((row for page in pages for row in page), name_of=str)
        day += DAY
