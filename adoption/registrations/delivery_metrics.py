"""Incidents, the metrics of delivery, and the monitor of gaming."""

from __future__ import annotations

from celery.schedules import crontab

from adoption.metrics import (  # noqa: F401  (importing them registers the metrics)
    attainment,
    delivery_metrics,
    impact_metrics,
    release_metrics,
    team_metrics,
)
from adoption.metrics.baselines import window_providers
from adoption.metrics.monitor import telltales
from adoption.metrics.reach import use_signs
from adoption.policies import may_see_findings
from adoption.services.service_splits import SPLITS
from adoption.vocabularies import FINDING_STATES
from portal.approvals.registry import approval_kinds
from portal.audit.registry import governed
from portal.checks import check_registry
from portal.choices import Role
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.scopes import Scope, api_scopes
from portal.shell.navigation import NavigationEntry, navigation
from portal.shell.statuses import vocabularies

check_registry(window_providers)
check_registry(telltales)
check_registry(use_signs)
approval_kinds.register(SPLITS)
api_scopes.register(Scope("incidents:write", "Send incidents"))
vocabularies.register(FINDING_STATES)
navigation.register(
    NavigationEntry(
        "adoption.findings",
        "Findings",
        "finding-list",
        "Numbers",
        60,
        "warn",
        may_see_findings,  # type: ignore[arg-type]
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="look-for-gaming",
        task="adoption.tasks.look_for_gaming",
        when=crontab(hour=4, minute=40),
        reason="Telltales of gaming in the last whole four weeks, each noted once.",
        roles=frozenset({Role.PROGRAMME_LEAD}),
    )
)
# What incident systems say is kept as it comes, like deployments: its history is in the row. That a
# service came out of another is a person's statement and moves an index; so is an answer to a
# finding.
governed("adoption.ServiceSplit")
governed("adoption.GamingFinding")
