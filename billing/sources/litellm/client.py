"""Asking a LiteLLM proxy, page by page. What was said to a model never reaches the spool."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from billing.sources.lines import canonical
from billing.sources.litellm.config import AskedProxy
from portal.imports.contracts import (
    FetchJob,
    FetchSpec,
    ImportRefusedError,
    SourceUnavailableError,
)

LOGS = "spend_logs"
ACTIVITY = "daily_activity"
LOGS_A_PAGE = 100
ROWS_A_PAGE = 1000
MOST_PAGES = 10_000
SHORTEST = timedelta(minutes=1)
CONTENT = ("messages", "response", "proxy_server_request")  # prompts and answers
KEPT = (
    *("request_id", "call_type", "api_key", "spend", "startTime", "endTime", "status"),
    *("prompt_tokens", "completion_tokens", "total_tokens", "model", "model_group"),
    *("custom_llm_provider", "request_tags", "team_id"),
)
KEPT_METADATA = (
    *("user_api_key_user_id", "user_api_key_team_id", "user_api_key_team_alias"),
    *("user_api_key_alias", "usage_object"),
)


def headers(secret: Any) -> Mapping[str, str | SecretStr]:
    """What goes with each request."""
    return {"Authorization": SecretStr(f"Bearer {secret.get_secret_value()}")}


def origin(config: Mapping[str, Any]) -> str:
    """Scheme and host that are asked."""
    return AskedProxy.model_validate(config).base_url


def redact(answer: Any) -> Any:
    """An answer with nothing of a call but what is read: no prompt, no answer, no address."""
    if isinstance(answer, list):
        return [redact(item) for item in answer]
    if not isinstance(answer, dict):
        return answer
    if "request_id" not in answer:
        return {key: redact(value) for key, value in answer.items()}
    kept = {key: answer[key] for key in KEPT if key in answer}
    about = answer.get("metadata")
    if isinstance(about, dict):
        kept["metadata"] = {key: about[key] for key in KEPT_METADATA if key in about}
    return kept


def fetch(job: FetchJob) -> None:
    """Every call, or every day, of the window.

    Raises:
        ImportRefusedError: an answer has another form.
        SourceUnavailableError: the pages do not add up.
    """
    if AskedProxy.model_validate(job.config).dataset == ACTIVITY:
        _fetch_activity(job)
        return
    day = job.start
    while day < job.end:
        _fetch_logs(job, _midnight(day), _midnight(day + timedelta(days=1)))
        day += timedelta(days=1)


def probe(job: FetchJob) -> None:
    """Ask for one row."""
    if AskedProxy.model_validate(job.config).dataset == ACTIVITY:
        _ask_activity(job, 1, 1)
    else:
        _ask_logs(job, _midnight(job.start), _midnight(job.end), 1, 1)


def _fetch_logs(job: FetchJob, start: datetime, end: datetime) -> None:
    """The calls of a range. The proxy stops counting somewhere (`total_is_capped`); a range that
    reaches there is asked in halves."""
    seen, page, pages, total = set[str](), 1, 1, 0
    while page <= pages:
        answer = _ask_logs(job, start, end, page, LOGS_A_PAGE)
        if answer.get("total_is_capped") is True:
            _fetch_halves(job, start, end)
            return
        seen.update(names_of(answer["data"]))
        pages, total = int(answer.get("total_pages") or 0), int(answer.get("total") or 0)
        if pages > MOST_PAGES:
            raise SourceUnavailableError(f"the proxy gives more than {MOST_PAGES} pages")
        page += 1
    if len(seen) != total:
        raise SourceUnavailableError(
            f"the proxy speaks of {total} calls from {start} to {end} and lists {len(seen)}: the "
            "answer is not whole, so nothing is taken"
        )


def names_of(rows: list[Any]) -> set[str]:
    """What calls are told apart by. Pages are cut by place, so a call that is logged between two of
    them pushes one onto the next page again and another out of sight: the count alone is right."""
    return {
        str(row.get("request_id") or canonical(row)) if isinstance(row, dict) else repr(row)
        for row in rows
    }


def _fetch_halves(job: FetchJob, start: datetime, end: datetime) -> None:
    if end - start <= SHORTEST:
        raise SourceUnavailableError(
            f"the proxy does not list every call from {start} to {end}: fetch daily activity"
        )
    middle = start + timedelta(seconds=int((end - start).total_seconds()) // 2)
    _fetch_logs(job, start, middle)
    _fetch_logs(job, middle, end)


def _ask_logs(job: FetchJob, start: datetime, end: datetime, page: int, size: int) -> Any:
    params = [
        ("start_date", start.strftime("%Y-%m-%d %H:%M:%S")),
        ("end_date", end.strftime("%Y-%m-%d %H:%M:%S")),
        ("page", str(page)),
        ("page_size", str(size)),
    ]
    return _with_list(job.ask(LOGS, "/spend/logs/v2", params), "data")


def _fetch_activity(job: FetchJob) -> None:
    """All pages; the rows of one day may be spread over several, and none comes again."""
    known = set[str]()
    for page in range(1, MOST_PAGES + 1):
        answer = _ask_activity(job, page, ROWS_A_PAGE)
        about = answer.get("metadata")
        if not isinstance(about, dict) or about.get("page") != page:
            raise SourceUnavailableError(f"the proxy did not answer page {page} when asked for it")
        rows = [canonical({"row": row}) for row in answer["results"]]
        if not known.isdisjoint(rows):
            raise SourceUnavailableError(
                f"page {page} brings rows of an earlier page again: another may be lost, so "
                "nothing is taken"
            )
        known.update(rows)
        if about.get("has_more") is not True:
            if page < int(about.get("total_pages") or 0):
                raise SourceUnavailableError("the proxy ends before its last page")
            return
    raise SourceUnavailableError(f"the proxy gives more than {MOST_PAGES} pages")


def _ask_activity(job: FetchJob, page: int, size: int) -> Any:
    params = [
        ("start_date", job.start.isoformat()),
        ("end_date", (job.end - timedelta(days=1)).isoformat()),  # inclusive
        ("page", str(page)),
        ("page_size", str(size)),
    ]
    return _with_list(job.ask(ACTIVITY, "/user/daily/activity", params), "results")


def _with_list(answer: Any, key: str) -> Any:
    if not isinstance(answer, dict) or not isinstance(answer.get(key), list):
        raise ImportRefusedError(
            "unknown_answer", f"the proxy answered without {key}: it may be an older version"
        )
    return answer


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


FETCH = FetchSpec(
    origin=origin,
    headers=headers,
    fetch=fetch,
    probe=probe,
    reread_days=2,
    redact=redact,
)
