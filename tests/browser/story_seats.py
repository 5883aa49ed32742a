"""Price plans in every state, and seats that were bought with an invoice beside them."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from billing.models import PricePlan
from billing.services.plans import PlanDraft, create_plan, end_plan
from portal.models import User
from portal.services.connections import create_connection
from tests.billing.seats import buy_seats


def make_plans(now: dt.datetime, viewer: User, **_: Any) -> dict[str, Any]:
    """Plans that hold, ended and were withdrawn, with a long name among them; one purchase."""
    today = now.date()

    def plan(key: str, start: dt.date, **changes: Any) -> PricePlan:
        values: dict[str, Any] = {
            "provider": "Acme AI", "key": key, "name": f"Acme {key}", "valid_from": start,
            "valid_until": None, "currency": "USD", "seat_price": Decimal("29.99"),
            "seat_period": "month", "included_credits": Decimal(1000),
            "overage_price": Decimal("0.04"), "source": "Order form 12, page 3",
        }  # fmt: skip
        return create_plan(draft=PlanDraft(**values | changes), actor=viewer, at=now)

    old = plan("team", today - dt.timedelta(days=300))
    end_plan(
        plan_id=old.pk, valid_until=today - dt.timedelta(days=30), actor=viewer, at=now,
        reason="The price went up with the renewal of the contract.",
    )  # fmt: skip
    wrong = plan("pro", today)
    end_plan(plan_id=wrong.pk, valid_until=today, reason="Typed wrong.", actor=viewer, at=now)
    plan("UNBROKEN" * 2, today + dt.timedelta(days=30), seat_price=None, currency="EUR")
    subscriptions = create_connection(
        slug="subscriptions", source="seats", name="Subscriptions", actor=viewer, at=now
    )
    return {
        "plan": plan("team", today - dt.timedelta(days=30), seat_price=Decimal("32.5")),
        "seat_purchase": buy_seats(subscriptions),
    }
