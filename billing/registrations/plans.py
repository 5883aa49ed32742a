"""Price plans: where they stand, how they look, what is recorded and refused."""

from __future__ import annotations

from billing.plan_guards import register_plan_guards
from billing.policies import may_see_costs
from billing.vocabularies import PLAN_STATES
from portal.audit.registry import governed
from portal.scopes import Scope, api_scopes
from portal.shell.navigation import NavigationEntry, Visitor, navigation
from portal.shell.statuses import vocabularies

register_plan_guards()
governed("billing.PricePlan")
vocabularies.register(PLAN_STATES)
api_scopes.register(Scope("price-plans:write", "Make and end price plans"))


def _sees_costs(user: Visitor) -> bool:
    return may_see_costs(user)  # type: ignore[arg-type]


navigation.register(
    NavigationEntry(
        "billing.plans", "Price plans", "price-plan-list", "Costs", 35, "list", _sees_costs
    )
)
