"""Pages, panels, words, API and governed tables of use cases and deliveries."""

from __future__ import annotations

from adoption.approvals import register_guards
from adoption.demo import steps as demo
from adoption.metrics import definitions  # noqa: F401  (importing it registers the metrics)
from adoption.metrics.registry import metrics
from adoption.selectors.portfolio import portfolio_columns
from adoption.services.stages import STAGES as STAGE_APPROVALS
from adoption.views import delivery_panels, home
from adoption.vocabularies import (
    DELIVERY_STATES,
    DEPLOYMENT_TIERS,
    MILESTONE_STATES,
    RISK_TIERS,
    STAGES,
    STRENGTHS,
)
from portal.api.routers import register_api
from portal.approvals.registry import approval_kinds
from portal.audit.registry import governed
from portal.checks import check_registry
from portal.demo import DemoStep, demo_steps
from portal.scopes import Scope, api_scopes
from portal.shell.navigation import NavigationEntry, navigation
from portal.shell.panels import HomePanel, ObjectPanel, home_panels, object_panels
from portal.shell.statuses import vocabularies
from portal.shell.urls_registry import register_urls

check_registry(metrics)
check_registry(portfolio_columns)

register_urls("", "adoption.urls")
register_guards()
approval_kinds.register(STAGE_APPROVALS)

vocabularies.register(STAGES)
vocabularies.register(MILESTONE_STATES)
vocabularies.register(RISK_TIERS)
vocabularies.register(DELIVERY_STATES)
vocabularies.register(STRENGTHS)
vocabularies.register(DEPLOYMENT_TIERS)

navigation.register(
    NavigationEntry("adoption.portfolio", "Portfolio", "portfolio", "Work", 10, "list")
)
navigation.register(
    NavigationEntry("adoption.log_delivery", "Log a delivery", "log-delivery", "Work", 20, "export")
)
navigation.register(
    NavigationEntry("adoption.deliveries", "My deliveries", "my-deliveries", "Work", 30, "check")
)
navigation.register(
    NavigationEntry("adoption.metrics", "Metrics", "metric-list", "Numbers", 10, "gauge")
)
navigation.register(
    NavigationEntry("adoption.programmes", "Programmes", "programme-list", "Work", 80, "target")
)
navigation.register(NavigationEntry("adoption.teams", "Teams", "team-list", "Work", 90, "people"))

home_panels.register(
    HomePanel("adoption.first_steps", 1, "adoption/_home_first_steps.html", home.first_steps)
)
home_panels.register(
    HomePanel("adoption.my_use_cases", 20, "adoption/_home_use_cases.html", home.my_use_cases)
)
home_panels.register(
    HomePanel("adoption.milestones", 30, "adoption/_home_milestones.html", home.milestones_due)
)
home_panels.register(
    HomePanel("adoption.proposals", 40, "adoption/_home_proposals.html", home.proposals)
)
home_panels.register(
    HomePanel("adoption.to_log", 10, "adoption/_home_to_log.html", delivery_panels.to_log)
)
home_panels.register(
    HomePanel("adoption.to_review", 15, "adoption/_home_to_review.html", delivery_panels.to_review)
)
object_panels.register(
    ObjectPanel(
        "adoption.deliveries",
        slot="use_case",
        order=10,
        template="adoption/_use_case_deliveries.html",
        context=delivery_panels.use_case_deliveries,
        title="Deliveries",
    )
)

register_api("adoption.api.urls")
for _scope in (
    Scope("registry:read", "Read programmes, teams, use cases and milestones"),
    Scope("registry:write", "Propose and change use cases and milestones"),
    Scope("deliveries:read", "Read deliveries"),
    Scope("deliveries:write", "Log deliveries of the owner"),
    Scope("metrics:read", "Read definitions of metrics and their approved values"),
):
    api_scopes.register(_scope)

demo_steps.register(DemoStep("adoption.programme", 20, demo.build_programme))
demo_steps.register(DemoStep("adoption.histories", 30, demo.build_histories))
demo_steps.register(DemoStep("adoption.real_histories", 40, demo.build_real_histories))
demo_steps.register(DemoStep("adoption.deliveries", 50, demo.build_deliveries))
demo_steps.register(DemoStep("adoption.stages", 55, demo.build_later_stages))
demo_steps.register(DemoStep("adoption.outcomes", 90, demo.finish))
demo_steps.register(DemoStep("adoption.requests", 94, demo.ask_for_stages))

for _model in (
    "Programme",
    "Team",
    "Membership",
    "UseCase",
    "StageChange",
    "Milestone",
    "MilestoneEvent",
    "RepositoryLink",
    "Delivery",
    "MetricVersion",
    "MetricStanding",
):
    governed(f"adoption.{_model}")
governed("adoption.Identity", personal=("value", "display_name"), person="user")
