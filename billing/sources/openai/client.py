"""Asking OpenAI: every page of costs and usage, days whole, sums checked, broken down as asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import SecretStr

from billing.sources.buckets import (
    Params,
    Row,
    add_up,
    check_days,
    check_totals,
    next_id,
    read_report,
    rows_of,
    utc_midnight,
)
from billing.sources.lines import BadValueError
from billing.sources.openai.rows import (
    CONTROL,
    COSTS,
    KEYS,
    PROJECTS,
    USAGE,
    USERS,
    amount_of,
    bucket_period,
    rows_in,
)
from portal.imports.contracts import FetchJob, ImportRefusedError, every_page

ORGANIZATION = "/organization"
COST_GROUPS = ("project_id", "line_item", "api_key_id")
_BY_MODEL = ("project_id", "api_key_id", "model")
USAGE_GROUPS = {
    "completions": (*_BY_MODEL, "batch", "service_tier"),
    "embeddings": _BY_MODEL,
    "moderations": _BY_MODEL,
    "images": _BY_MODEL,
    "audio_speeches": _BY_MODEL,
    "audio_transcriptions": _BY_MODEL,
    "vector_stores": ("project_id",),
    "code_interpreter_sessions": ("project_id",),
    "file_search_calls": ("project_id",),
    "web_search_calls": ("project_id",),
}


def headers(secret: SecretStr) -> Mapping[str, SecretStr]:
    """What goes with each request."""
    return {"Authorization": SecretStr(f"Bearer {secret.get_secret_value()}")}


def fetch(job: FetchJob) -> None:
    """Every page of costs, usage, names and, where they are wanted, owners.

    Raises:
        SourceUnavailableError: a page was lost, repeated or leads in a circle, a day is missing, or
            the lines do not add up to the total.
        ImportRefusedError: the answer is not as documented, or not broken down as asked.
    """
    try:
        projects = _fetch_costs(job)
        if job.config["with_names"]:
            _fetch_list(job, PROJECTS, f"{ORGANIZATION}/projects", [("include_archived", "true")])
        if job.config["with_names"] or job.config.get("with_owners"):
            _fetch_keys(job, projects)
        if job.config.get("with_owners"):
            _fetch_list(job, USERS, f"{ORGANIZATION}/users", ())
        if job.config["with_usage"]:
            for name, groups in USAGE_GROUPS.items():
                _whole(job, list(_pages(job, f"{USAGE}{name}", groups, limit=31)))
    except BadValueError as error:
        raise ImportRefusedError(
            error.code,
            "the provider's answer cannot be read",
            column=error.field,
            value=error.value,
            expected=error.expected,
        ) from error


def probe(job: FetchJob) -> None:
    """The costs of a day."""
    rows_of(job.ask("probe", f"{ORGANIZATION}/{COSTS}", _window(job, limit=1)))


def _window(job: FetchJob, *, limit: int) -> list[tuple[str, str]]:
    return [
        ("start_time", str(int(utc_midnight(job.start).timestamp()))),
        ("end_time", str(int(utc_midnight(job.end).timestamp()))),
        ("bucket_width", "1d"),
        ("limit", str(limit)),
    ]


def _pages(
    job: FetchJob, name: str, groups: tuple[str, ...], *, limit: int, spooled_as: str = ""
) -> Iterator[Any]:
    key = "group_by[]" if job.config["array_syntax"] == "brackets" else "group_by"
    params = [*_window(job, limit=limit), *((key, group) for group in groups)]
    path = f"{ORGANIZATION}/{name}"
    return read_report(lambda sent: job.ask(spooled_as or name, path, sent), params)


def _whole(job: FetchJob, pages: list[Any]) -> list[Any]:
    buckets = [bucket for page in pages for bucket in rows_of(page)]
    check_days(buckets, start_of=_start_of, start=job.start, end=job.end)
    return pages


def _start_of(bucket: Row) -> Any:
    return bucket_period(bucket)[0]


def _fetch_costs(job: FetchJob) -> list[str]:
    """Costs by project, line item and key; returns the projects in them."""
    pages = _whole(job, list(_pages(job, COSTS, COST_GROUPS, limit=180)))
    rows = [row for page in pages for _, row in rows_in(page)]
    # With an amount that cannot be read there is no sum: the reader names it, and the import is
    # refused with the row in quarantine.
    with suppress(BadValueError):
        _check_groups(rows)
        if job.config["check_totals"]:
            control = list(_pages(job, COSTS, (), limit=180, spooled_as=f"{COSTS}{CONTROL}"))
            check_totals(_sums(job, pages), _sums(job, _whole(job, control)))
    return sorted({str(row["project_id"]) for row in rows if row.get("project_id")})


def _check_groups(rows: list[dict[str, Any]]) -> None:
    if any(row.get("line_item") for row in rows) or not any(amount_of(row)[0] for row in rows):
        return
    raise ImportRefusedError(
        "not_broken_down",
        "the provider answers without line items although it was asked for them",
        expected="the other setting of “Lists in requests” on the page of the connection",
    )


def _sums(job: FetchJob, pages: list[Any]) -> dict[date, Decimal]:
    return add_up(
        (start.date(), amount_of(row)[0])
        for page in pages
        for start, row in rows_in(page)
        if job.start <= start.date() < job.end
    )


def _fetch_keys(job: FetchJob, projects: list[str]) -> None:
    """The keys of the projects that cost something, those of people who left included."""
    for project in projects:
        path = f"{ORGANIZATION}/projects/{project}/api_keys"
        _fetch_list(job, KEYS, path, [("owner_project_access", "any")])


def _fetch_list(job: FetchJob, name: str, path: str, params: Params) -> None:
    for page in every_page(
        lambda more: job.ask(name, path, [("limit", "100"), *params, *more]),
        next_of=next_id,
        parameter="after",
    ):
        rows_of(page)
