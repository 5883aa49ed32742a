"""What billing registers with the portal. Imported once, by `BillingConfig.ready()`."""

from __future__ import annotations

from adoption.selectors.portfolio import PortfolioColumn, portfolio_columns
from billing.approvals import register_guards
from billing.demo import steps as demo
from billing.metrics import cost_per_delivery  # noqa: F401  (importing it registers the metrics)
from billing.policies import may_see_costs
from billing.selectors.freshness import newest_cost_moment
from billing.services.allocation_rules import PENDING_RULES, apply_pending_rules
from billing.services.charge_store import ChargeStore
from billing.services.rule_requests import RULES
from billing.sources.config import CostConfig
from billing.sources.focus.source import FocusSource
from billing.views.use_case_panel import cost_panel, cost_to_date_column
from billing.vocabularies import FINALITIES, RULE_STATES, UNALLOCATED_REASONS
from portal.api.routers import register_api
from portal.approvals.registry import approval_kinds
from portal.audit.registry import governed
from portal.choices import ImportKind, Role
from portal.demo import DemoStep, demo_steps
from portal.imports.files import collect_files
from portal.imports.registry import ImportSource, import_sources
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.scopes import Scope, api_scopes
from portal.shell.freshness import FreshnessSource, freshness_sources
from portal.shell.navigation import NavigationEntry, Visitor, navigation
from portal.shell.panels import ObjectPanel, object_panels
from portal.shell.statuses import vocabularies
from portal.shell.urls_registry import register_urls
from portal.work.registry import Work, WorkKind, work_kinds

import_sources.register(
    ImportSource(
        key="focus",
        label="FOCUS cost and usage",
        kind=ImportKind.COSTS,
        source=FocusSource(),
        make_store=ChargeStore,
        config_model=CostConfig,
        accept=".csv,.gz,.parquet",
        summary="A FOCUS 1.0 to 1.3 cost and usage file as CSV, gzip'd CSV or Parquet.",
        collect=collect_files,
    )
)

register_api("billing.api.urls")
api_scopes.register(Scope("costs:read", "Read costs that the owner may see"))

demo_steps.register(DemoStep("billing.rules", 60, demo.build_rules))
demo_steps.register(DemoStep("billing.bills", 70, demo.build_bills))
demo_steps.register(DemoStep("billing.real_bill", 80, demo.build_real_bill))
demo_steps.register(DemoStep("billing.requests", 96, demo.ask_for_a_rule))

register_urls("costs/", "billing.urls")
register_guards()
approval_kinds.register(RULES)

vocabularies.register(FINALITIES)
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


def _apply_pending_rules(work: Work) -> None:
    apply_pending_rules(at=work.at)


work_kinds.register(
    WorkKind(
        key=PENDING_RULES,
        label="Allocate again after a rule changed",
        run=_apply_pending_rules,
        is_atomic=False,  # a month in each transaction; repeating one changes nothing
        roles=frozenset({Role.FINANCE}),
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="apply-allocation-rules",
        task="billing.tasks.apply_allocation_rules",
        when=3600.0,
        reason="A rule that reaches many charges queues its own work; this finds one whose work "
        "was discarded.",
        roles=frozenset({Role.FINANCE}),
    )
)

governed("billing.AllocationRule")
governed("billing.AllocationShare")
