"""The sources that are asked by page number, over one truth."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.billing.sources.answers import Provider
from tests.billing.sources.cursor.serving import Cursor, event
from tests.billing.sources.fake_provider import Spend
from tests.billing.sources.github_copilot.serving import Copilot, item
from tests.billing.sources.litellm.serving import Proxy, call
from tests.billing.sources.numbered_pages import NumberedShape
from tests.billing.sources.openrouter.serving import OpenRouter, row

KEY = "a-key"
BEARER = ("Authorization", f"Bearer {KEY}")
BASIC = ("Authorization", f"Basic {base64.b64encode(f'{KEY}:'.encode()).decode()}")


def cursor_shape() -> NumberedShape:
    """Cursor: every line an event of its own, at a second of its own."""

    def serve(spent: Sequence[Spend], size: int) -> Provider:
        events = [
            event(
                f"{each.day}T10:{number // 60 % 60:02}:{number % 60:02}.000+00:00",
                cents=each.amount * 100,  # type: ignore[arg-type]  # exact, written digit by digit
                user=f"{each.project or 'nobody'}@example.com",
                model=each.item,
            )
            for number, each in enumerate(spent)
        ]
        cycle = dt.datetime(2026, 9, 1, tzinfo=dt.UTC)
        return Cursor(events, cycle, page_size=size, spend=_by_member(events))

    return NumberedShape(serve, BASIC, "usageEvents", ("pagination",))


def _by_member(events: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    found: dict[str, Decimal] = {}
    for each in events:
        name = each["userEmail"]
        found[name] = found.get(name, Decimal(0)) + each["chargedCents"]
    return {name: (float(cents), float(cents)) for name, cents in found.items()}


def litellm_shape() -> NumberedShape:
    """A LiteLLM proxy: every line a call."""

    def serve(spent: Sequence[Spend], size: int) -> Provider:
        calls = [
            call(
                number,
                f"{each.day}T10:15:00+00:00",
                spend=each.amount,  # type: ignore[arg-type]  # exact, written digit by digit
                model=each.item,
                team_id=each.project,
            )
            for number, each in enumerate(spent)
        ]
        # Two whole pages of a day: one in the place of the other leaves the count right.
        return Proxy(calls, page_size=min(size, 2))

    return NumberedShape(serve, BEARER, "data", ("total_pages", "total"))


class _ExactOpenRouter(OpenRouter):
    """Its sums of decimals."""

    def _sum(self, rows: Sequence[Mapping[str, Any]]) -> Decimal:
        return sum((each["usage"] for each in rows), Decimal(0))


def openrouter_shape() -> NumberedShape:
    """OpenRouter: every line a day of an endpoint."""

    def serve(spent: Sequence[Spend], size: int) -> Provider:
        rows = [
            row(str(each.day), each.amount, endpoint=f"{each.project}-{each.item}")  # type: ignore[arg-type]
            for each in spent
        ]
        return _ExactOpenRouter(rows, "2026-10-04", page_size=size)

    return NumberedShape(serve, BEARER, "data")


def copilot_shape() -> NumberedShape:
    """GitHub: every line what a person used of a model on a day."""

    def serve(spent: Sequence[Spend], size: int) -> Provider:
        rows = [
            item(
                str(each.day),
                quantity=str(each.amount * 100),
                discount="0",
                model=each.item,
                user=each.project or "nobody",
            )
            for each in spent
        ]
        return Copilot(rows)

    return NumberedShape(serve, BEARER, "usageItems")
