"""GitHub's billing and seats API over a list of true rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

REPORT = {
    "username": "user",
    "product": "product",
    "sku": "sku",
    "model": "model",
    "quantity": "grossQuantity",
    "unit_type": "unitType",
    "applied_cost_per_quantity": "pricePerUnit",
    "gross_amount": "grossAmount",
    "discount_amount": "discountAmount",
    "net_amount": "netAmount",
    "organization": "organization",
    "repository": "repositoryName",
    "cost_center_name": "costCenterName",
}


def item(
    day: str,
    *,
    user: str = "octo-ada",
    quantity: str = "12.5",
    discount: str = "0.025",
    unit: str = "ai-credits",
    **changes: Any,
) -> dict[str, Any]:
    """A true row: a usage item with its day. Amounts follow from quantity, price and discount."""
    price = Decimal("0.01") if unit == "ai-credits" else Decimal("0.04")
    gross = Decimal(quantity) * price
    name = "ai_credit" if unit == "ai-credits" else "premium_request"
    return {
        "day": day,
        "product": "Copilot",
        "sku": f"copilot_{name}",
        "model": "Claude Example 5",
        "unitType": unit,
        "pricePerUnit": price,
        "grossQuantity": Decimal(quantity),
        "grossAmount": gross,
        "discountQuantity": Decimal(discount) / price,
        "discountAmount": Decimal(discount),
        "netQuantity": Decimal(quantity) - Decimal(discount) / price,
        "netAmount": gross - Decimal(discount),
        "user": user,
        "organization": "octo-org",
        "repositoryName": "octo-org/portal",
        "costCenterName": "CC-7",
        **changes,
    }


class Copilot:
    """Answers the billing and seats endpoints.

    Attributes:
        rows: usage items with `day`.
        seats: seats, in GitHub's words.
        requests_with_credits: whether the answer of AI credits holds premium requests as well.
    """

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        seats: Sequence[Mapping[str, Any]] = (),
        *,
        requests_with_credits: bool = False,
    ) -> None:
        self.rows = rows
        self.seats = seats
        self.requests_with_credits = requests_with_credits

    def __call__(self, path: str, query: Mapping[str, str], body: Mapping[str, Any]) -> Any:
        if path.endswith("/copilot/billing/seats"):
            return self._seats(int(query["page"]), int(query["per_page"]))
        period = {name: int(query[name]) for name in ("year", "month", "day") if name in query}
        kinds = {"requests"} if "/premium_request/" in path else {"ai-credits"}
        if self.requests_with_credits and "/ai_credit/" in path:
            kinds.add("requests")
        return answer(self._of(period, kinds), period)

    def _of(self, period: Mapping[str, int], kinds: set[str]) -> list[Mapping[str, Any]]:
        start = f"{period['year']:04}-{period['month']:02}"
        if "day" in period:
            start += f"-{period['day']:02}"
        return [r for r in self.rows if r["day"].startswith(start) and r["unitType"] in kinds]

    def _seats(self, page: int, size: int) -> Any:
        part = self.seats[(page - 1) * size : page * size]
        return {"total_seats": len(self.seats), "seats": list(part)}


def answer(rows: Sequence[Mapping[str, Any]], period: Mapping[str, int]) -> dict[str, Any]:
    """A billing answer for a period."""
    items = [{key: value for key, value in row.items() if key != "day"} for row in rows]
    return {"timePeriod": dict(period), "organization": "octo-org", "usageItems": items}


def report(rows: Sequence[Mapping[str, Any]], **changes: str) -> bytes:
    """The same rows as the billing report."""
    columns = ["date", *REPORT, "total_monthly_quota", "aic_quantity", "aic_gross_amount"]
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    for row in rows:
        cells = {name: _text(row.get(key)) for name, key in REPORT.items()}
        cells |= {"date": row["day"], "product": cells["product"].lower()}
        cells |= {"total_monthly_quota": "1900"} | changes
        writer.writerow([cells.get(name, "0") for name in columns])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return repr(float(value))  # the report writes binary floats
    return "" if value is None else str(value)


def seat(number: int, plan: str = "business", at: str = "2026-09-03T08:00:00Z") -> dict[str, Any]:
    """A seat of a person."""
    return {
        "created_at": "2026-01-03T09:00:00Z",
        "updated_at": "2026-01-03T09:00:00Z",
        "pending_cancellation_date": None,
        "last_activity_at": at,
        "plan_type": plan,
        "assignee": {"login": f"octo-{number}", "id": number},
        "assigning_team": {"id": 1, "slug": "all"},
    }
