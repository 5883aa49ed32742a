"""Cursor's Admin API over a list of true events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def ms(at: dt.datetime) -> int:
    """Milliseconds since 1970."""
    return round((at - EPOCH) / dt.timedelta(milliseconds=1))


def event(
    at: str,
    *,
    cents: float = 4.02,
    kind: str = "Usage-based",
    user: str = "dev@example.com",
    **changes: Any,
) -> dict[str, Any]:
    """A true row: an event at a moment such as `2026-09-03T10:15:00.123+00:00`."""
    return {
        "timestamp": str(ms(dt.datetime.fromisoformat(at))),
        "userEmail": user,
        "model": "model-example",
        "kind": kind,
        "maxMode": False,
        "requestsCosts": 2,
        "isTokenBasedCall": True,
        "isChargeable": kind == "Usage-based",
        "isHeadless": True,
        "tokenUsage": {
            "inputTokens": 900,
            "outputTokens": 300,
            "cacheWriteTokens": 0,
            "cacheReadTokens": 15000,
            "totalCents": 3.51,
        },
        "chargedCents": cents,
        "cursorTokenFee": 0.51,
        "isFreeBugbot": False,
        **changes,
    }


class Cursor:
    """Answers /teams/spend and /teams/filtered-usage-events.

    Attributes:
        events: all events, those of the running day among them.
        cycle: the start of the running cycle.
        page_size: events a page, instead of what is asked for.
        inclusive: whether an event on the far edge of a range belongs to it.
        spend: by member, instead of what the events come to: (on demand, all), in cents.
    """

    def __init__(
        self,
        events: Sequence[Mapping[str, Any]],
        cycle: dt.datetime,
        *,
        page_size: int | None = None,
        inclusive: bool = False,
        spend: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        self.events = events
        self.cycle = cycle
        self.page_size = page_size
        self.inclusive = inclusive
        self.spend = spend

    def __call__(self, path: str, query: Mapping[str, str], body: Mapping[str, Any]) -> Any:
        size = self.page_size or body["pageSize"]
        if path == "/teams/spend":
            return self._spend(body["page"], size)
        return self._events(body["startDate"], body["endDate"], body["page"], size)

    def _events(self, start: int, end: int, page: int, size: int) -> Any:
        last = end if self.inclusive else end - 1
        rows = [e for e in self.events if start <= int(e["timestamp"]) <= last]
        pages = max(1, -(-len(rows) // size))
        return {
            "totalUsageEventsCount": len(rows),
            "pagination": {
                "numPages": pages,
                "currentPage": page,
                "pageSize": size,
                "hasNextPage": page < pages,
            },
            "usageEvents": rows[(page - 1) * size : page * size],
            "period": {"startDate": start, "endDate": end},
        }

    def _spend(self, page: int, size: int) -> Any:
        spend = self.spend if self.spend is not None else self._counted()
        members = [
            {"userId": number, "email": name, "spendCents": some, "overallSpendCents": every}
            for number, (name, (some, every)) in enumerate(sorted(spend.items()), start=1)
        ]
        return {
            "teamMemberSpend": members[(page - 1) * size : page * size],
            "subscriptionCycleStart": ms(self.cycle),
            "totalMembers": len(members),
            "totalPages": max(1, -(-len(members) // size)),
        }

    def _counted(self) -> dict[str, tuple[float, float]]:
        found: dict[str, tuple[float, float]] = {}
        for each in self.events:
            if int(each["timestamp"]) < ms(self.cycle):
                continue
            some, every = found.get(each["userEmail"], (0.0, 0.0))
            cents = each["chargedCents"]
            on_demand = cents if each["kind"] == "Usage-based" else 0
            found[each["userEmail"]] = round(some + on_demand, 6), round(every + cents, 6)
        return found
