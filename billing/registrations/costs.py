"""Pages, panels, columns and demo steps of cost."""

from __future__ import annotations

from adoption.selectors.portfolio import PortfolioColumn, portfolio_columns
from billing.demo import sources as demo_sources
from billing.demo import steps as demo
from billing.fact_guards import register_guards
from billing.metrics import cost_per_delivery  # noqa: F401  (importing it registers the metrics)
from billing.policies import may_see_costs
from billing.selectors.freshness import newest_cost_moment
from billing.views.use_case_panel import cost_panel, cost_to_date_column
from billing.vocabularies import COST_STATUSES, RULE_STATES, UNALLOCATED_REASONS
from portal.api.routers import register_api
from portal.demo import DemoStep, demo_steps
from portal.scopes import Scope, api_scopes
from portal.shell.freshness import FreshnessSource, freshness_sources
from portal.shell.navigation import NavigationEntry, Visitor, navigation
from portal.shell.panels import ObjectPanel, object_panels
from portal.shell.statuses import vocabularies
from portal.shell.urls_registry import register_urls

register_guards()
register_api("billing.api.urls")
api_scopes.register(Scope("costs:read", "Read costs that the owner may see"))

demo_steps.register(DemoStep("billing.rules", 60, demo.build_rules))
demo_steps.register(DemoStep("billing.bills", 70, demo.build_bills))
demo_steps.register(DemoStep("billing.euro_bill", 75, demo_sources.build_euro_bill))
demo_steps.register(DemoStep("billing.real_bill", 80, demo.build_real_bill))
demo_steps.register(DemoStep("billing.saved_answers", 86, demo_sources.build_saved_answers))
demo_steps.register(DemoStep("billing.seats", 87, demo_sources.build_seats))
demo_steps.register(DemoStep("billing.gateway", 88, demo_sources.build_gateway))
demo_steps.register(DemoStep("billing.requests", 96, demo.ask_for_a_rule))

register_urls("costs/", "billing.urls")

vocabularies.register(COST_STATUSES)
vocabularies.register(UNALLOCATED_REASONS)
vocabularies.register(RULE_STATES)


def _sees_costs(user: Visitor) -> bool:
    return may_see_costs(user)  # type: ignore[arg-type]


for _order, (_key, _label, _url_name, _icon) in enumerate(
    (
        ("costs", "Costs", "costs", "coins"),
        ("unallocated", "Unallocated", "costs-unallocated", "warn"),
        ("rules", "Allocation rules", "allocation-rules", "arrow"),
        ("restatements", "Restatements", "restatements", "redo"),
    ),
    start=1,
):
    navigation.register(
        NavigationEntry(
            f"billing.{_key}", _label, _url_name, "Costs", _order * 10, _icon, _sees_costs
        )
    )

object_panels.register(
    ObjectPanel(
        "billing.cost",
        slot="use_case",
        order=20,
        template="billing/_use_case_cost.html",
        context=cost_panel,
        title="Cost",
    )
)
portfolio_columns.register(
    PortfolioColumn(
        key="billing.cost",
        label="Cost to date",
        order=10,
        values=cost_to_date_column,
        missing="no cost allocated",
        help_text="Billed cost of everything allocated so far, credits included",
    )
)
freshness_sources.register(FreshnessSource("costs", "Costs", newest_cost_moment, order=10))
