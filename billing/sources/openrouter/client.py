"""Asking OpenRouter: the activity of the last 30 completed days in one answer, workspaces' names,
and the sums that keys and credits say themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from billing.sources.openrouter.config import OpenRouterConfig
from portal.imports.contracts import (
    FetchJob,
    FetchSpec,
    ImportRefusedError,
    SourceUnavailableError,
)

ACTIVITY = "activity"
WORKSPACES = "workspaces"
CREDITS = "credits"
KEYS = "keys:"  # and the running day, which the keys' sums of the month include
MOST_PAGES = 1_000
HISTORY_DAYS = 30


def headers(secret: Any) -> Mapping[str, str | SecretStr]:
    """What goes with each request."""
    return {"Authorization": SecretStr(f"Bearer {secret.get_secret_value()}")}


def origin(config: Mapping[str, Any]) -> str:
    """Scheme and host that are asked."""
    return OpenRouterConfig.model_validate(config).base_url


def fetch(job: FetchJob) -> None:
    """One answer has all days that OpenRouter still knows; what lies outside the window is left.

    Raises:
        ImportRefusedError: the window begins before what is known, or an answer has another form.
        SourceUnavailableError: the list of keys has no end.
    """
    if OpenRouterConfig.model_validate(job.config).dataset != ACTIVITY:
        raise ImportRefusedError(
            "not_fetched", "this connection takes purchases, which are uploaded and not fetched"
        )
    oldest = None if job.today is None else job.today - timedelta(days=HISTORY_DAYS)
    if oldest is not None and job.start < oldest:
        raise ImportRefusedError(
            "history_lost",
            f"OpenRouter keeps the activity of {HISTORY_DAYS} days, from {oldest} on; the window "
            f"begins on {job.start}, and a day that is gone would be taken for empty",
            expected=f"a fetch that begins on {oldest} or later",
        )
    _rows(job.ask(WORKSPACES, "/api/v1/workspaces"))
    _rows(job.ask(ACTIVITY, "/api/v1/activity", [("group_by", "workspace")]))
    if job.is_newest:
        job.ask(CREDITS, "/api/v1/credits")
        _fetch_keys(job)


def probe(job: FetchJob) -> None:
    """Ask for the credits, which only a management key may read."""
    job.ask(CREDITS, "/api/v1/credits")


def _fetch_keys(job: FetchJob) -> None:
    seen: set[str] = set()
    for _ in range(MOST_PAGES):
        params = [("include_disabled", "true"), ("offset", str(len(seen)))]
        keys = _rows(job.ask(f"{KEYS}{job.end}", "/api/v1/keys", params))
        names = {str(key.get("hash")) for key in keys if isinstance(key, dict)}
        if not names:
            return
        if len(names) != len(keys) or names & seen:
            raise SourceUnavailableError(
                "OpenRouter lists a key twice: the list is not whole, so nothing is taken"
            )
        seen |= names
    raise SourceUnavailableError("OpenRouter's list of keys has no end")


def _rows(answer: Any) -> list[Any]:
    rows = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise ImportRefusedError("unknown_answer", "OpenRouter answered without data")
    return rows


FETCH = FetchSpec(
    origin=origin,
    headers=headers,
    fetch=fetch,
    probe=probe,
    reread_days=3,
    # At midnight UTC the oldest day is gone: one that is stored is not asked for so late.
    weekly_days=HISTORY_DAYS - 1,
    history_days=HISTORY_DAYS,
)
