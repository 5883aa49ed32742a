"""What adoption registers with the portal. Imported once, by `AdoptionConfig.ready()`."""

from __future__ import annotations

from adoption.metrics import definitions  # noqa: F401  (importing it registers the metrics)
from adoption.metrics.registry import metrics
from adoption.selectors.portfolio import portfolio_columns
from adoption.services.follow_up import after_import
from adoption.services.history_store import HistoryStore
from adoption.sources.git.collect import collect_history
from adoption.sources.git.config import GitConfig
from adoption.sources.git.source import GitSource
from adoption.views import home
from adoption.vocabularies import MILESTONE_STATES, RISK_TIERS, STAGES
from portal.api.routers import register_api
from portal.checks import check_registry
from portal.choices import ImportKind
from portal.imports.registry import FollowUp, ImportSource, follow_ups, import_sources
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.shell.navigation import NavigationEntry, navigation
from portal.shell.panels import HomePanel, home_panels
from portal.shell.statuses import vocabularies
from portal.shell.urls_registry import register_urls

check_registry(metrics)
check_registry(portfolio_columns)

register_urls("", "adoption.urls")

vocabularies.register(STAGES)
vocabularies.register(MILESTONE_STATES)
vocabularies.register(RISK_TIERS)

navigation.register(
    NavigationEntry("adoption.portfolio", "Portfolio", "portfolio", "Work", 10, "list")
)
navigation.register(
    NavigationEntry("adoption.metrics", "Metrics", "metric-list", "Numbers", 10, "gauge")
)
navigation.register(
    NavigationEntry("adoption.programmes", "Programmes", "programme-list", "Work", 80, "target")
)
navigation.register(NavigationEntry("adoption.teams", "Teams", "team-list", "Work", 90, "people"))

home_panels.register(
    HomePanel("adoption.my_use_cases", 20, "adoption/_home_use_cases.html", home.my_use_cases)
)
home_panels.register(
    HomePanel("adoption.milestones", 30, "adoption/_home_milestones.html", home.milestones_due)
)
home_panels.register(
    HomePanel("adoption.proposals", 40, "adoption/_home_proposals.html", home.proposals)
)

register_api("adoption.api.urls")

import_sources.register(
    ImportSource(
        key="git",
        label="Git history",
        kind=ImportKind.DELIVERIES,
        source=GitSource(),
        make_store=HistoryStore,
        config_model=GitConfig,
        accept=".jsonl,.gz",
        summary="A repository, or the files of an exported history (commits and tags).",
        collect=collect_history,
    )
)
follow_ups.register(
    FollowUp("adoption.outcomes", frozenset({ImportKind.DELIVERIES, ImportKind.COSTS}), after_import)
)
scheduled_jobs.register(
    ScheduledJob(
        key="refresh-outcomes",
        task="adoption.tasks.refresh_outcomes",
        when=3600.0,
        reason="Deliveries come to hold, and milestones to be missed, by the passing of time.",
    )
)
