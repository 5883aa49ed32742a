"""Snapshots and dashboards: pages, guards, approval, jobs, events."""

from __future__ import annotations

from adoption.board_guards import register_board_guards
from adoption.demo import boards as demo
from adoption.services.dashboard_approvals import APPROVED, DASHBOARDS
from adoption.services.snapshots import PUBLISH_KIND, PUBLISHED, publish_by_work
from adoption.vocabularies import DASHBOARD_STATUSES, TILE_STANDINGS
from portal.approvals.registry import approval_kinds
from portal.audit.registry import governed
from portal.choices import Role
from portal.demo import DemoStep, demo_steps
from portal.schedule import ScheduledJob, scheduled_jobs
from portal.shell.navigation import NavigationEntry, navigation
from portal.shell.statuses import vocabularies
from portal.webhooks.registry import webhook_events
from portal.work.registry import WorkKind, work_kinds

demo_steps.register(DemoStep("adoption.boards", 99, demo.build_boards))
_LEADS = frozenset({Role.PROGRAMME_LEAD})

register_board_guards()
approval_kinds.register(DASHBOARDS)
webhook_events.register(PUBLISHED)
webhook_events.register(APPROVED)
vocabularies.register(DASHBOARD_STATUSES)
vocabularies.register(TILE_STANDINGS)
navigation.register(
    NavigationEntry("adoption.dashboards", "Dashboards", "dashboard-list", "Numbers", 5, "list")
)
navigation.register(
    NavigationEntry("adoption.snapshots", "Snapshots", "snapshot-list", "Numbers", 90, "shield")
)
work_kinds.register(
    WorkKind(PUBLISH_KIND, "Publish a snapshot of metric values", publish_by_work, roles=_LEADS)
)
scheduled_jobs.register(
    ScheduledJob(
        key="publish-snapshot",
        task="adoption.tasks.publish_snapshot",
        when=3600.0,
        reason="What was filled or restated since the last snapshot is published; else nothing is.",
        roles=_LEADS,
    )
)
scheduled_jobs.register(
    ScheduledJob(
        key="expire-dashboards",
        task="adoption.tasks.expire_dashboards",
        when=3600.0,
        reason="An approval of a dashboard ends after 180 days; its owner is told.",
        roles=_LEADS,
    )
)
governed("adoption.Dashboard")
governed("adoption.DashboardVersion")
governed("adoption.DashboardStatusChange")
