"""Price plans: to look at, and as the facts that a source is handed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet

from billing.choices import PlanPeriod
from billing.models import PricePlan
from billing.policies import may_see_costs
from billing.sources.usage_rows import MICRO
from portal.policies import AnyUser
from portal.shell.money import decimal_text, nano_text

_MONTHS = {PlanPeriod.MONTH: 1, PlanPeriod.YEAR: 12}


def plans_visible_to(user: AnyUser) -> QuerySet[PricePlan]:
    """Every plan: list prices are open inside the organisation, like the sums made with them."""
    if not may_see_costs(user):
        return PricePlan.objects.none()
    return PricePlan.objects.all()


def plan_for_page(user: AnyUser, *, pk: int) -> PricePlan | None:
    """One plan with who made and who ended it."""
    plans = plans_visible_to(user).select_related("created_by", "ended_by")
    return plans.filter(pk=pk).first()


def plan_state(*, valid_from: date, valid_until: date | None, today: date) -> str:
    """Which word of the vocabulary `price_plan` fits."""
    if valid_until == valid_from:
        return "withdrawn"
    if valid_until is not None and valid_until <= today:
        return "ended"
    return "coming" if valid_from > today else "holds"


def credits_text(micro: int | None) -> str | None:
    """Credits as decimal text; None when the plan does not say."""
    return None if micro is None else decimal_text(Decimal(micro) / MICRO)


def plan_facts(providers: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """Plans that hold on at least one day, as `billing.sources.price_plans` reads them.

    Amounts are decimal texts in units of the currency. Same plans, same list.

    Args:
        providers: of these only, without regard to case; every provider when None.
    """
    plans = PricePlan.objects.order_by("match_provider", "match_key", "valid_from", "pk")
    if providers is not None:
        plans = plans.filter(match_provider__in=[name.strip().casefold() for name in providers])
    return [_facts(plan) for plan in plans if plan.valid_until != plan.valid_from]


def _facts(plan: PricePlan) -> dict[str, Any]:
    def price(nano: int | None) -> str | None:
        return None if nano is None else nano_text(nano)

    return {
        "provider": plan.provider,
        "key": plan.key,
        "valid_from": plan.valid_from.isoformat(),
        "valid_until": plan.valid_until.isoformat() if plan.valid_until else None,
        "currency": plan.currency,
        "seat_price": price(plan.seat_price_nano),
        "months": _MONTHS[PlanPeriod(plan.seat_period)],
        "included_credits": credits_text(plan.included_credits_micro),
        "overage_price": price(plan.overage_price_nano),
    }
