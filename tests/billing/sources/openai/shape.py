"""What OpenAI's organisation API answers, made from the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from tests.billing.sources.fake_provider import DAY, Params, Spend

ORGANIZATION = "/v1/organization"
LISTS = ("projects", "api_keys", "users")


def seconds(day: date) -> int:
    """Unix seconds of a UTC midnight."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


@dataclass
class OpenAIShape:
    """Costs, usage and names over one truth.

    Attributes:
        groups_by: the parameter that is understood; another one is ignored, as unknown ones are.
        owners: whether keys say whose they are.
    """

    spent: list[Spend] = field(default_factory=list)
    secret: tuple[str, str] = ("Authorization", "Bearer sk-admin-test")
    groups_by: str = "group_by[]"
    owners: bool = False

    def items(self, path: str, params: Params) -> list[Any] | None:
        report = path.removeprefix(f"{ORGANIZATION}/")
        if report == "projects":
            names = sorted({each.project for each in self.spent if each.project})
            return [
                {"id": name, "object": "organization.project", "name": name.upper()}
                for name in names
            ]
        if report.endswith("/api_keys"):
            project = report.split("/")[1]
            row = {"id": f"key-{project}", "object": "organization.project.api_key"}
            return [row | {"name": f"Key of {project}"} | self._owner_of(project)]
        if report == "users":
            names = sorted({each.project for each in self.spent if each.project})
            return [
                {
                    "object": "organization.user",
                    "id": f"user-{name}",
                    "name": f"Somebody of {name}",
                    "email": f"{name}@acme.example",
                    "role": "reader",
                }
                for name in names
            ]
        given = dict(params)
        first = datetime.fromtimestamp(int(given["start_time"]), UTC).date()
        last = datetime.fromtimestamp(int(given["end_time"]), UTC).date()
        grouped = any(key == self.groups_by for key, _ in params)
        days = [first + number * DAY for number in range((last - first).days)]
        return [
            {
                "object": "bucket",
                "start_time": seconds(day),
                "end_time": seconds(day + DAY),
                "results": self._results(report, day, grouped),
            }
            for day in days
        ]

    def _owner_of(self, project: str) -> dict[str, Any]:
        if not self.owners:
            return {}
        user = {"object": "organization.project.user", "id": f"user-{project}", "role": "owner"}
        return {"owner": {"type": "user", "user": user | {"name": f"Somebody of {project}"}}}

    def _results(self, report: str, day: date, grouped: bool) -> list[Any]:
        found = [each for each in self.spent if each.day == day]
        if report == "usage/completions":
            return [_completion(each) for each in found]
        if report != "costs":
            return []
        if not grouped and found:
            return [_cost(Spend(day, "", "", sum((each.amount for each in found), Decimal(0))))]
        return [_cost(each) for each in found]

    def envelope(self, path: str, items: list[Any], cursor: str | None) -> Any:
        page = {"data": items, "has_more": cursor is not None}
        if path.endswith(LISTS):
            return {"object": "list", **page, "last_id": cursor}
        return {"object": "page", **page, "next_page": cursor}

    def cursor_parameter(self, path: str) -> str:
        return "after" if path.endswith(LISTS) else "page"

    def emptied(self, items: list[Any]) -> list[Any]:
        for place, item in enumerate(items):
            if item.get("results"):
                return [*items[:place], item | {"results": []}, *items[place + 1 :]]
        return items


def _cost(spend: Spend) -> dict[str, Any]:
    """Dollars, as a JSON number."""
    return {
        "object": "organization.costs.result",
        "amount": {"value": spend.amount, "currency": "usd"},
        "line_item": spend.item or None,
        "project_id": spend.project or None,
        "api_key_id": f"key-{spend.project}" if spend.project else None,
        "quantity": 82500 if spend.item else None,
        "quantity_unit": "tokens" if spend.item else None,
    }


def _completion(spend: Spend) -> dict[str, Any]:
    output = int(spend.amount.scaleb(3))
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": output + 30,
        "input_cached_tokens": 20,
        "input_cache_write_tokens": 10,
        "input_uncached_tokens": output,
        "output_tokens": output,
        "num_model_requests": 2,
        "project_id": spend.project or None,
        "api_key_id": None,
        "model": spend.item.partition(",")[0],
        "batch": False,
        "service_tier": "default",
        "user_id": None,
    }
