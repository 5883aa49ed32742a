"""Price plans, and seats entered by hand: open to read, finance writes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from billing.services.plans import PlanDraft, create_plan
from tests.access.matrix import EVERYBODY, Column, Door, api, form_function, listing, only, page
from tests.access.readers import Reader
from tests.access.rows.billing import SEE_LINES
from tests.adoption.factories import NOW
from tests.billing.engine import connect
from tests.billing.seats import buy_seats

FINANCE = only(Column.FINANCE)
PLAN = {"pk": "plan.pk"}

ROWS = [
    listing("price-plan-list", EVERYBODY),
    form_function("price-plan-new", FINANCE),
    form_function("price-plan-end", FINANCE, values=PLAN),
    form_function("seats-new", FINANCE),
    page(
        "charge-document",
        SEE_LINES,
        values={"pk": "seat_purchase.pk"},
        unseen=EVERYBODY - SEE_LINES,
    ),
    api("api-price-plans", get=Door(EVERYBODY), post=Door(FINANCE, 400)),
    api("api-price-plan-end", post=Door(FINANCE, 400), values=PLAN),
]

READERS = [
    Reader("billing.selectors.plans:plans_visible_to", EVERYBODY),
    Reader("billing.selectors.plans:plan_for_page", EVERYBODY, arguments={"pk": "@plan.pk"}),
]


def prepare(world: Any) -> None:
    """One plan, and seats that were bought with an invoice beside them."""
    draft = PlanDraft(
        provider="Acme AI",
        key="team",
        name="Team",
        valid_from=dt.date(2026, 1, 1),
        valid_until=None,
        currency="USD",
        seat_price=Decimal(25),
        seat_period="month",
        included_credits=None,
        overage_price=None,
        source="Order form",
    )
    world.add(
        plan=create_plan(draft=draft, actor=world.people[Column.FINANCE], at=NOW),
        seat_purchase=buy_seats(connect("seats", cost_basis="invoiced")),
    )
