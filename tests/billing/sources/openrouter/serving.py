"""OpenRouter over a list of true rows of activity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any


def row(
    date: str, usage: float = 0.015, *, endpoint: str = "e-1", **changes: Any
) -> dict[str, Any]:
    """A true row: a day of an endpoint."""
    return {
        "date": date,
        "model": "openai/gpt-example",
        "model_permaslug": "openai/gpt-example-2026-01-01",
        "endpoint_id": endpoint,
        "provider_name": "OpenAI",
        "usage": usage,
        "byok_usage_inference": 0,
        "requests": 5,
        "prompt_tokens": 50,
        "completion_tokens": 125,
        "reasoning_tokens": 25,
        "workspace_id": "w-1",
        **changes,
    }


class OpenRouter:
    """Answers activity, workspaces, credits and keys.

    Attributes:
        rows: all rows; those of `today` count in the keys only.
        today: the running day, as text.
        page_size: keys a page.
        missing: what the keys have used this month beyond the rows.
    """

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        today: str,
        *,
        page_size: int = 100,
        missing: float = 0,
    ) -> None:
        self.rows = rows
        self.today = today
        self.page_size = page_size
        self.missing = missing

    def __call__(self, path: str, query: Mapping[str, str], body: Mapping[str, Any]) -> Any:
        return getattr(self, "_" + path.rpartition("/")[2])(query)

    def _activity(self, query: Mapping[str, str]) -> Any:
        return {"data": [each for each in self.rows if each["date"] < self.today]}

    def _workspaces(self, query: Mapping[str, str]) -> Any:
        data = [{"id": "w-1", "name": "Production", "slug": "production"}]
        return {"data": data, "total_count": 1}

    def _credits(self, query: Mapping[str, str]) -> Any:
        return {"data": {"total_credits": 100.5, "total_usage": float(self._sum(self.rows))}}

    def _keys(self, query: Mapping[str, str]) -> Any:
        """A key for each endpoint."""
        names = sorted({each["endpoint_id"] for each in self.rows})
        keys = [self._key(name) for name in names]
        if keys:
            keys[0]["usage_monthly"] += self.missing
        start = int(query["offset"])
        return {"data": keys[start : start + self.page_size]}

    def _key(self, name: str) -> dict[str, Any]:
        own = [each for each in self.rows if each["endpoint_id"] == name]
        month = [each for each in own if each["date"].startswith(self.today[:7])]
        return {
            "hash": f"hash-{name}",
            "name": name,
            "label": f"sk-…{name}",
            "usage": float(self._sum(own)),
            "usage_monthly": float(self._sum(month)),
            "usage_daily": float(self._sum([e for e in month if e["date"] == self.today])),
        }

    def _sum(self, rows: Sequence[Mapping[str, Any]]) -> Decimal:
        return sum((Decimal(repr(each["usage"])) for each in rows), Decimal(0))
