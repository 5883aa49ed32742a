"""A LiteLLM proxy over a list of true calls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any


def call(number: int, at: str, *, spend: float = 0.0125, **changes: Any) -> dict[str, Any]:
    """A true row: a call that started at a moment such as `2026-09-03T10:15:00+00:00`."""
    return {
        "request_id": f"req-{number}",
        "call_type": "acompletion",
        "api_key": "hash-of-key",
        "spend": spend,
        "prompt_tokens": 1000,
        "completion_tokens": 200,
        "total_tokens": 1200,
        "startTime": at,
        "endTime": at,
        "model": "gpt-example",
        "model_group": "default",
        "custom_llm_provider": "openai",
        "user": "whoever-the-caller-says",
        "end_user": "a-customer",
        "requester_ip_address": "192.0.2.7",
        "team_id": "team-1",
        "request_tags": ["use-case:faq", "nightly"],
        "status": "success",
        "messages": {},
        "response": {},
        "metadata": {
            "user_api_key_user_id": "owner-of-the-key",
            "user_api_key_team_alias": "Support",
            "user_api_key_alias": "faq-bot",
            "usage_object": {
                "cache_creation_input_tokens": 100,
                "prompt_tokens_details": {"cached_tokens": 300},
            },
        },
        **changes,
    }


class Proxy:
    """Answers /spend/logs/v2 and /user/daily/activity.

    Attributes:
        calls: all calls.
        page_size: rows a page, instead of what is asked for.
        cap: how many calls of a range are counted; None for all.
    """

    def __init__(
        self,
        calls: Sequence[Mapping[str, Any]],
        *,
        page_size: int | None = None,
        cap: int | None = None,
    ) -> None:
        self.calls = calls
        self.page_size = page_size
        self.cap = cap

    def __call__(self, path: str, query: Mapping[str, str], body: Mapping[str, Any]) -> Any:
        page, size = int(query["page"]), self.page_size or int(query["page_size"])
        if path == "/spend/logs/v2":
            return self._logs(query, page, size)
        return self._activity(query, page, size)

    def _logs(self, query: Mapping[str, str], page: int, size: int) -> Any:
        start, end = (_moment(query[name]) for name in ("start_date", "end_date"))
        rows = [c for c in self.calls if start <= dt.datetime.fromisoformat(c["startTime"]) <= end]
        is_capped = self.cap is not None and len(rows) > self.cap
        rows = rows[: self.cap] if is_capped else rows
        return {
            "data": rows[(page - 1) * size : page * size],
            "total": len(rows),
            "page": page,
            "page_size": size,
            "total_pages": -(-len(rows) // size),
            "total_is_capped": is_capped,
        }

    def _activity(self, query: Mapping[str, str], page: int, size: int) -> Any:
        cells = self._cells(query["start_date"], query["end_date"])
        pages = max(1, -(-len(cells) // size))
        part = cells[(page - 1) * size : page * size]
        return {
            "results": days_of(part),
            "metadata": {"page": page, "total_pages": pages, "has_more": page < pages},
        }

    def _cells(self, start: str, end: str) -> list[dict[str, Any]]:
        """Rows of the daily table: day, model and key."""
        found: dict[tuple[str, str, str], dict[str, Any]] = {}
        for each in self.calls:
            day = each["startTime"][:10]
            if not start <= day <= end:
                continue
            key = (day, each["model"], each["api_key"])
            cell = found.setdefault(
                key, {"key": key, "team_id": each["team_id"], "spend": Decimal(0), "calls": 0}
            )
            cell["spend"] += Decimal(repr(each["spend"]))
            cell["calls"] += 1
        return list(found.values())


def days_of(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Cells as the proxy shows them: by day, each day cut in several ways."""
    days: dict[str, dict[str, Any]] = {}
    for cell in cells:
        day, model, key = cell["key"]
        result = days.setdefault(
            day,
            {
                "date": day,
                "metrics": metrics(Decimal(0), 0),
                "breakdown": {"models": {}, "providers": {}, "api_keys": {}, "entities": {}},
            },
        )
        part = metrics(cell["spend"], cell["calls"])
        models = result["breakdown"]["models"]
        at = models.setdefault(
            model, {"metrics": metrics(Decimal(0), 0), "metadata": {}, "api_key_breakdown": {}}
        )
        about = {"key_alias": "faq-bot", "team_id": cell["team_id"]}
        at["api_key_breakdown"][key] = {"metrics": part, "metadata": about}
        for whole in (at["metrics"], result["metrics"]):
            for name, value in part.items():
                whole[name] += value
        result["breakdown"]["providers"]["openai"] = {"metrics": dict(result["metrics"])}
    return list(days.values())


def metrics(spend: Decimal, calls: int) -> dict[str, Any]:
    """The numbers of so many calls."""
    return {
        "spend": spend,
        "prompt_tokens": 1000 * calls,
        "completion_tokens": 200 * calls,
        "cache_read_input_tokens": 300 * calls,
        "cache_creation_input_tokens": 100 * calls,
        "api_requests": calls,
        "successful_requests": calls,
        "failed_requests": 0,
    }


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
