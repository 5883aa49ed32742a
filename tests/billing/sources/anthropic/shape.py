"""What Anthropic's organisation APIs answer, made from the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.billing.sources.fake_provider import DAY, Params, Spend

ORGANIZATION = "/v1/organizations"


def midnight(day: date) -> str:
    """As Anthropic writes it."""
    return f"{day}T00:00:00Z"


@dataclass
class AnthropicShape:
    """The three generations over one truth.

    Attributes:
        refreshed: what the analytics say about how far they are; None says nothing.
    """

    spent: list[Spend] = field(default_factory=list)
    secret: tuple[str, str] = ("x-api-key", "sk-ant-admin01-test")
    refreshed: datetime | None = None

    def items(self, path: str, params: Params) -> list[Any] | None:
        report = path.removeprefix(f"{ORGANIZATION}/")
        if report == "workspaces":
            names = sorted({each.project for each in self.spent if each.project})
            return [{"id": name, "type": "workspace", "name": name.upper()} for name in names]
        given = dict(params)
        first = date.fromisoformat(given["starting_at"][:10])
        if report == "usage_report/claude_code":
            return [_claude_code(each) for each in self._of(first)]
        last = date.fromisoformat(given["ending_at"][:10])
        grouped = any(key == "group_by[]" for key, _ in params)
        days = [first + number * DAY for number in range((last - first).days)]
        if report in ("analytics/cost", "analytics/usage"):
            return [row for day in days for row in self._flat(day, report, grouped)]
        make = _cost if report.endswith("cost_report") else _usage
        if report not in _KNOWN:
            return None
        return [
            {
                "starting_at": midnight(day),
                "ending_at": midnight(day + DAY),
                "results": self._rows(day, make, grouped),
            }
            for day in days
        ]

    def _of(self, day: date) -> list[Spend]:
        return [each for each in self.spent if each.day == day]

    def _rows(self, day: date, make: Any, grouped: bool) -> list[Any]:
        found = self._of(day)
        if not grouped and found:
            found = [Spend(day, "", "", sum((each.amount for each in found), Decimal(0)))]
        return [make(each, grouped) for each in found]

    def _flat(self, day: date, report: str, grouped: bool) -> list[Any]:
        make = _cost if report == "analytics/cost" else _usage
        name = report.removeprefix("analytics/")
        rows = []
        for row in self._rows(day, make, grouped):
            dimensions = {key: row.pop(key) for key in ("workspace_id", "model") if key in row} | {
                "product": row.pop("description", None)
            }
            period = {"starting_at": midnight(day), "ending_at": midnight(day + DAY)}
            rows.append({**period, "group": dimensions, name: row})
        return rows

    def envelope(self, path: str, items: list[Any], cursor: str | None) -> Any:
        page = {"data": items, "has_more": cursor is not None}
        if path.endswith("/workspaces"):
            return page | {"first_id": None, "last_id": cursor}
        if self.refreshed is not None:
            page["data_refreshed_at"] = self.refreshed.strftime("%Y-%m-%dT%H:%M:%SZ")
        return page | {"next_page": cursor}

    def cursor_parameter(self, path: str) -> str:
        return "after_id" if path.endswith("/workspaces") else "page"

    def emptied(self, items: list[Any]) -> list[Any]:
        for place, item in enumerate(items):
            if item.get("results"):
                return [*items[:place], item | {"results": []}, *items[place + 1 :]]
        return items


_KNOWN = (
    "cost_report", "usage_report/messages", "analytics/cost_report", "analytics/usage_report",
)  # fmt: skip


def _cost(spend: Spend, grouped: bool) -> dict[str, Any]:
    """Cents, as text."""
    said = spend.item if grouped else None
    return {
        "currency": "USD",
        "amount": format(spend.amount.scaleb(2), "f"),
        "workspace_id": spend.project or None,
        "description": said,
        "cost_type": "tokens" if grouped else None,
        "model": said.partition(",")[0] if said else None,
        "token_type": "output_tokens" if grouped else None,
        "service_tier": "standard" if grouped else None,
        "context_window": "0-200k" if grouped else None,
        "inference_geo": "global" if grouped else None,
    }


def tokens_of(spend: Spend) -> int:
    """How many tokens a line stands for."""
    return int(spend.amount.scaleb(3))


def _usage(spend: Spend, grouped: bool) -> dict[str, Any]:
    said = spend.item.partition(",")[0] if grouped else None
    return {
        "workspace_id": spend.project or None,
        "api_key_id": None,
        "model": said,
        "service_tier": "standard" if grouped else None,
        "uncached_input_tokens": 0,
        "cache_read_input_tokens": 7,
        "output_tokens": tokens_of(spend),
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 0},
        "server_tool_use": {"web_search_requests": 1},
    }


def _claude_code(spend: Spend) -> Mapping[str, Any]:
    """Cents, as a number."""
    return {
        "date": midnight(spend.day),
        "actor": {"type": "user_actor", "email_address": f"{spend.item}@people.example"},
        "organization_id": "00000000-0000-4000-8000-000000000001",
        "customer_type": "api",
        "terminal_type": "vscode",
        "core_metrics": {"num_sessions": 3},
        "model_breakdown": [
            {
                "model": spend.item.partition(",")[0],
                "tokens": {"input": 5, "output": tokens_of(spend), "cache_read": 0},
                "estimated_cost": {"currency": "USD", "amount": spend.amount.scaleb(2)},
            }
        ],
    }
